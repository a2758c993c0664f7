"""What is known of an order for a job's runs: whose it is, and how each run's own cancellation is doing.

No custom status could hold the runs: they are in the input of the orchestration, which begins a generation once its
list is whole; before that there are none to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.job.order import JobOrder
from cancel_run.job.progress import JobProgress
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.results import result_of
from cancel_run.triggers.side_by_side import side_by_side
from cancel_run.triggers.starting import ACTIVE, aware, runtime_status, status_of
from cancel_run.triggers.summary import order_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from cancel_run.job.child import Child
    from cancel_run.triggers.starting import DurableClient


def progress_of(status: Any, now: datetime) -> JobProgress | None:
    """What the instance knew when its generation began; None where it was begun past the triggers."""
    try:
        return JobProgress.load(status.input_, status.instance_id, now)
    except RequestError:
        return None


async def runs_of(status: Any, client: DurableClient, now: datetime) -> list[dict[str, Any]]:
    """``{"runId", "instanceId", "runtimeStatus", "lifeCycleState", "cancels", "outcome"}`` of each run that was listed.

    Raises:
        TaskHubError: the task hub cannot tell.
    """

    async def one(child: Child, known: InstanceId) -> dict[str, Any]:
        instance_id = str(known)
        told = {"runId": child.run_id, "instanceId": instance_id, "runtimeStatus": None}
        told |= {"lifeCycleState": child.state or None, "cancels": 0, "outcome": child.outcome}
        if child.ended:
            return {**told, "runtimeStatus": "Completed"}
        seen = await status_of(client, instance_id)
        return {**told, **_seen(seen)} if seen is not None else told

    return await _of_each(status, now, one)


async def results_of(status: Any, client: DurableClient, now: datetime) -> list[dict[str, Any]]:
    """The result of each run's cancellation, where the orchestration of the job has none: they go on without it.

    Raises:
        TaskHubError: the task hub cannot tell.
    """
    order = order_of(status, JobOrder)

    async def one(child: Child, known: InstanceId) -> dict[str, Any]:
        seen = await status_of(client, str(known))
        if seen is not None and runtime_status(seen) in ACTIVE:
            child.began_at = child.began_at or now  # this generation may have begun it: its input does not say
        elif seen is not None and order.asked_at is not None and _since(seen, order.asked_at):
            return result_of(seen, known)
        return child.without_result(order.workspace, order.reason, order.requested_by)

    return await _of_each(status, now, one)


def _since(seen: Any, asked_at: datetime) -> bool:
    """It ended after that; the task hub tells the time of the end in whole seconds."""
    return aware(seen.last_updated_time) >= asked_at.replace(microsecond=0)


async def _of_each(
    status: Any, now: datetime, ask: Callable[[Child, InstanceId], Awaitable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The answers for the runs, some of them side by side."""
    progress = progress_of(status, now)
    if progress is None:
        return []
    order = progress.order

    async def one(child: Child) -> dict[str, Any]:
        return await ask(child, InstanceId(order.workspace or "", child.run_id, order.dry_run, order.only))

    return await side_by_side(progress.children, one)


def _seen(status: Any) -> dict[str, Any]:
    shown = status.custom_status if isinstance(status.custom_status, dict) else {}
    result = status.output if isinstance(status.output, dict) else {}
    facts = {
        "lifeCycleState": result.get("finalLifeCycleState") or shown.get("lifeCycleState"),
        "cancels": result.get("cancels") or shown.get("cancels"),
        "outcome": result.get("outcome"),
    }
    told = {key: value for key, value in facts.items() if value is not None}
    return {"runtimeStatus": runtime_status(status), **told}
