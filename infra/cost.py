"""What a thousand cancellations cost: ``python -m infra.cost [--seconds-to-stop 30] [--callers 1] ...``.

Executions and events are counted in the history that the orchestrator makes. What one of them takes, in storage,
telemetry and time, is assumed: each assumption is an option, and so is each price, in :func:`parser` and nowhere else.
Prices are in USD. docs/operations.md and docs/benchmarks.md have their figures from here.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN
from cancel_run.cancellation.request import LONGEST_WAIT_SECONDS
from cancel_run.cancellation.run import LifeCycleState, ResultState, Run
from cancel_run.cancellation.schedule import Schedule
from cancel_run.orchestrator import cancel_active_run
from local_host.emulators.one_pass import generations

if TYPE_CHECKING:
    from datetime import datetime

    from local_host.emulators.one_pass import Answers

CANCELLATIONS = 1000
INSTANCE_ID = "prod-455644833"
ORDER = {
    "runId": 455644833,
    "workspace": "prod",
    "waitTimeoutSeconds": LONGEST_WAIT_SECONDS,
    "schedule": Schedule().to_json(),
}
RUN_PAGE = "https://adb-1234567890123456.7.azuredatabricks.net/?o=1234567890123456#job/11223344/run/455644833"


@dataclass(frozen=True)
class Count:
    """What one cancellation does."""

    polls: int
    timers: int
    activities: int  # executions
    turns: int  # executions of the orchestrator, each a replay
    requests: int  # executions: the start, and a caller's looks
    generations: int  # histories, of which each but the last was cut by a continue_as_new
    history_events: int
    history_bytes: int

    @property
    def executions(self) -> int:
        """All that the plan counts."""
        return self.activities + self.turns + self.requests


def count(seconds_to_stop: float, callers: int = 1, answer_seconds: float = 0.2) -> Count:
    """That of a run which is TERMINATING from its cancel on and ends ``seconds_to_stop`` after it.

    ``callers`` wait for the end over HTTP; each looks once a poll. None do after an alert, which comes by the queue.
    """
    answers = _answers(timedelta(seconds=seconds_to_stop))
    made = list(generations(cancel_active_run, ORDER, answers, INSTANCE_ID, answer_seconds))
    polls = sum(history.calls.count(POLL_RUN) for history in made)
    return Count(
        polls=polls,
        timers=sum(history.timers for history in made),
        activities=sum(len(history.calls) for history in made),
        turns=sum(len(history.turns) for history in made),
        requests=1 + callers * polls,
        generations=len(made),
        history_events=sum(len(history.events) for history in made),
        history_bytes=sum(history.size for history in made),
    )


def _answers(stops_in: timedelta) -> Answers:
    canceled_at: datetime | None = None

    def answer(name: str, now: datetime) -> Any:
        nonlocal canceled_at
        if name == CANCEL_RUN:
            canceled_at = canceled_at or now
            return {"accepted": True}
        if canceled_at is None:
            run = Run(LifeCycleState.RUNNING, page_url=RUN_PAGE)
        elif now < canceled_at + stops_in:
            run = Run(LifeCycleState.TERMINATING, page_url=RUN_PAGE)
        else:
            run = Run(LifeCycleState.TERMINATED, ResultState.CANCELED, page_url=RUN_PAGE)
        return {"run": run.to_json()}

    return answer


@dataclass(frozen=True)
class Bill:
    """What is counted, at the assumptions and prices of :func:`parser`."""

    count: Count
    options: argparse.Namespace

    @property
    def queue_operations(self) -> int:
        """Of the messages: the start, and each timer, activity and activity's result."""
        return int(self.options.per_message * (1 + self.count.timers + 2 * self.count.activities))

    @property
    def table_operations(self) -> int:
        """Of the histories and of the instance's status."""
        turns, cuts, requests = self.count.turns, self.count.generations - 1, self.count.requests
        return int(self.options.per_turn * turns + self.options.per_cut * cuts + self.options.per_request * requests)

    @property
    def rows(self) -> list[tuple[str, str, float]]:
        """What is paid for, how much of it, and USD."""
        executions, given = self.count.executions, self.options
        # alone on its instance, each burst of work is billed for itself: the start, each poll, each look
        gigabyte_seconds = given.instance_gb * given.billed_seconds * (self.count.polls + self.count.requests)
        transactions = self.queue_operations + self.table_operations
        gigabytes = executions * given.telemetry_kb / 1e6
        return [
            ("executions", f"{executions}", executions * given.execution_price / 1e6),
            (
                "memory, where each is alone",
                f"{gigabyte_seconds:g} GB s",
                gigabyte_seconds * given.gigabyte_second_price,
            ),
            ("storage transactions", f"{transactions}", transactions * given.transaction_price / 1e4),
            ("telemetry, where none is sampled", f"{gigabytes * 1e6:g} kB", gigabytes * given.telemetry_price),
        ]

    @property
    def usd(self) -> float:
        """One cancellation, alone on its instance: the most that it costs."""
        return sum(usd for _, _, usd in self.rows)


def bill(options: argparse.Namespace) -> Bill:
    """That of one cancellation."""
    return Bill(count(options.seconds_to_stop, options.callers, options.answer_seconds), options)


def report(options: argparse.Namespace) -> str:
    """The table in docs/operations.md."""
    one = bill(options)
    lines = ["| | each | a thousand, USD |", "| --- | --- | --- |"]
    lines += [f"| {name} | {each} | {usd * CANCELLATIONS:.2f} |" for name, each, usd in one.rows]
    lines += [f"| **together** | | **{one.usd * CANCELLATIONS:.2f}** |"]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The assumptions and the prices, with where they are from."""
    made = argparse.ArgumentParser(prog="python -m infra.cost", formatter_class=argparse.ArgumentDefaultsHelpFormatter)

    def option(name: str, default: float, told: str) -> None:
        made.add_argument(name, type=type(default), default=default, help=told)

    option("--seconds-to-stop", 30.0, "from the cancel to the end of the run")
    option("--callers", 1, "that wait for the end over HTTP")
    option("--answer-seconds", 0.2, "of an activity")
    option("--instance-gb", 2.0, "memory of an instance")
    option("--billed-seconds", 1.0, "the least that Flex Consumption bills for a burst of work")
    option("--per-message", 3, "queue operations of a start, timer, activity or result: put, taken, deleted")
    option("--per-turn", 3, "table operations of an orchestrator turn: history read and added to, instance updated")
    option("--per-cut", 2, "table operations of a continue_as_new: history read and cleared")
    option("--per-request", 1, "table operations of a start or a look")
    option("--telemetry-kb", 2.0, "of an execution: a request and a span")
    option("--execution-price", 0.40, "a million executions; from memory")
    option(
        "--gigabyte-second-price", 0.000026, "a GB s; modal.com/blog/azure-function-pricing-guide, 2025-05-22, East US"
    )
    option("--transaction-price", 0.004, "ten thousand transactions of a queue; from memory, and tables cost less")
    option("--telemetry-price", 2.30, "a GB of analytics logs; monitoringcost.com/azure-monitor-cost, 2026")
    return made


if __name__ == "__main__":
    sys.stdout.write(report(parser().parse_args()) + "\n")
