"""What a thousand cancellations cost: ``python -m infra.cost [--seconds-to-stop 30] [--callers 1] ...``.

The executions follow from the app's own schedule. What one execution takes, in storage, telemetry and time, is assumed:
each assumption is an option, and so is each price. Prices are in USD.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cancel_run.cancellation.progress import CANCEL_RUN, Progress
from cancel_run.cancellation.request import LONGEST_WAIT_SECONDS
from cancel_run.cancellation.run import LifeCycleState, ResultState, Run
from cancel_run.orchestrator import CALLS_PER_GENERATION

CANCELLATIONS = 1000


@dataclass(frozen=True)
class Executions:
    """Function executions of one cancellation."""

    polls: int
    activities: int
    turns: int
    requests: int

    @property
    def total(self) -> int:
        """All that the plan counts."""
        return self.activities + self.turns + self.requests


def executions(seconds_to_stop: float, callers: int) -> Executions:
    """Those of a run that ends ``seconds_to_stop`` after its cancel, where every call is answered at once.

    ``callers`` wait for the end over HTTP; each looks once a poll. None do after an alert, which comes by the queue.
    """
    now = datetime(2026, 1, 31, tzinfo=UTC)
    ends_at = now + timedelta(seconds=seconds_to_stop)
    active = {"run": Run(LifeCycleState.TERMINATING).to_json()}
    ended = {"run": Run(LifeCycleState.TERMINATED, ResultState.CANCELED).to_json()}
    progress = Progress.load({"runId": 455644833, "waitTimeoutSeconds": LONGEST_WAIT_SECONDS}, "prod-455644833", now)
    activities = timers = 0
    while progress.outcome is None:
        if progress.next_at > now:
            now, timers = progress.next_at, timers + 1
        step = progress.next_step
        answer = {"accepted": True} if step == CANCEL_RUN else active if now < ends_at else ended
        progress.note(step, answer, now)
        activities += 1
    generations = (activities - 1) // CALLS_PER_GENERATION + 1
    turns = generations + activities + timers  # one for each: begun, an answer, a timer
    return Executions(progress.polls, activities, turns, requests=1 + callers * progress.polls)


def report(options: argparse.Namespace) -> str:
    """The table in docs/operations.md."""
    one = executions(options.seconds_to_stop, options.callers)
    # alone on its instance, each burst of work is billed for itself: the start, each poll, each look
    gigabyte_seconds = options.instance_gb * options.billed_seconds * (one.polls + one.requests)
    transactions = (
        one.turns * options.per_turn + one.activities * options.per_activity + one.requests * options.per_request
    )
    gigabytes = one.total * options.telemetry_kb / 1e6
    rows = [
        ("executions", f"{one.total}", one.total * options.execution_price / 1e6),
        ("memory, where each is alone", f"{gigabyte_seconds:g} GB s", gigabyte_seconds * options.gigabyte_second_price),
        ("storage transactions", f"{transactions}", transactions * options.transaction_price / 1e4),
        ("telemetry, where none is sampled", f"{gigabytes * 1e6:g} kB", gigabytes * options.telemetry_price),
    ]
    lines = ["| | each | a thousand, USD |", "| --- | --- | --- |"]
    lines += [f"| {name} | {each} | {usd * CANCELLATIONS:.2f} |" for name, each, usd in rows]
    lines += [f"| **together** | | **{sum(usd for _, _, usd in rows) * CANCELLATIONS:.2f}** |"]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The assumptions and the prices, with where they are from."""
    made = argparse.ArgumentParser(prog="python -m infra.cost", formatter_class=argparse.ArgumentDefaultsHelpFormatter)

    def option(name: str, default: float, told: str) -> None:
        made.add_argument(name, type=type(default), default=default, help=told)

    option("--seconds-to-stop", 30.0, "from the cancel to the end of the run")
    option("--callers", 1, "that wait for the end over HTTP")
    option("--instance-gb", 2.0, "memory of an instance")
    option("--billed-seconds", 1.0, "the least that Flex Consumption bills for a burst of work")
    option("--per-turn", 6, "transactions of an orchestrator turn: message, history read and written, status, action")
    option("--per-activity", 3, "transactions of an activity: message taken, answered, deleted")
    option("--per-request", 3, "transactions of a start or a look")
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
