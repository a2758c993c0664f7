"""The orchestrator under the 1.x SDK's own replay: whole histories, one event at a time (see replay.py)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import chain, pairwise, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app import create_app
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import (
    ACTIVE,
    ANSWERS,
    BUSY,
    CANCELED,
    DENIED,
    NOT_FOUND,
    ORDER,
    RUN_ID,
    START,
    accepted,
    busy_for,
    cancellation,
    run,
    script,
)


def test_an_active_run_is_read_canceled_and_polled_until_it_is_terminated() -> None:
    ended = cancellation(script(polls=[run("RUNNING"), run("TERMINATING"), CANCELED]))
    assert (ended.failure, ended.steps) == (None, ["readRun", "cancelRun", "pollRun", "pollRun", "pollRun"])
    assert ended.output == {
        "runId": RUN_ID,
        "finalLifeCycleState": "TERMINATED",
        "resultState": "CANCELED",
        "outcome": "canceled",
        "stopped": True,
        "stateMessage": "Run cancelled.",
        "workspace": "prod",
        "runPageUrl": "https://x",
        "reason": "over budget",
        "requestedBy": "cost-guard",
        "cancelRequestedAt": "2026-01-31T12:00:00.400Z",
        "endedAt": ended.output["timeline"][-1]["at"],
        "polls": 3,
        "cancels": 1,
        "retries": 0,
        "timeline": [
            {"lifeCycleState": "RUNNING", "at": "2026-01-31T12:00:00.200Z"},
            {"lifeCycleState": "TERMINATING", "at": ended.output["timeline"][1]["at"]},
            {"lifeCycleState": "TERMINATED", "at": ended.output["timeline"][2]["at"]},
        ],
        "error": None,
    }


@pytest.mark.parametrize(
    ("state", "result"),
    [("TERMINATED", "SUCCESS"), ("TERMINATED", "CANCELED"), ("SKIPPED", None), ("INTERNAL_ERROR", "FAILED")],
)
def test_a_run_that_is_terminal_when_first_read_gets_no_cancel(state: str, result: str | None) -> None:
    ended = cancellation(script(reads=[run(state, result)]))
    assert ended.steps == ["readRun"]
    assert ended.output["outcome"] == "alreadyEnded"
    assert (ended.output["stopped"], ended.output["finalLifeCycleState"]) == (True, state)


@pytest.mark.parametrize("state", [*ACTIVE, "FROZEN_BY_A_NEW_RELEASE", "WAITING"])
def test_every_state_that_is_not_terminal_is_canceled_and_polled(state: str) -> None:
    ended = cancellation(script(reads=[run(state)], polls=[run(state), CANCELED]))
    assert ended.steps == ["readRun", "cancelRun", "pollRun", "pollRun"]
    assert ended.output["timeline"][0]["lifeCycleState"] == state


@pytest.mark.parametrize(
    ("state", "result"),
    [
        ("TERMINATED", "SUCCESS"),
        ("TERMINATED", "FAILED"),
        ("TERMINATED", "TIMEDOUT"),
        ("TERMINATED", "A_NEW_RESULT"),
        ("TERMINATED", None),
        ("SKIPPED", "CANCELED_IN_ALL_BUT_NAME"),
        ("INTERNAL_ERROR", "FAILED"),
    ],
)
def test_a_run_that_ends_in_another_way_after_the_cancel_ended_first(state: str, result: str | None) -> None:
    ended = cancellation(script(polls=[run(state, result)]))
    assert (ended.output["outcome"], ended.output["stopped"]) == ("endedFirst", True)
    assert (ended.output["finalLifeCycleState"], ended.output["resultState"]) == (state, result)


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


def test_a_run_that_does_not_exist_is_rejected_without_a_cancel() -> None:
    ended = cancellation(script(reads=[NOT_FOUND]))
    assert ended.steps == ["readRun"]
    assert (ended.output["outcome"], ended.output["stopped"]) == ("rejected", False)
    assert ended.output["error"] == NOT_FOUND["error"]
    assert ended.output["finalLifeCycleState"] is None


def test_a_refused_cancel_of_a_run_that_goes_on_is_rejected_with_the_cancels_error() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[run("RUNNING")]))
    assert ended.steps == ["readRun", "cancelRun", "pollRun"]
    assert (ended.output["outcome"], ended.output["cancels"]) == ("rejected", 0)
    assert ended.output["error"] == DENIED["error"]
    assert ended.output["finalLifeCycleState"] == "RUNNING"


def test_a_refused_cancel_of_a_run_that_has_just_ended_is_decided_by_the_next_read() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[run("TERMINATED", "SUCCESS")]))
    assert (ended.output["outcome"], ended.output["stopped"]) == ("endedFirst", True)


def test_canceled_by_somebody_else_after_our_cancel_was_refused_is_not_our_cancel() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[CANCELED]))
    assert ended.output["outcome"] == "endedFirst"


def test_a_refused_second_cancel_does_not_end_the_wait() -> None:
    ended = cancellation(script(cancels=[accepted, DENIED, DENIED, DENIED], polls=[run("RUNNING")] * 30 + [CANCELED]))
    assert ended.steps.count("cancelRun") > 1
    assert (ended.output["outcome"], ended.output["cancels"]) == ("canceled", 1)


def test_a_run_that_vanishes_while_it_is_polled_is_rejected() -> None:
    ended = cancellation(script(polls=[run("RUNNING"), NOT_FOUND]))
    assert (ended.output["outcome"], ended.output["finalLifeCycleState"]) == ("rejected", "RUNNING")


def test_access_lost_while_polling_is_waited_out_because_a_token_may_be_in_rotation() -> None:
    ended = cancellation(script(polls=[run("RUNNING"), DENIED, DENIED, CANCELED]))
    assert (ended.output["outcome"], ended.output["retries"]) == ("canceled", 2)


def test_a_failure_that_passes_never_ends_the_wait() -> None:
    ended = cancellation(
        script(polls=[BUSY, RuntimeError("the worker died"), BUSY, run("TERMINATING"), BUSY, CANCELED])
    )
    assert (ended.output["outcome"], ended.output["retries"], ended.output["polls"]) == ("canceled", 4, 6)
    assert ended.output["error"] is None


def test_a_failing_read_is_tried_until_it_answers() -> None:
    ended = cancellation(script(reads=[BUSY] * 30 + [run("RUNNING")], polls=[CANCELED]))
    assert ended.steps == ["readRun"] * 31 + ["cancelRun", "pollRun"]
    assert ended.output["outcome"] == "canceled"


def test_a_cancel_that_fails_for_a_while_is_sent_until_it_is_accepted() -> None:
    ended = cancellation(script(cancels=[BUSY, BUSY, accepted], polls=[CANCELED]))
    assert ended.steps == ["readRun", "cancelRun", "cancelRun", "cancelRun", "pollRun"]
    assert ended.output["cancels"] == 1


def test_an_outage_until_the_deadline_is_timed_out_with_what_was_last_said() -> None:
    ended = cancellation(script(reads=repeat(BUSY)), {**ORDER, "waitTimeoutSeconds": 120})
    assert (ended.output["outcome"], ended.output["finalLifeCycleState"]) == ("timedOut", None)
    assert ended.output["error"] == {"code": "ServiceUnavailable", "message": "503", "statusCode": 503}
    assert "cancelRun" not in ended.steps


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
    first = cancellation(script(polls=[run("TERMINATING")]), instance_id="prod-1")
    second = cancellation(script(polls=[run("TERMINATING")]), instance_id="prod-2")
    assert first.timers[:5] != second.timers[:5]


def test_a_read_that_breaks_unforeseen_three_times_fails_the_instance() -> None:
    ended = cancellation(script(reads=repeat(ValueError("a defect"))))
    assert ended.steps == ["readRun"] * 3
    assert ended.failure is not None


def test_a_read_that_breaks_once_is_retried_durably() -> None:
    ended = cancellation(script(reads=[ValueError("a dead worker"), run("RUNNING")], polls=[CANCELED]))
    assert ended.output["outcome"] == "canceled"


def test_a_history_is_cut_every_twenty_calls_and_nothing_is_lost_over_it() -> None:
    ended = cancellation(script(polls=[run("RUNNING")] * 40 + [run("TERMINATING")] * 20 + [CANCELED]))
    assert len(ended.generations) == 4
    assert max(len(history) for history in ended.generations) < 200
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 61)
    assert [entry["lifeCycleState"] for entry in ended.output["timeline"]] == ["RUNNING", "TERMINATING", "TERMINATED"]
    assert ended.output["timeline"][0]["at"] == "2026-01-31T12:00:00.200Z"


def test_every_generation_is_as_small_as_the_one_before() -> None:
    ended = cancellation(script(polls=[run("RUNNING")]), {**ORDER, "waitTimeoutSeconds": 4 * 3600})
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


def test_a_custom_status_stands_before_the_first_event_of_every_generation() -> None:
    ended = cancellation(script(polls=[run("RUNNING")] * 60 + [CANCELED]))
    assert None not in ended.custom_statuses


@pytest.mark.parametrize("order", [None, [], "1", {}, {"runId": True}, {"runId": 1, "token": "x"}])
def test_an_order_that_came_past_the_doors_and_is_no_request_is_rejected(order: Any) -> None:
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    ended = Replay(handle, script(), now=START).run(order)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("rejected", "InvalidRequest")
    assert ended.steps == []


def test_timers_that_fire_late_after_an_outage_of_the_host_lose_nothing() -> None:
    ended = cancellation(
        script(polls=[run("TERMINATING")] * 3 + [CANCELED]), timer_delay=lambda _: timedelta(minutes=7)
    )
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 4)


def test_a_host_that_comes_back_after_the_deadline_looks_once_and_tells_the_truth() -> None:
    ended = cancellation(script(polls=[CANCELED]), timer_delay=lambda _: timedelta(days=2))
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 1)


@given(
    read=st.sampled_from([run("RUNNING"), run("QUEUED"), run("SKIPPED"), NOT_FOUND, BUSY]),
    cancel=st.lists(st.sampled_from([accepted, BUSY, DENIED]), min_size=1, max_size=3),
    polls=st.lists(ANSWERS, max_size=45),
    end=st.sampled_from([CANCELED, run("TERMINATED", "SUCCESS"), run("SKIPPED"), run("RUNNING"), NOT_FOUND]),
    delay=st.floats(0, 300),
)
def test_whatever_happens_it_ends_with_the_truth(
    read: Any, cancel: list[Any], polls: list[Any], end: Any, delay: float
) -> None:
    said: list[tuple[str, Any]] = []
    answer = script(chain([read], repeat(run("RUNNING"))), chain(cancel, repeat(accepted)), [*polls, end])

    def answers(name: str, question: Any) -> Any:
        given_answer = answer(name, question)
        said.append((name, given_answer))
        return given_answer

    ended = cancellation(answers, timer_delay=lambda _: timedelta(seconds=delay))

    reads = [one["run"] for name, one in said if "run" in one]
    terminal = [one for one in reads if one["lifeCycleState"] in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}]
    assert ended.output["stopped"] == bool(terminal)
    assert len(terminal) <= 1, "nothing is asked of a run that is known to have ended"
    assert ended.output["finalLifeCycleState"] == (reads[-1]["lifeCycleState"] if reads else None)
    names = ended.steps
    assert "cancelRun" not in names[: names.index("readRun") + 1]
    assert ended.output["cancels"] == sum(name == "cancelRun" and "accepted" in one for name, one in said)
    assert ended.output["polls"] == names.count("pollRun")
