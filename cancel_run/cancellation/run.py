"""A Databricks run as the Jobs API tells of it, and the one place that knows which states are final.

What we add to the seed's lists, on purpose: its ``stillActive`` knows RUNNING, TERMINATING and PENDING, and forgets
QUEUED, BLOCKED and WAITING_FOR_RETRY; its ``cancelled`` knows TERMINATED and INTERNAL_ERROR, and forgets SKIPPED.
A state that nobody knows yet is active: Databricks adds states without notice, and the deadline bounds the wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_LIMIT = 1000  # characters: what Databricks says travels through history and custom status at every poll


class LifeCycleState(StrEnum):
    """RunLifeCycleState of the Jobs API; a member equals its wire value."""

    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ResultState(StrEnum):
    """RunResultState of the Jobs API; present only once the run has ended."""

    CANCELED = "CANCELED"
    DISABLED = "DISABLED"
    EXCLUDED = "EXCLUDED"
    FAILED = "FAILED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"
    SUCCESS = "SUCCESS"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    TIMEDOUT = "TIMEDOUT"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"


TERMINAL = frozenset({LifeCycleState.TERMINATED, LifeCycleState.SKIPPED, LifeCycleState.INTERNAL_ERROR})

# A cancel has been noticed once a run is TERMINATING; in these states it has not (yet) had its effect.
UNTOUCHED = frozenset(
    {
        LifeCycleState.BLOCKED,
        LifeCycleState.PENDING,
        LifeCycleState.QUEUED,
        LifeCycleState.RUNNING,
        LifeCycleState.WAITING_FOR_RETRY,
    }
)

# The newer `status` object has no result state; its termination code says the same in other words.
_RESULT_OF_TERMINATION_CODE = {
    "USER_CANCELED": ResultState.CANCELED,
    "RUN_EXECUTION_ERROR": ResultState.FAILED,
}


def is_terminal(life_cycle_state: str) -> bool:
    """True when a run in this state will never change again, unless somebody repairs it."""
    return life_cycle_state in TERMINAL


@dataclass(frozen=True)
class Run:
    """What one answer of ``runs/get`` said. States are text, so that one nobody knows yet is kept as it came."""

    life_cycle_state: str
    result_state: str | None = None
    state_message: str | None = None
    page_url: str | None = None

    @classmethod
    def from_api(cls, answer: object) -> Run:
        """The run in the Jobs API's answer, out of ``state`` or, where that is missing, ``status``.

        Raises:
            ValueError: the answer tells no life cycle state.
        """
        if not isinstance(answer, dict):
            raise ValueError("the answer is not a JSON object")  # noqa: TRY004  # one error for every strange shape
        page_url = _text(answer, "run_page_url")
        state = answer.get("state")
        if isinstance(state, dict) and (life_cycle_state := _text(state, "life_cycle_state")):
            return cls(life_cycle_state, _text(state, "result_state"), _text(state, "state_message"), page_url)
        status = answer.get("status")
        if isinstance(status, dict) and (life_cycle_state := _text(status, "state")):
            details = status.get("termination_details")
            details = details if isinstance(details, dict) else {}
            code = _text(details, "code") if is_terminal(life_cycle_state) else None
            result = _RESULT_OF_TERMINATION_CODE.get(code, code) if code else None
            return cls(life_cycle_state, result, _text(details, "message"), page_url)
        raise ValueError("the answer has no state.life_cycle_state")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """The run that :meth:`to_json` wrote."""
        return cls(data["lifeCycleState"], data["resultState"], data["stateMessage"], data["runPageUrl"])

    def to_json(self) -> dict[str, str | None]:
        """The shape that travels: ``lifeCycleState``, ``resultState``, ``stateMessage``, ``runPageUrl``."""
        return {
            "lifeCycleState": self.life_cycle_state,
            "resultState": self.result_state,
            "stateMessage": self.state_message,
            "runPageUrl": self.page_url,
        }


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return (one_line(value, TEXT_LIMIT) or None) if isinstance(value, str) else None
