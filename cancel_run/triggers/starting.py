"""Starting a cancellation: one orchestration for one run, however many ask and through whichever trigger.

It is longer than most: what the SDK's client says of an instance is read here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from cancel_run.cancellation.order import Order
from cancel_run.errors import RequestError, TaskHubError
from cancel_run.triggers.instance_ids import InstanceId

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.cancellation.request import CancelRequest
    from cancel_run.settings import Settings

ORCHESTRATOR = "cancel-active-run"  # the seed's workflowId
REHEARSAL = "rehearse-cancellation"

# runtime statuses of an instance that has not ended (Durable's OrchestrationRuntimeStatus)
ACTIVE = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})


class DurableClient(Protocol):
    """What is used of the SDK's client."""

    async def start_new(  # noqa: D102  # the SDK's, and documented there
        self, orchestration_function_name: str, instance_id: str, client_input: Any
    ) -> str: ...

    async def get_status(self, instance_id: str, *, show_input: bool = False) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Started:
    """A cancellation that is under way.

    ``joined`` is true when it certainly was before this request. It may be false for one that was begun at the same
    moment: of many starts at once Durable runs one and lets several of them believe that they began it.

    ``done`` says that the cancellation has ended, and that it already was what this request asks for. ``order_joined``
    is what the order is known by that was joined, where that is not this event's own.
    """

    instance_id: str
    run_id: int
    workspace: str
    joined: bool
    done: bool = False
    order_joined: str | None = None


async def start_or_join(
    client: DurableClient,
    settings: Settings,
    request: CancelRequest,
    asked_at: datetime,
    *,
    event: str | None = None,
    since: datetime | None = None,
    only: str | None = None,
    **decided: Any,
) -> Started:
    """One orchestration is cancelling the run: a new one, or the one that already was.

    ``event`` is what a message from the queue is known by; None for a request over HTTP. A message that is delivered
    again begins nothing: it is compared with the order that the instance has, and with how that ended. What has stopped
    the run ``since``, which is ``asked_at`` unless it is said, was what the event asks for. ``only`` and ``decided``
    are further fields of the order.

    A rehearsal has an instance and an orchestrator of its own: it knows of no cancellation, and none knows of it. A
    cancellation that is ``only`` for a queued run has an instance of its own.

    Raises:
        UnknownWorkspaceError: the settings do not have the workspace that the request names.
        TaskHubError: the task hub did not take the start and has no active instance for the run.
    """
    asked_at = aware(asked_at)
    workspace = settings.workspace(request.workspace).alias
    instance_id = str(InstanceId(workspace, request.run_id, request.dry_run, only))

    def order(known: Any) -> dict[str, Any]:
        return Order.of(
            replace(
                request,
                workspace=workspace,
                wait_timeout_seconds=request.wait_timeout_seconds or settings.wait_timeout_seconds,
            ),
            schedule=settings.schedule,
            asked_at=asked_at,
            event=event,
            only=only,
            earlier=None if request.dry_run else _result(known),
            **{"from_queue": event is not None, **decided},
        ).to_json()

    how, joined = await begin_or_join(
        client,
        REHEARSAL if request.dry_run else ORCHESTRATOR,
        instance_id,
        order,
        is_done=lambda known: event is not None and is_done(known, event, since or asked_at),
    )
    return Started(
        instance_id,
        request.run_id,
        workspace,
        joined=how is not How.BEGAN,
        done=how is How.DONE,
        order_joined=identity_of(joined) if joined is not None and not _is_of(joined, event) else None,
    )


class How(Enum):
    """What came of a start."""

    BEGAN = "it was begun"
    JOINED = "it was under way"
    DONE = "it has ended, and was what is asked for"


async def begin_or_join(
    client: DurableClient,
    orchestrator: str,
    instance_id: str,
    order: Callable[[Any], dict[str, Any]],
    *,
    is_done: Callable[[Any], bool],
) -> tuple[How, Any]:
    """One instance of that id is under way: a new one, or the one that already was, whose status is returned too.

    ``order`` makes the input out of what is known of an ended one (None where there is none), which stands in place of
    a new one where it ``is_done``.

    Raises:
        TaskHubError: the task hub did not take the start and has no active instance of that id.
    """
    known = await status_of(client, instance_id)
    if known is not None and runtime_status(known) in ACTIVE:
        return How.JOINED, known
    if known is not None and is_done(known):
        return How.DONE, known
    try:
        await client.start_new(orchestrator, instance_id, order(known))
    except Exception as refusal:  # the SDK raises bare Exceptions and KeyErrors, which say nothing sure
        known = await status_of(client, instance_id)
        if known is None or runtime_status(known) not in ACTIVE:
            raise TaskHubError(
                instance_id,
                f"The task hub did not take the start of {instance_id} ({type(refusal).__name__}).",
            ) from refusal
        return How.JOINED, known
    return How.BEGAN, None


def identity_of(known: Any) -> str:
    """What the order of an instance is known by; it outlives continue_as_new, as the hub's own times do not."""
    given = known.input_ if isinstance(known.input_, dict) else {}
    return f"{given.get('askedAt')} {given.get('event')}"


def _is_of(known: Any, event: str | None) -> bool:
    """True when this event has begun the instance: a start that is made twice joins itself."""
    return event is not None and isinstance(known.input_, dict) and known.input_.get("event") == event


def is_done(known: Any, event: str, asked_at: datetime) -> bool:
    """True when the ended instance was begun by this event, or stopped the run after this order was asked for.

    The second also holds for a message that had joined another order. A run that has been repaired since is its
    owner's, and not what this message was about.
    """
    try:
        order = Order.from_json(known.input_)
    except RequestError:
        return False  # somebody began it past the triggers
    if order.event == event:
        return True
    result, ended_at = _result(known), known.last_updated_time
    stopped = result is not None and bool(result.get("stopped"))
    # the task hub tells the time of the end in whole seconds
    return stopped and isinstance(ended_at, datetime) and asked_at.replace(microsecond=0) <= aware(ended_at)


def _result(known: Any) -> dict[str, Any] | None:
    """The result of an instance that has completed."""
    if known is None or runtime_status(known) != "Completed" or not isinstance(known.output, dict):
        return None
    return known.output


def aware(moment: datetime) -> datetime:
    """The moment, UTC where it names no zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def status_of(client: DurableClient, instance_id: str) -> Any:
    """The SDK's status of an instance; None when nobody started one of that id.

    Raises:
        TaskHubError: the task hub could not be asked, or its answer was not about an instance.
    """
    try:
        status = await client.get_status(instance_id, show_input=True)
    except Exception as error:
        raise TaskHubError(
            instance_id, f"The task hub could not be asked about {instance_id} ({type(error).__name__})."
        ) from error
    if _is_unknown(status):
        return None
    if status.runtime_status is None:
        raise TaskHubError(instance_id, f"The task hub cannot tell about {instance_id} at the moment.")
    return status


def _is_unknown(status: Any) -> bool:
    """True when the task hub said that there is no such instance, and not merely that something went wrong.

    For that it answers 404 without a body, of which the SDK's 1.x makes a status whose only attribute is an empty
    ``message``. Of the JSON of an error (which the extension sends with every other status code) it makes a status too,
    with the keys as attributes. 2.x raises for errors, and says so plainly when there is no instance.
    """
    told = {name: value for name, value in vars(status).items() if not name.startswith("_")}
    return told == {"message": ""} or getattr(status, "orchestration_state", status) is None


def runtime_status(status: Any) -> str:
    """The runtime status's name in the SDK's status object."""
    name: str = status.runtime_status.value
    return name
