"""How a cancellation ended: the output format, and the words for every way it can end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How it ended; a member equals its wire value."""

    CANCELED = "canceled"  # TERMINATED with CANCELED, after our cancel
    ENDED_FIRST = "endedFirst"  # it ended in another way after we had set out to cancel it
    ALREADY_ENDED = "alreadyEnded"  # terminal when first read: no cancel was sent
    TIMED_OUT = "timedOut"  # still active, or not to be read, at the deadline
    REJECTED = "rejected"  # Databricks or Key Vault said a final no
    FAILED = "failed"  # the instance itself broke or an operator terminated it: nobody is watching the run any more


_STOPPED = frozenset({Outcome.CANCELED, Outcome.ENDED_FIRST, Outcome.ALREADY_ENDED})


@dataclass(frozen=True)
class CancelResult:
    """What is known at the end. ``stopped`` is the one question that a caller has to ask."""

    outcome: Outcome
    run_id: int | None
    workspace: str | None = None
    final_life_cycle_state: str | None = None
    result_state: str | None = None
    state_message: str | None = None
    run_page_url: str | None = None
    reason: str | None = None
    requested_by: str | None = None
    cancel_requested_at: str | None = None
    ended_at: str | None = None
    polls: int = 0
    cancels: int = 0
    retries: int = 0
    timeline: list[dict[str, str]] = field(default_factory=list)
    error: dict[str, Any] | None = None

    @property
    def stopped(self) -> bool:
        """True when the run was seen in a terminal state."""
        return self.outcome in _STOPPED

    def to_json(self) -> dict[str, Any]:
        """The output: the seed's three (``runId``, ``finalLifeCycleState``, ``resultState``), then the operator's.

        Times are ISO 8601 in UTC. ``endedAt`` and the times in ``timeline`` tell when a state was first seen.
        ``error`` is ``{"code", "message", "statusCode"}`` or null.
        """
        return {
            "runId": self.run_id,
            "finalLifeCycleState": self.final_life_cycle_state,
            "resultState": self.result_state,
            "outcome": self.outcome.value,
            "stopped": self.stopped,
            "stateMessage": self.state_message,
            "workspace": self.workspace,
            "runPageUrl": self.run_page_url,
            "reason": self.reason,
            "requestedBy": self.requested_by,
            "cancelRequestedAt": self.cancel_requested_at,
            "endedAt": self.ended_at,
            "polls": self.polls,
            "cancels": self.cancels,
            "retries": self.retries,
            "timeline": self.timeline,
            "error": self.error,
        }


def error_json(code: str, message: str, status_code: int | None = None) -> dict[str, Any]:
    """The shape of ``error`` in a result."""
    return {"code": code, "message": message, "statusCode": status_code}


def iso(moment: datetime) -> str:
    """``moment`` as ISO 8601 in UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
