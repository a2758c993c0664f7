"""What a thousand cancellations cost, and a month without any: ``python -m infra.cost [--seconds-to-stop 30] ...``.

Executions and events are counted in the history that the orchestrator makes. What one of them takes, in storage and
telemetry, is fitted to what was counted once on Microsoft's host (:data:`SEEN`); what it takes in time is assumed. Each
of these numbers is an option, and so is each price, in :func:`parser` and nowhere else. Prices are in USD.
docs/costs.md, docs/benchmarks.md and the README have their figures from here.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN
from cancel_run.cancellation.request import LONGEST_WAIT_SECONDS
from cancel_run.cancellation.run import Run
from cancel_run.orchestrator import cancel_active_run
from local_host.emulators.one_pass import generations

if TYPE_CHECKING:
    from datetime import datetime

    from local_host.emulators.one_pass import Answers

CANCELLATIONS = 1000

# one cancellation of 30 s on 2026-11-25: Functions host 4.1037, Durable extension 3.19.0, Storage Queues extension
# 5.3.10, Azurite. The telemetry is what is left with the event as a warning; before it were 139 kB.
SEEN = {"polls": 13, "storage requests": 470, "telemetry kB": 58, "storage requests of a short one": 140}
DAYS = 30
INSTANCE_ID = "prod-455644833"
RUN_ID = 455644833
ORDER = Order(run_id=RUN_ID, workspace="prod", wait_timeout_seconds=LONGEST_WAIT_SECONDS).to_json()
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
            state = {"life_cycle_state": "RUNNING"}
        elif now < canceled_at + stops_in:
            state = {"life_cycle_state": "TERMINATING"}
        else:
            state = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
        told = {"run_id": RUN_ID, "run_page_url": RUN_PAGE, "state": state}
        return {"run": Run.from_api(told, RUN_ID).to_json()}

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
    def telemetry_kb(self) -> float:
        """Of all its executions, where none is sampled."""
        return float(self.options.telemetry_kb * self.count.executions)

    @property
    def rows(self) -> list[tuple[str, str, float]]:
        """What is paid for, how much of it, and USD."""
        executions, given = self.count.executions, self.options
        # alone on its instance, each burst of work is billed for itself: the start, each poll, each look
        gigabyte_seconds = given.instance_gb * given.billed_seconds * (self.count.polls + self.count.requests)
        transactions = self.queue_operations + self.table_operations
        return [
            ("executions", f"{executions}", executions * given.execution_price / 1e6),
            (
                "memory, where each is alone",
                f"{gigabyte_seconds:g} GB s",
                gigabyte_seconds * given.gigabyte_second_price,
            ),
            ("storage transactions", f"{transactions}", transactions * given.transaction_price / 1e4),
            (
                "telemetry, where none is sampled",
                f"{self.telemetry_kb:g} kB",
                self.telemetry_kb / 1e6 * given.telemetry_price,
            ),
        ]

    @property
    def usd(self) -> float:
        """One cancellation, alone on its instance: the most that it costs."""
        return sum(usd for _, _, usd in self.rows)


@dataclass(frozen=True)
class AtRest:
    """What thirty days without a cancellation cost, at the assumptions and prices of :func:`parser`."""

    options: argparse.Namespace

    @property
    def rows(self) -> list[tuple[str, str, float]]:
        """What is there by default, how much of it, and USD."""
        given, seconds = self.options, DAYS * 24 * 3600
        transactions = given.always_ready * given.at_rest_per_minute * seconds // 60
        rules = {"5": given.rules_5, "15": given.rules_15, "60": given.rules_60}
        prices = {"5": given.rule_5_price, "15": given.rule_15_price, "60": given.rule_15_price}
        return [
            (
                f"an instance that is always ready, {given.instance_gb:g} GB",
                f"{given.always_ready}",
                given.always_ready * given.instance_gb * seconds * given.baseline_price,
            ),
            (
                "storage transactions of it",
                f"{given.at_rest_per_minute} a minute",
                transactions * given.transaction_price / 1e4,
            ),
            *(
                (f"alert rules that look every {minutes} minutes", f"{count}", count * prices[minutes])
                for minutes, count in rules.items()
            ),
        ]

    @property
    def network_rows(self) -> list[tuple[str, str, float]]:
        """The same of ``privateNetwork``, in a network that is made."""
        given, hours = self.options, DAYS * 24
        return [
            ("gateway", "1", hours * given.gateway_price),
            ("public address", "1", hours * given.address_price),
            ("private endpoints", f"{given.endpoints}", given.endpoints * hours * given.endpoint_price),
            ("private DNS zones", f"{given.endpoints}", given.endpoints * given.zone_price),
        ]

    @property
    def usd(self) -> float:
        """What is there by default."""
        return sum(usd for _, _, usd in self.rows)


def bill(options: argparse.Namespace) -> Bill:
    """That of one cancellation."""
    return Bill(count(options.seconds_to_stop, options.callers, options.answer_seconds), options)


def report(options: argparse.Namespace) -> str:
    """The three tables in docs/costs.md: cancellations, at rest, at rest in a network of its own."""
    one, rest = bill(options), AtRest(options)
    thousand = [(name, each, usd * CANCELLATIONS) for name, each, usd in one.rows]
    days = f"{DAYS} days, USD"
    tables = [
        _table("each", "a thousand, USD", thousand),
        _table("how many", days, rest.rows),
        _table("how many", days, rest.network_rows),
    ]
    return "\n\n".join(tables)


def _table(amount: str, usd: str, rows: list[tuple[str, str, float]]) -> str:
    lines = [f"| | {amount} | {usd} |", "| --- | --- | --- |"]
    lines += [f"| {name} | {each} | {price:.2f} |" for name, each, price in rows]
    return "\n".join([*lines, f"| **together** | | **{sum(price for *_, price in rows):.2f}** |"])


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
    # the sum was seen, not its parts: by the provider's documentation they would be 3 and 3, and the sum half of it
    option("--per-message", 5, "queue operations of a start, timer, activity or result: put, taken, deleted; fitted")
    option("--per-turn", 8, "table operations of an orchestrator turn: history, instance, leases; fitted")
    option("--per-cut", 2, "table operations of a continue_as_new: history read and cleared; not seen")
    option("--per-request", 1, "table operations of a start or a look")
    option("--at-rest-per-minute", 111, "storage transactions of an instance that has nothing to do; seen")
    option("--telemetry-kb", 1.0, "of an execution; fitted")
    option("--always-ready", 1, "instances for the orchestrations; alwaysReadyInstances of the templates")
    option("--rules-5", 8, "alert rules of the templates that look every 5 minutes")
    option("--rules-15", 1, "every 15 minutes")
    option("--rules-60", 2, "every hour")
    option("--endpoints", 4, "private endpoints: blob, queue, table, vault; 5 with a private inbound")
    option("--execution-price", 0.40, "a million executions; from memory")
    option(
        "--gigabyte-second-price", 0.000026, "a GB s; modal.com/blog/azure-function-pricing-guide, 2025-05-22, East US"
    )
    option("--transaction-price", 0.004, "ten thousand transactions of a queue; from memory, and tables cost less")
    option("--telemetry-price", 2.30, "a GB of analytics logs; monitoringcost.com/azure-monitor-cost, 2026")
    option("--baseline-price", 0.000004, "a GB s of an instance that is always ready and does nothing; from memory")
    option("--rule-5-price", 1.50, "a month, an alert rule that looks every 5 minutes; from memory")
    option("--rule-15-price", 0.50, "a month, one that looks every 15 minutes or less often; from memory")
    option("--gateway-price", 0.045, "an hour of a NAT gateway; c3x.dev/resources/azure/azurerm_nat_gateway, 2026")
    option("--address-price", 0.005, "an hour of a public address; the same page")
    option("--endpoint-price", 0.01, "an hour; c3x.dev/resources/azure/azurerm_private_endpoint, 2026")
    option("--zone-price", 0.50, "a month, a private DNS zone; gigxp.com, Private Link cost guide, 2025-08-25")
    return made


if __name__ == "__main__":
    sys.stdout.write(report(parser().parse_args()) + "\n")
