"""docs/costs.md and the README against infra/cost.py, and that against the app, the templates and what was seen."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from function_app import create_app
from infra import cost
from tests.support.bicep import parameters, variable
from tests.support.page import Page
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import CANCELED, accepted, run

PAGE = Page("docs/costs.md")


def test_the_model_comes_near_what_was_seen_on_microsofts_host() -> None:
    seen = cost.SEEN
    one = next(
        bill
        for seconds in range(20, 40)
        if (bill := cost.bill(cost.parser().parse_args(["--seconds-to-stop", str(seconds)]))).count.polls
        == seen["polls"]
    )
    assert one.queue_operations + one.table_operations == pytest.approx(seen["storage requests"], rel=0.02)
    assert one.telemetry_kb == pytest.approx(seen["telemetry kB"], rel=0.02)
    told = " ".join(PAGE.section("What is known, and how well").split())
    short = [cost.bill(cost.parser().parse_args(["--seconds-to-stop", str(seconds)])) for seconds in (2, 5)]
    low, high = (bill.queue_operations + bill.table_operations for bill in short)
    assert low <= seen["storage requests of a short one"] <= high
    assert (
        f"{seen['storage requests']} storage requests for a cancellation of 30 s with {seen['polls']} polls, about "
        f"{seen['storage requests of a short one']} for a short one (the model: {low} for 2 s, {high} for 5 s)"
    ) in told


def test_the_cost_is_what_the_command_says() -> None:
    options = cost.parser().parse_args([])
    for table in cost.report(options).split("\n\n"):
        assert table in PAGE.text
    one = cost.bill(options).count
    told = " ".join(PAGE.section("A cancellation").split())
    assert f"is {one.executions} executions: {one.polls} polls and the two other activities, {one.turns} turns" in told
    assert f"of the orchestrator, {one.requests} requests" in told


def test_what_the_readme_says_is_what_the_command_says() -> None:
    options = cost.parser().parse_args([])
    rest = cost.AtRest(options)
    told = " ".join(Page("README.md").section("Cost").split())
    thousand, ready = cost.bill(options).usd * cost.CANCELLATIONS, sum(usd for *_, usd in rest.rows[:2])
    assert f"about {thousand:.0f} USD for a thousand cancellations" in told
    assert f"{rest.usd:.0f} USD a month at rest, of which {ready:.0f} are for an instance that is always ready" in told


def test_what_costs_at_rest_is_what_the_templates_deploy() -> None:
    options = cost.parser().parse_args([])
    often = Counter(rule["every"] for rule in variable("operators.bicep", "rules"))
    assert often == {"PT5M": options.rules_5, "PT15M": options.rules_15, "PT1H": options.rules_60}
    declared = parameters("main.bicep")
    assert declared["alwaysReadyInstances"]["default"] == options.always_ready
    assert declared["alwaysReadyHttpInstances"]["default"] == 0
    assert declared["instanceMemoryMB"]["default"] == options.instance_gb * 1024
    assert f"each of the {options.at_rest_per_minute} storage transactions a minute" in PAGE.section("At rest")


def test_every_price_says_where_it_is_from() -> None:
    prices = [action for action in cost.parser()._actions if action.dest.endswith("_price")]  # noqa: SLF001  # no public list
    told = "".join(row[0] for row in PAGE.rows("What is known, and how well"))
    assert len(prices) == 11
    for price in prices:
        assert re.search(r"from memory|\.(?:com|dev)|the same page", str(price.help)), price.dest
    for word in ("memory", "telemetry", "gateway", "address", "endpoints", "zone", "executions", "alert rules"):
        assert word in told


@pytest.mark.parametrize("seconds", [0.5, 30, 600])
def test_the_executions_are_those_that_a_replay_of_the_orchestrator_counts(seconds: float) -> None:
    canceled_at: list[datetime] = []

    def answers(step: str, _: Any) -> Any:
        if step == "cancelRun":
            canceled_at.append(replay.now)
            return accepted
        if not canceled_at:
            return run("RUNNING")
        return CANCELED if replay.now >= canceled_at[0] + timedelta(seconds=seconds) else run("TERMINATING")

    replay = Replay(orchestrator_of(create_app({}), "cancel-active-run"), answers)
    done = replay.run(cost.ORDER)
    counted = cost.count(seconds, callers=0)
    assert done.output["polls"] == counted.polls
    assert len(done.calls) == counted.activities
    assert len(done.generations) + len(done.calls) + len(done.timers) == counted.turns
    assert counted.requests == 1
