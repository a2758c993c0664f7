"""What a cancellation costs in Azure: operations counted in its history, and assumed prices.

The history is what the orchestrator makes of simulated answers. What the Durable extension's Azure Storage provider
does for each event is read from its documentation and is not proven here: see :func:`count`.
``python -m bench.azure_costs SECONDS ...`` prints the counts for runs that take so long to stop.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.histories import Generation, generations
from bench.simulation import Stopping
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN
from cancel_run.cancellation.schedule import Schedule
from cancel_run.orchestrator import cancel_active_run
from infra import cost as infra_cost

if TYPE_CHECKING:
    from datetime import datetime

INSTANCE_ID = "prod-455644833"
RUN_PAGE = "https://adb-1234567890123456.7.azuredatabricks.net/?o=1234567890123456#job/11223344/run/455644833"
LOOKS_PER_POLL = 1  # of a caller that follows Retry-After


# the one place that has them: docs/operations.md says where each is from
PRICES = infra_cost.parser().parse_args([])


@dataclass(frozen=True)
class Count:
    """What one cancellation does."""

    seconds: float
    polls: int
    http: int  # executions: the start, and a look at the status for every poll
    orchestrator: int  # executions, each a replay
    activities: int  # executions
    history_events: int
    history_bytes: int
    queue_operations: int
    table_operations: int

    @property
    def executions(self) -> int:
        """Of functions of any kind."""
        return self.http + self.orchestrator + self.activities

    @property
    def dollars(self) -> float:
        """The most that it costs, telemetry left out: alone on its instance, each burst of work is billed by itself."""
        gigabyte_seconds = PRICES.instance_gb * PRICES.billed_seconds * (self.polls + self.http)
        operations = self.queue_operations + self.table_operations
        return float(
            self.executions * PRICES.execution_price / 1e6
            + gigabyte_seconds * PRICES.gigabyte_second_price
            + operations * PRICES.transaction_price / 1e4
        )


def count(seconds: float, running: float = 0.0) -> Count:
    """What the cancellation of a run does that takes so long to stop, being RUNNING for that part of it.

    Of the Azure Storage provider it is assumed that a message is put into a queue, taken and deleted (three operations)
    for every start, timer, activity and activity's result; that a turn of the orchestrator reads its history, adds
    to it in one batch and updates the instance (three operations); and that the history is read and cleared (two) when
    the orchestration continues as new.
    """
    made = list(generations(cancel_active_run, _order(), _answers(Stopping(seconds, running)), INSTANCE_ID))
    total = _Total(made)
    looks = LOOKS_PER_POLL * total.polls + 1
    messages = 1 + total.timers + 2 * total.activities
    return Count(
        seconds=seconds,
        polls=total.polls,
        http=1 + looks,
        orchestrator=total.turns,
        activities=total.activities,
        history_events=sum(len(generation.events) for generation in made),
        history_bytes=sum(generation.size for generation in made),
        queue_operations=3 * messages,
        table_operations=3 * total.turns + 2 * (len(made) - 1) + 1 + looks,
    )


class _Total:
    """Sums over an instance's generations."""

    def __init__(self, made: list[Generation]) -> None:
        self.turns = sum(len(generation.turns) for generation in made)
        self.timers = sum(generation.timers for generation in made)
        self.activities = sum(len(generation.calls) for generation in made)
        self.polls = sum(generation.calls.count(POLL_RUN) for generation in made)


def _order() -> dict[str, Any]:
    return {"runId": 455644833, "workspace": "prod", "waitTimeoutSeconds": 604800, "schedule": Schedule().to_json()}


def _answers(run: Stopping) -> Any:
    canceled_at: datetime | None = None

    def answer(name: str, now: datetime) -> Any:
        nonlocal canceled_at
        if name == CANCEL_RUN:
            canceled_at = canceled_at or now
            return {"accepted": True}
        state = "RUNNING" if canceled_at is None else run.state((now - canceled_at).total_seconds())
        result = "CANCELED" if state == "TERMINATED" else None
        told = {"lifeCycleState": state, "resultState": result, "stateMessage": None, "runPageUrl": RUN_PAGE}
        return {"run": told}

    return answer


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        counted = count(float(argument))
        print(counted, f"at most ${counted.dollars:.5f}")
