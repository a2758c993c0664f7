"""The states of a Databricks run, and the one place that knows what they mean.

What we add to the workflow's lists, on purpose: its ``stillActive`` knows RUNNING, TERMINATING and PENDING, and forgets
QUEUED, BLOCKED and WAITING_FOR_RETRY; its ``cancelled`` knows TERMINATED and INTERNAL_ERROR, and forgets SKIPPED.
A state that nobody knows yet is active: Databricks adds states without notice, and the deadline bounds the wait.
"""

from __future__ import annotations

from enum import StrEnum


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


class Means(StrEnum):
    """What a life cycle state means for a cancellation."""

    ENDED = "ended"  # the run will never change again, unless somebody repairs it
    UNTOUCHED = "untouched"  # active, and a cancel has not (yet) had its effect
    STOPPING = "stopping"  # active, and whatever it does, it is not untouched


_MEANING: dict[str, Means] = {
    LifeCycleState.TERMINATED: Means.ENDED,
    LifeCycleState.SKIPPED: Means.ENDED,
    LifeCycleState.INTERNAL_ERROR: Means.ENDED,
    LifeCycleState.BLOCKED: Means.UNTOUCHED,
    LifeCycleState.PENDING: Means.UNTOUCHED,
    LifeCycleState.QUEUED: Means.UNTOUCHED,
    LifeCycleState.RUNNING: Means.UNTOUCHED,
    LifeCycleState.WAITING_FOR_RETRY: Means.UNTOUCHED,
}


def meaning(life_cycle_state: str) -> Means:
    """What the state, as it came, means; one that nobody knows yet is active."""
    return _MEANING.get(life_cycle_state, Means.STOPPING)
