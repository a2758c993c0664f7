"""One order for the runs of a job in a few facts: a line of the list, beside the runs' own cancellations."""

from __future__ import annotations

from typing import Any

from cancel_run.cancellation.result import iso
from cancel_run.job.order import JobOrder
from cancel_run.job.result import JobOutcome
from cancel_run.triggers.callers_url import status_url
from cancel_run.triggers.job_starting import JobInstance
from cancel_run.triggers.job_trigger import ROUTE
from cancel_run.triggers.starting import ACTIVE, aware, runtime_status
from cancel_run.triggers.summary import order_of, started_at


def job_summary(status: Any, url: str, asked_at: str) -> dict[str, Any] | None:
    """The JSON object of an instance, for a request to the route ``asked_at`` at ``url``; None for one of no job."""
    known = JobInstance.of(status.instance_id or "")
    if known is None or status.runtime_status is None:
        return None
    name = runtime_status(status)
    active, order = name in ACTIVE, order_of(status, JobOrder)
    result = status.output if name == "Completed" and isinstance(status.output, dict) else {}
    return {
        "instanceId": status.instance_id,
        "jobId": known.job_id,
        "workspace": known.workspace,
        "only": known.only,
        "dryRun": known.dry_run,
        "runtimeStatus": name,
        "startedAt": iso(started_at(status)),
        "endedAt": None if active else iso(aware(status.last_updated_time)),
        "outcome": None if active else result.get("outcome", JobOutcome.FAILED.value),
        "stopped": bool(result.get("stopped")),
        "reason": order.reason,
        "requestedBy": order.requested_by,
        "startedBy": order.started_by,
        "fromQueue": order.from_queue,
        "statusUrl": status_url(url, asked_at, status.instance_id).replace(f"/{asked_at}/", f"/{ROUTE}/", 1),
    }
