"""Lives of a cancellation, each with its order and what the activities answer, in the words of this release.

A commit plays its own lives with its own code; what it makes of another's is what ``make compat`` asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.run import Run
from cancel_run.cancellation.schedule import Schedule
from tests.support.scripts import BUSY, DENIED, NOT_FOUND, RUN_ID, START, accepted, busy_for

LATER = {"later": 0.5}


def told(state: str, result: str | None = None, **more: Any) -> dict[str, Any]:
    """An answer of ``runs/get`` with every field that the app keeps."""
    states = {"life_cycle_state": state, "result_state": result, "state_message": "In its words."}
    return {
        "run_id": RUN_ID,
        "state": states,
        "job_id": 7,
        "run_name": "nightly",
        "trigger": "PERIODIC",
        "creator_user_name": "alice@example.com",
        "start_time": 1769860000000,
        "run_page_url": "https://adb-1.1.azuredatabricks.net/?o=1#job/7/run/1",
        **more,
    }


def seen(state: str, result: str | None = None) -> dict[str, Any]:
    """A read that shows the run so."""
    return {"run": Run.from_api(told(state, result), RUN_ID).to_json()}


def repaired() -> dict[str, Any]:
    """A read after the attempt was canceled and its owner has repaired the run."""
    attempt = {"id": 5, "type": "REPAIR", "start_time": 2, "state": {"life_cycle_state": "RUNNING"}}
    first = {"type": "ORIGINAL", "start_time": 1, "state": told("TERMINATED", "CANCELED")["state"]}
    run = Run.attempt_from_api(told("RUNNING", repair_history=[first, attempt]), RUN_ID, 0)
    assert run is not None
    return {"run": run.to_json()}


CANCELED = seen("TERMINATED", "CANCELED")
RUNNING, STOPPING, NEVER_HEARD_OF = seen("RUNNING"), seen("TERMINATING"), seen("FROZEN_BY_A_NEW_RELEASE")


@dataclass(frozen=True)
class Life:
    """What each activity answers, call by call; the last answer repeats, and an exception is raised."""

    reads: list[Any] = field(default_factory=lambda: [RUNNING])
    cancels: list[Any] = field(default_factory=lambda: [{**accepted, "pollAfterSeconds": 2.0}])
    polls: list[Any] = field(default_factory=lambda: [CANCELED])
    wait_timeout_seconds: int = 3600
    order: dict[str, Any] = field(default_factory=dict)

    def input(self) -> dict[str, Any]:
        """What its orchestration is begun with."""
        request = CancelRequest(RUN_ID, "prod", "over budget", "cost-guard", self.wait_timeout_seconds)
        return Order.of(request, **{"asked_at": START, **self.order}).to_json()

    def answer(self, step: str, number: int) -> Any:
        """The answer to the call of that step, counted from 0."""
        answers = {"readRun": self.reads, "cancelRun": self.cancels, "pollRun": self.polls}[step]
        return answers[min(number, len(answers) - 1)]


_FROM_QUEUE = {"from_queue": True, "event": "alert-1"}
# a generation of a few calls and an early second cancel: every point of a life is played to its end
_SHORT = {"schedule": Schedule(calls_per_generation=4, cancel_again_after_seconds=5)}

LIVES = {
    "quick": Life(polls=[RUNNING, STOPPING, CANCELED]),
    "already-ended": Life(reads=[seen("TERMINATED", "SUCCESS")]),
    "refused": Life(cancels=[DENIED], polls=[RUNNING]),
    "mended": Life(reads=[DENIED, RUNNING], cancels=[DENIED, accepted], polls=[RUNNING, CANCELED], order=_FROM_QUEUE),
    "throttled": Life(
        reads=[LATER, busy_for(3), RUNNING],
        cancels=[busy_for(90), LATER, {**accepted, **RUNNING}],
        polls=[busy_for(20), LATER, STOPPING, busy_for(1), CANCELED],
    ),
    "long": Life(polls=[*[RUNNING] * 2, *[STOPPING] * 6, seen("TERMINATED", "FAILED")], order=_SHORT),
    "cancel-again": Life(
        cancels=[accepted, DENIED, accepted], polls=[*[RUNNING] * 9, STOPPING, CANCELED], order=_SHORT
    ),
    "unsure": Life(cancels=[BUSY, accepted], polls=[BUSY, *[RUNNING] * 6, STOPPING, CANCELED]),
    "timed-out": Life(polls=[STOPPING, BUSY, STOPPING, {"later": 20}], wait_timeout_seconds=10),
    "repaired": Life(polls=[RUNNING, repaired()]),
    "gone": Life(polls=[RUNNING, NOT_FOUND]),
    "expired": Life(order={**_FROM_QUEUE, "asked_at": START - timedelta(days=3)}),
    "broken": Life(
        reads=[RuntimeError("a dead worker"), RUNNING],
        cancels=[RuntimeError("a dead worker"), accepted],
        polls=[RuntimeError("a dead worker"), CANCELED],
    ),
    "unknown-state": Life(
        reads=[NEVER_HEARD_OF], polls=[NEVER_HEARD_OF, NEVER_HEARD_OF, STOPPING, NEVER_HEARD_OF, CANCELED]
    ),
}
