"""One of the job's runs, and what is known of its cancellation, which is an instance of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # what is stored is read by its type
from typing import Any

from cancel_run.cancellation.result import CancelResult, Outcome, error_json


@dataclass
class Child:
    """A run that was listed as active.

    Attributes:
        state: its life cycle state as it was last told.
        queued: it waited in the job's queue when it was listed.
        began_at: when its cancellation was begun or joined; None while it is due.
        joined: what the order is known by that was joined: the end of another one would say nothing of it.
        ended: its cancellation has; ``stopped`` and ``outcome`` say how.
    """

    run_id: int = 0
    state: str = ""
    queued: bool = False
    began_at: datetime | None = None
    joined: str | None = None
    ended: bool = False
    stopped: bool = False
    outcome: str | None = None
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def due(self) -> bool:
        """Nobody has begun its cancellation."""
        return self.began_at is None and not self.ended

    @property
    def under_way(self) -> bool:
        """Its cancellation has begun and not ended."""
        return self.began_at is not None and not self.ended

    def holds_a_place(self, now: datetime, seconds: float) -> bool:
        """It counts among those side by side: a run that does not stop for so long gives its place to the next."""
        return self.under_way and self.began_at is not None and (now - self.began_at).total_seconds() < seconds

    def without_result(self, workspace: str | None, reason: str | None, requested_by: str | None) -> dict[str, Any]:
        """The result of a cancellation that cannot tell its own."""
        if self.due:
            error = error_json("NotBegun", "Its cancellation was not begun: the order ended before. Ask again.")
        elif self.ended:
            error = error_json("ResultNotFound", "How it ended is known; the rest could not be read any more.")
        else:
            error = error_json("StillUnderWay", "Its cancellation had not ended; look at it under its own instance id.")
        outcome = Outcome(self.outcome) if self.outcome in set(Outcome) else Outcome.TIMED_OUT
        return CancelResult(
            outcome=outcome,
            run_id=self.run_id,
            workspace=workspace,
            final_life_cycle_state=self.state or None,
            reason=reason,
            requested_by=requested_by,
            error=error,
        ).to_json()
