"""The benchmark, small: every measurement runs and tells the truth. What has no clock in it is held to its goal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import azure.durable_functions as df
import pytest

from bench import cold_start, costs, noticing, page, plots, polls
from bench.goals import Goal, goals
from bench.measure import SMALL, measure
from bench.simulation import Stopping
from bench.waiters import WAITERS
from cancel_run import orchestrator
from cancel_run.cancellation.schedule import Schedule
from local_host.emulators.one_pass import generations
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_over_the_mix_the_polls_the_calls_and_the_lateness_meet_their_goals() -> None:
    means = noticing.over_the_mix(1000)
    ours, sdk = means["ours"], means["databricks-sdk"]
    assert ours.polls <= 0.60 * sdk.polls
    assert ours.calls <= 0.60 * sdk.calls
    assert ours.late <= 0.66 * sdk.late


@pytest.mark.parametrize("running", [0.0, 0.5, 0.9, 1.0])
def test_whatever_the_state_says_ours_polls_less_than_the_sdk_and_is_less_late(running: float) -> None:
    means = noticing.over_the_mix(1000, running)
    ours, sdk = means["ours"], means["databricks-sdk"]
    assert ours.polls < 0.7 * sdk.polls
    assert ours.late < sdk.late


def test_of_its_neighbours_in_the_search_ours_alone_does_all_that_was_asked() -> None:
    ours = (Schedule().share, Schedule().untouched_share)
    assert ours in noticing.PAIRS
    pairs = [ours, (0.16, 0.35), (0.20, 0.35), (0.18, 0.30), (0.18, 0.40)]
    sdk = noticing.over_the_mix(800)["databricks-sdk"]
    mix, worst = noticing.search(800, pairs=pairs), noticing.search(800, 1.0, pairs)
    fit = [
        shares
        for shares, mean in mix.items()
        if mean.calls <= 0.60 * sdk.calls and mean.late <= 0.66 * sdk.late and worst[shares].late <= sdk.late
    ]
    assert fit == [ours]


def test_the_sdks_waiter_is_its_own_code_which_looks_at_once_and_then_ever_less_often() -> None:
    (_, noticed), *_ = noticing.waited(WAITERS["databricks-sdk"], [Stopping(30.0, 0.5)])
    # it sleeps 1 s, 2 s ... 7 s and up to a second more each time
    assert (noticed.polls, noticed.calls) in {(8, 9), (9, 10)}
    assert 30 <= noticed.at < 30 + 9


def test_no_schedule_that_ignores_the_state_does_better_than_the_best_one() -> None:
    blind = noticing.mean(WAITERS["ours"], noticing.mix(1000, 0.0))
    best = noticing.best_without_the_state(0.005)
    assert best.polls < blind.polls
    assert best.late < blind.late


def test_a_history_for_the_benchmark_is_one_that_the_sdk_replays_to_the_end() -> None:
    """The handle asks for the same steps as the generator did, and at the last turn it has its output."""
    handle = df.Orchestrator.create(orchestrator.cancel_active_run)
    order = polls.SUBJECTS["ours"][1]
    *_, last = generations(orchestrator.cancel_active_run, order, polls.answering(45), polls.INSTANCE_ID)
    for turn in range(len(last.turns)):
        state = json.loads(handle(last.context(polls.INSTANCE_ID, turn)))
        assert state["isDone"] == (turn == len(last.turns) - 1)
    assert state["output"]["polls"] == 45


def test_the_history_that_a_poll_adds_is_within_its_goal_however_long_the_wait() -> None:
    costs = polls.costs((10, 100, 400), 1)
    for number, cost in costs["ours"].items():
        assert cost.written <= 1.15 * costs["the floor"][number].written
        assert cost.read <= 1.25 * costs["the floor"][number].read
    assert costs["no continue_as_new"][400].read > 20 * costs["ours"][400].read


def test_the_table_of_what_a_cancellation_costs_is_what_is_counted() -> None:
    assert costs.written() in (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")


def test_everything_is_measured_small_and_the_page_tells_it(tmp_path: Path) -> None:
    """One test, because it is one measurement that takes its time."""
    measured = measure(SMALL)

    bare, ours = (measured.imports[who][0].modules for who in (cold_start.BARE, cold_start.OURS))
    assert {name.split(".")[0] for name in ours - bare} == {"cancel_run", "function_app"}

    for (who, runs), (flight,) in measured.flights.items():
        assert flight.stopped == runs
        assert flight.calls == runs * {"ours": 5, "sdk": 4}[who]  # ours reads the run before it cancels it
        assert flight.cpu_seconds > 0
        assert flight.peak_bytes > 10_000_000

    for by_duration in measured.late.values():
        assert all(seconds > 0 for some in by_duration.values() for seconds in some), "nobody can know beforehand"

    for some in measured.besides.values():
        assert all(0 < sent < seen for one in some for sent, seen in zip(one.sent, one.seen, strict=True))
    assert [len(one.canceled) for one in measured.bursts] == [SMALL.burst_runs]
    assert all(one.calls >= 3 for one in measured.bursts)

    text = page.written(measured)
    for goal in goals(measured):
        assert " | ".join(goal.row()) in text
    plots.draw(measured, tmp_path)
    pictures = [line.partition("(benchmarks/")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert sorted(pictures) == sorted(path.name for path in tmp_path.iterdir())
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


def test_a_missed_goal_is_told_with_what_is_missing() -> None:
    assert Goal(1, "a ratio", 0.9, 0.6).row()[-1] == "**missed** by 50%"
    assert Goal(1, "a ratio", 0.6, 0.6).row()[-1] == "met"
