"""The orchestrator over time: deadlines and waits, and histories that stay small however long it takes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from function_app import create_app
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import (
    CANCELED,
    ORDER,
    START,
    accepted,
    busy_for,
    cancellation,
    run,
    script,
)


def test_a_run_that_never_stops_is_timed_out_within_one_poll_of_its_deadline() -> None:
    ended = cancellation(script(polls=[run("TERMINATING")]), {**ORDER, "waitTimeoutSeconds": 600})
    assert (ended.output["outcome"], ended.output["stopped"]) == ("timedOut", False)
    assert ended.output["finalLifeCycleState"] == "TERMINATING"
    assert max(ended.timers) == START + timedelta(seconds=600)
    assert ended.ended_at - max(ended.timers) < timedelta(seconds=1)


def test_the_last_look_at_the_deadline_still_notices_the_stop() -> None:
    deadline = START + timedelta(seconds=30)
    handle = orchestrator_of(create_app({}), "cancel-active-run")

    def answers(name: str, _: Any) -> Any:
        if name == "cancelRun":
            return accepted
        return CANCELED if replay.now >= deadline else run("RUNNING")

    replay = Replay(handle, answers, now=START)
    assert replay.run({**ORDER, "waitTimeoutSeconds": 30}).output["outcome"] == "canceled"


@pytest.mark.parametrize("state", ["PENDING", "QUEUED", "BLOCKED", "RUNNING", "WAITING_FOR_RETRY"])
def test_a_cancel_without_effect_is_sent_again_after_two_minutes(state: str) -> None:
    ended = cancellation(script(polls=[run(state)]), {**ORDER, "waitTimeoutSeconds": 300})
    sent = [at for at, name, _ in ended.calls if name == "cancelRun"]
    apart = [(later - earlier).total_seconds() for earlier, later in pairwise(sent)]
    assert len(sent) == ended.output["cancels"] > 1
    assert all(119 <= seconds <= 190 for seconds in apart)  # at the first poll after two minutes


@pytest.mark.parametrize("state", ["TERMINATING", "FROZEN_BY_A_NEW_RELEASE"])
def test_a_cancel_that_took_effect_is_not_sent_again(state: str) -> None:
    ended = cancellation(script(polls=[run(state)]), {**ORDER, "waitTimeoutSeconds": 1000})
    assert ended.steps.count("cancelRun") == 1


def test_no_call_is_made_before_a_retry_after_has_passed() -> None:
    ended = cancellation(script(polls=[busy_for(47), CANCELED]))
    (_, first), (_, second) = [(name, at) for at, name, _ in ended.calls if name == "pollRun"]
    assert second - first >= timedelta(seconds=47)


def test_a_huge_retry_after_is_cut_at_the_deadline() -> None:
    ended = cancellation(script(polls=[busy_for(1e12), CANCELED]), {**ORDER, "waitTimeoutSeconds": 90})
    assert ended.timers[-1] == START + timedelta(seconds=90)
    assert ended.output["outcome"] == "canceled"


def test_polls_grow_apart_from_one_second_to_a_minute() -> None:
    ended = cancellation(script(polls=[run("TERMINATING")]))
    polls = [at for at, name, _ in ended.calls if name == "pollRun"]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(polls)]
    assert 1.1 < gaps[0] < 1.8
    assert max(gaps) <= 60 * 1.1 + 1
    assert gaps[-2] >= 60  # the last one is cut by the deadline


def test_two_instances_do_not_poll_in_step() -> None:
    order = {**ORDER, "waitTimeoutSeconds": 60}
    first, second = (cancellation(script(polls=[run("TERMINATING")]), order, instance_id=f"prod-{n}") for n in (1, 2))
    assert first.timers[:5] != second.timers[:5]


def test_a_history_is_cut_every_twenty_calls_and_nothing_is_lost_over_it() -> None:
    ended = cancellation(script(polls=[run("RUNNING")] * 40 + [run("TERMINATING")] * 20 + [CANCELED]), twice=True)
    assert len(ended.generations) == 4
    assert max(len(history) for history in ended.generations) < 200
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 61)
    assert [entry["lifeCycleState"] for entry in ended.output["timeline"]] == ["RUNNING", "TERMINATING", "TERMINATED"]
    assert ended.output["timeline"][0]["at"] == "2026-01-31T12:00:00.200Z"


def test_every_generation_is_as_small_as_the_one_before() -> None:
    ended = cancellation(script(polls=[run("RUNNING")]), {**ORDER, "waitTimeoutSeconds": 3 * 3600})
    sizes = [len(json.dumps(history)) for history in ended.generations[1:-1]]
    assert len(sizes) > 5
    assert max(sizes) < 1.1 * min(sizes)


def test_the_custom_status_shows_state_polls_next_poll_and_deadline() -> None:
    ended = cancellation(script(polls=[run("TERMINATING"), CANCELED]))
    shown = [status for status in ended.custom_statuses if status["polls"] == 1][-1]
    assert (shown["lifeCycleState"], shown["cancels"]) == ("TERMINATING", 1)
    assert shown["deadline"] == "2026-01-31T13:00:00.000Z"
    assert datetime.fromisoformat(shown["nextPollAt"]) == ended.timers[1].replace(
        microsecond=ended.timers[1].microsecond // 1000 * 1000
    )


def test_a_custom_status_stays_far_from_the_16_kib_that_durable_takes_and_the_first_state_stays_in_it() -> None:
    flapping = [run(f"STATE_{number % 7}_OF_A_LONG_NAME") for number in range(400)]
    ended = cancellation(script(polls=[run("RUNNING"), *flapping]), {**ORDER, "waitTimeoutSeconds": 2 * 3600})
    shown = [status for status in ended.custom_statuses if status is not None]
    last = shown[-1]
    assert last["timeline"][0]["lifeCycleState"] == "RUNNING"
    assert [len(last["timeline"]), last["polls"] > 100, len(last["sentAt"]["pollRun"]) <= 10] == [21, True, True]
    assert max(len(json.dumps(status)) for status in shown) < 8192 - 2 * 1500  # a problem's texts


def test_a_custom_status_stands_before_the_first_event_of_every_generation() -> None:
    ended = cancellation(script(polls=[run("RUNNING")] * 60 + [CANCELED]))
    assert None not in ended.custom_statuses


def test_timers_that_fire_late_after_an_outage_of_the_host_lose_nothing() -> None:
    ended = cancellation(
        script(polls=[run("TERMINATING")] * 3 + [CANCELED]), timer_delay=lambda _: timedelta(minutes=7)
    )
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 4)


def test_a_host_that_comes_back_after_the_deadline_looks_once_and_tells_the_truth() -> None:
    ended = cancellation(script(polls=[CANCELED]), timer_delay=lambda _: timedelta(days=2))
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 1)
