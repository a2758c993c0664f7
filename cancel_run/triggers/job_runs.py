"""How each run of a job is doing, put together from the cancellations of the runs: no custom status could hold it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.job.progress import JobProgress
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.starting import runtime_status, status_of

if TYPE_CHECKING:
    from datetime import datetime

    from cancel_run.job.child import Child
    from cancel_run.triggers.starting import DurableClient

AT_ONCE = 20  # calls of the task hub side by side


async def runs_of(status: Any, client: DurableClient, now: datetime) -> list[dict[str, Any]]:
    """``{"runId", "instanceId", "runtimeStatus", "lifeCycleState", "cancels", "outcome"}`` of each run that was listed.

    They are in the input of the orchestration, which begins a generation once its list is whole; before that there are
    none to tell.

    Raises:
        TaskHubError: the task hub cannot tell.
    """
    try:
        progress = JobProgress.load(status.input_, status.instance_id, now)
    except RequestError:
        return []
    order = progress.order
    places = asyncio.Semaphore(AT_ONCE)

    async def one(child: Child) -> dict[str, Any]:
        instance_id = str(InstanceId(order.workspace or "", child.run_id, order.dry_run, order.only))
        told = {"runId": child.run_id, "instanceId": instance_id, "runtimeStatus": None}
        told |= {"lifeCycleState": child.state or None, "cancels": 0, "outcome": child.outcome}
        if child.ended:
            return {**told, "runtimeStatus": "Completed"}
        async with places:
            seen = await status_of(client, instance_id)
        return {**told, **_seen(seen)} if seen is not None else told

    return list(await asyncio.gather(*(one(child) for child in progress.children)))


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
