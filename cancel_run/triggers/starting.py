"""Starting a cancellation: one orchestration for one run, however many ask and through whichever trigger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from cancel_run.errors import TaskHubError

if TYPE_CHECKING:
    from cancel_run.cancellation.request import CancelRequest
    from cancel_run.settings import Settings

ORCHESTRATOR = "cancel-active-run"  # the seed's workflowId

# runtime statuses of an instance that has not ended (Durable's OrchestrationRuntimeStatus)
ACTIVE = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})


class DurableClient(Protocol):
    """What is used of the SDK's client."""

    async def start_new(  # noqa: D102  # the SDK's, and documented there
        self, orchestration_function_name: str, instance_id: str, client_input: Any
    ) -> str: ...

    async def get_status(self, instance_id: str) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Started:
    """A cancellation that is under way; ``joined`` when it was before this request."""

    instance_id: str
    run_id: int
    workspace: str
    joined: bool


async def start_or_join(client: DurableClient, settings: Settings, request: CancelRequest) -> Started:
    """One orchestration is cancelling the run: a new one, or the one that already was.

    Raises:
        UnknownWorkspaceError: the settings do not have the workspace that the request names.
        TaskHubError: the task hub did not take the start and has no active instance for the run.
    """
    workspace = settings.workspace(request.workspace).alias
    instance_id = f"{workspace}-{request.run_id}"
    order = replace(
        request,
        workspace=workspace,
        wait_timeout_seconds=request.wait_timeout_seconds or settings.wait_timeout_seconds,
    )
    try:
        await client.start_new(ORCHESTRATOR, instance_id, {**order.to_json(), "schedule": settings.schedule.to_json()})
    except Exception as refusal:  # the SDK raises bare Exceptions and KeyErrors, which say nothing sure
        if runtime_status(await status_of(client, instance_id)) not in ACTIVE:
            raise TaskHubError(
                instance_id,
                f"The task hub did not take the start of {instance_id} ({type(refusal).__name__}).",
            ) from refusal
        return Started(instance_id, request.run_id, workspace, joined=True)
    return Started(instance_id, request.run_id, workspace, joined=False)


async def status_of(client: DurableClient, instance_id: str) -> Any:
    """The SDK's status of an instance; falsy when nobody started one of that id.

    Raises:
        TaskHubError: the task hub could not be asked.
    """
    try:
        return await client.get_status(instance_id)
    except Exception as error:
        raise TaskHubError(
            instance_id, f"The task hub could not be asked about {instance_id} ({type(error).__name__})."
        ) from error


def runtime_status(status: Any) -> str | None:
    """The runtime status's name in the SDK's status object, or None for an instance that does not exist."""
    if not status or status.runtime_status is None:
        return None
    name: str = status.runtime_status.value
    return name
