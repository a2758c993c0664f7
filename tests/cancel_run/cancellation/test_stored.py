"""What another release has stored is read kindly: an order, progress, a run, an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.conclusions import FOLLOWS, note
from cancel_run.cancellation.order import Order
from cancel_run.cancellation.progress import POLL_RUN, Progress
from cancel_run.cancellation.run import Run
from cancel_run.cancellation.schedule import Schedule
from tests.support.json_values import JSON
from tests.support.scripts import ORDER, START, accepted, run

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEPS = sorted({step for step, _ in FOLLOWS})


def carried() -> dict[str, Any]:
    """A progress in the middle of its life, as it is carried."""
    progress = Progress.load({**ORDER, "version": 1}, "prod-1", NOW)
    for step, answer in (("readRun", run("RUNNING")), ("cancelRun", accepted), ("pollRun", run("TERMINATING"))):
        note(progress, step, answer, NOW)
    stored: dict[str, Any] = json.loads(json.dumps(progress.to_json()))
    return stored


def test_a_key_that_is_not_known_comes_back_wherever_it_stands() -> None:
    data = carried()
    for place in (data, data["schedule"], data["progress"], data["progress"]["run"]):
        place["oneMore"] = {"of": ["another", "release"]}
    again = Progress.load(data, "prod-1", NOW).to_json()
    for place in (again, again["schedule"], again["progress"], again["progress"]["run"]):
        assert place["oneMore"] == {"of": ["another", "release"]}


@given(st.data(), JSON)
def test_a_value_that_is_missing_or_of_another_kind_breaks_nothing(data: st.DataObject, value: Any) -> None:
    stored = carried()
    place = data.draw(st.sampled_from([stored, stored["schedule"], stored["progress"], stored["progress"]["run"]]))
    key = data.draw(st.sampled_from(sorted(place.keys() - {"progress", "version", "waitTimeoutSeconds"})))
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = value
    progress = Progress.load(stored, "prod-1", NOW)
    note(progress, POLL_RUN, run("TERMINATED", "CANCELED"), NOW)
    assert progress.output()["stopped"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("answer", [{}, {"paused": {"until": "tomorrow"}}, {"error": "text"}, {"passing": None}])
def test_an_answer_that_only_another_release_knows_ends_nothing(step: str, answer: dict[str, Any]) -> None:
    progress = Progress.load({**ORDER, "version": 1, "fromQueue": True}, "prod-1", START)
    progress.next_step = step
    note(progress, step, answer, START)
    assert progress.outcome is None
    assert progress.problem is None or progress.problem["code"] == "UnknownAnswer"


def test_a_step_that_only_a_newer_release_has_is_a_look_at_the_run() -> None:
    data = carried()
    data["progress"]["nextStep"] = "explainRun"
    assert Progress.load(data, "prod-1", NOW).next_step == POLL_RUN


def test_a_moment_without_a_zone_is_utc() -> None:
    data = carried()
    data["progress"]["startedAt"] = "2026-01-31T12:00:00"
    assert Progress.load(data, "prod-1", NOW).started_at == NOW


@given(JSON)
def test_whatever_stands_for_a_run_or_a_schedule_is_one(value: Any) -> None:
    assert Run.from_json(value).life_cycle_state is not None
    assert isinstance(Order.from_json({"version": 1, "schedule": value}).schedule, Schedule)
