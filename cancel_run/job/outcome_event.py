"""One log record for the outcome of an order for a job, like that of a run (``cancellation/outcome_event.py``)."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from cancel_run.text import shortened

if TYPE_CHECKING:
    from cancel_run.job.result import JobResult

ENDED = "jobCancellationEnded"

logger = logging.getLogger(__name__)


def write(instance_id: str, result: JobResult) -> None:
    """The outcome is in the log, at level WARNING; never call it while the history is replayed."""
    logger.warning(json.dumps(fields(instance_id, result), separators=(",", ":")))


def fields(instance_id: str, result: JobResult) -> dict[str, Any]:
    """What the record tells; ``event`` is always ``jobCancellationEnded`` and comes first. Its runs have their own."""
    error = result.error or {}
    return {
        "event": ENDED,
        "instanceId": instance_id,
        "workspace": result.workspace,
        "jobId": result.job_id,
        "outcome": result.outcome.value,
        "stopped": result.stopped,
        "only": result.only,
        "dryRun": result.dry_run,
        "startedAt": result.started_at,
        "endedAt": result.ended_at,
        "runs": len(result.runs),
        "runsStopped": sum(bool(run.get("stopped")) for run in result.runs),
        "startedMeanwhile": len(result.started_meanwhile),
        "truncated": result.truncated,
        "retries": result.retries,
        "errorCode": error.get("code"),
        "errorStatusCode": error.get("statusCode"),
        "reason": result.reason and shortened(result.reason),
        "requestedBy": result.requested_by and shortened(result.requested_by),
    }
