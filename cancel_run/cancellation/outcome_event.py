"""One log record for every outcome, for whoever counts, draws and alerts; and one where an operator has to act first.

Its message is a line of JSON, because that is what Application Insights keeps of a record that a Python worker sends:
the text. What ``extra`` would add gets lost between the worker and the host. In a query ``parse_json(message)`` makes
fields of it again. It is written once for an outcome; a worker that dies at that very moment may write it once more,
with the same ``instanceId`` and ``startedAt``.

What callers and the workspace wrote stands in it as JSON in ASCII, cut to a length that keeps the line whole, and never
where the line begins: a query knows the line by its beginning.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.result import iso
from cancel_run.text import shortened

if TYPE_CHECKING:
    from cancel_run.cancellation.progress import Progress
    from cancel_run.cancellation.result import CancelResult

ENDED = "cancellationEnded"
BLOCKED = "cancellationBlocked"

logger = logging.getLogger(__name__)


def write(instance_id: str, started_at: datetime, throttled: int, result: CancelResult) -> None:
    """The outcome is in the log, at level WARNING; never call it while the history is replayed.

    At that level, because the Durable extension logs in the orchestrator's own category: whoever keeps INFO of it for
    the event keeps some sixty lines more of each cancellation.
    """
    _log(fields(instance_id, started_at, throttled, result))


def write_blocked(progress: Progress) -> None:
    """It is in the log, at level WARNING, that an operator has to mend something; never call it in a replay.

    For an order from the queue, which is tried again until its deadline. Once, and again when the code is another.
    """
    _log(blocked_fields(progress))


def _log(told: dict[str, Any]) -> None:
    logger.warning(json.dumps(told, separators=(",", ":")))


def blocked_fields(progress: Progress) -> dict[str, Any]:
    """What the record of a cancellation that is blocked tells; ``event`` is ``cancellationBlocked`` and comes first."""
    problem = progress.problem or {}
    return {
        "event": BLOCKED,
        "instanceId": progress.instance_id,
        "workspace": progress.order.workspace,
        "runId": progress.order.run_id,
        "startedAt": iso(progress.started_at),
        "deadline": iso(progress.deadline),
        "nextTryAt": iso(progress.next_at),
        "cancels": progress.cancels,
        "errorCode": progress.blocked,
        "errorStatusCode": problem.get("statusCode"),
        "reason": _told(progress.order.reason),
        "requestedBy": _told(progress.order.requested_by),
    }


def fields(instance_id: str, started_at: datetime, throttled: int, result: CancelResult) -> dict[str, Any]:
    """What the record tells.

    ``event`` is always ``cancellationEnded`` and comes first. ``secondsToStop`` runs from the first cancel that was
    accepted to the first sight of the end, and is null where there was none of either. ``retries`` are the calls that
    had no usable answer for now, ``throttled`` those of them that were answered 429.
    """
    error = result.error or {}
    return {
        "event": ENDED,
        "instanceId": instance_id,
        "workspace": result.workspace,
        "runId": result.run_id,
        "outcome": result.outcome.value,
        "stopped": result.stopped,
        "dryRun": result.dry_run,
        "finalLifeCycleState": _told(result.final_life_cycle_state),
        "resultState": _told(result.result_state),
        "startedAt": iso(started_at),
        "cancelRequestedAt": result.cancel_requested_at,
        "endedAt": result.ended_at,
        "secondsToStop": _seconds_between(result.cancel_requested_at, result.ended_at),
        "polls": result.polls,
        "cancels": result.cancels,
        "retries": result.retries,
        "throttled": throttled,
        "errorCode": error.get("code"),
        "errorStatusCode": error.get("statusCode"),
        "reason": _told(result.reason),
        "requestedBy": _told(result.requested_by),
    }


def _told(text: str | None) -> str | None:
    return text and shortened(text)


def _seconds_between(begin: str | None, end: str | None) -> float | None:
    if begin is None or end is None:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds(), 3)
