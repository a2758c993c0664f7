"""The cancellations of a job's runs, begun and looked at for the orchestration of the job, by two activities.

They are instances like any other: each has its status URL, and one that is under way is joined. Every answer is data:

* startCancellations: ``{"begun": [{"runId", "joined": identity or absent}]}``;
* readCancellations: ``{"ended": [{"runId", "stopped", "outcome", "state"}], "lost": [run ids]}``, with ``"result"`` of
  each where results are asked for. What is in neither list is under way; what is lost is another order's now.

``"problem"`` stands beside them where the task hub did not answer for some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.result import error_json
from cancel_run.cancellation.stored import moment
from cancel_run.errors import CancelRunError, RequestError, TaskHubError
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.results import result_of
from cancel_run.triggers.side_by_side import side_by_side
from cancel_run.triggers.starting import (
    ACTIVE,
    identity_of,
    is_done,
    runtime_status,
    start_or_join,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.starting import DurableClient

Answer = dict[str, Any]


class Family(TypedDict, total=False):
    """What both activities are asked with: whose cancellations they are. ``since`` is when the order was given."""

    workspace: str
    dryRun: bool
    event: str
    since: str
    runs: list[Any]  # run ids to begin; {"runId", "joined"} to look at
    results: bool
    only: str | None
    reason: str | None
    requestedBy: str | None
    startedBy: str | None
    fromQueue: bool
    waitTimeoutSeconds: int


async def start_cancellations(
    family: Family, client: DurableClient, settings: Callable[[], Settings], clock: Clock
) -> Answer:
    """startCancellations: the cancellations of these runs are under way, or have ended since the order was given.

    A second call is harmless: what the first one has begun is known by the order's event, and left alone.
    """
    since = moment(family["since"]) or clock.now()

    async def begin(run_id: int) -> Answer:
        request = CancelRequest(
            run_id,
            workspace=family["workspace"],
            reason=family.get("reason"),
            requested_by=family.get("requestedBy"),
            wait_timeout_seconds=family["waitTimeoutSeconds"],
            dry_run=family.get("dryRun", False),
        )
        started = await start_or_join(
            client,
            settings(),
            request,
            clock.now(),  # from now on it grows old
            since=since,
            event=family["event"],
            started_by=family.get("startedBy"),
            from_queue=family.get("fromQueue", False),
            only=family.get("only"),
        )
        return {"runId": run_id, **({"joined": started.order_joined} if started.order_joined else {})}

    begun, problem = await _each(family["runs"], begin)
    return {"begun": begun, **problem}


async def read_cancellations(family: Family, client: DurableClient) -> Answer:
    """readCancellations: which of these have ended, and how. Looking changes nothing, so a second call is harmless."""
    since = moment(family["since"])

    async def look(known: Any) -> Answer:
        run_id, workspace = known["runId"], family["workspace"]
        instance_id = InstanceId(workspace, run_id, family.get("dryRun", False), family.get("only"))
        status = await status_of(client, str(instance_id))
        if status is None or not _is_ours(status, known.get("joined"), family["event"], since):
            return {"runId": run_id, "lost": True}
        if runtime_status(status) in ACTIVE:
            return {"runId": run_id}
        result = result_of(status, instance_id)
        told = {"stopped": result.get("stopped"), "outcome": result.get("outcome")}
        full = {"result": result} if family.get("results") else {}
        return {"runId": run_id, **told, "state": result.get("finalLifeCycleState"), **full}

    seen, problem = await _each(family["runs"], look)
    lost = [one["runId"] for one in seen if "lost" in one]
    return {"ended": [one for one in seen if "outcome" in one], "lost": lost, **problem}


def _is_ours(status: Any, joined: str | None, event: str, since: datetime | None) -> bool:
    """True for the cancellation that this order has begun or joined, and for one that did its work since."""
    if joined is not None and identity_of(status) == joined:
        return True
    if runtime_status(status) in ACTIVE:
        try:
            return Order.from_json(status.input_).event == event
        except RequestError:
            return False
    return since is not None and is_done(status, event, since)


async def _each(
    items: Iterable[Any], ask: Callable[[Any], Awaitable[Answer]]
) -> tuple[list[Answer], dict[str, dict[str, Any]]]:
    """The answers for the items, some of them side by side; and the problem of those that have none."""

    async def one(item: Any) -> Answer | CancelRunError:
        try:
            return await ask(item)
        except CancelRunError as error:
            return error

    answers = await side_by_side(items, one)
    errors = [answer for answer in answers if isinstance(answer, CancelRunError)]
    problem = {"problem": _problem(errors[0])} if errors else {}
    return [answer for answer in answers if not isinstance(answer, CancelRunError)], problem


def _problem(error: CancelRunError) -> dict[str, Any]:
    code = "TaskHubUnavailable" if isinstance(error, TaskHubError) else getattr(error, "code", "InvalidSettings")
    return error_json(code, str(error))
