"""The orchestrator under the 1.x SDK's own replay: whole histories, one event at a time (see replay.py)."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain, repeat
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
    RUN_ID,
    START,
    accepted,
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
        "jobId": None,
        "runName": None,
        "trigger": None,
        "restartsItself": False,
        "repairedSince": False,
        "reason": "over budget",
        "requestedBy": "cost-guard",
        "startedBy": None,
        "dryRun": False,
        "fromQueue": False,
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
        "sentAt": {
            "cancelRun": ["2026-01-31T12:00:00.400Z"],
            "pollRun": ["2026-01-31T12:00:01.618Z", *(entry["at"] for entry in ended.output["timeline"][1:])],
        },
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


@pytest.mark.parametrize("order", [None, [], "1", {}, {"runId": True}, {"runId": 1, "token": "x"}])
def test_an_order_that_came_past_the_doors_and_is_no_request_is_rejected(order: Any) -> None:
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    ended = Replay(handle, script(), now=START).run(order)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("rejected", "InvalidRequest")
    assert ended.steps == []


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

    ended = cancellation(answers, timer_delay=lambda _: timedelta(seconds=delay), twice=True)

    reads = [one["run"] for name, one in said if "run" in one]
    terminal = [one for one in reads if one["lifeCycleState"] in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}]
    assert ended.output["stopped"] == bool(terminal)
    assert len(terminal) <= 1, "nothing is asked of a run that is known to have ended"
    assert ended.output["finalLifeCycleState"] == (reads[-1]["lifeCycleState"] if reads else None)
    names = ended.steps
    assert "cancelRun" not in names[: names.index("readRun") + 1]
    assert ended.output["cancels"] == sum(
        name == "cancelRun" and ("accepted" in one or one == BUSY) for name, one in said
    ), "those that were sent and not refused"
    assert ended.output["polls"] == names.count("pollRun")
