"""The one log record per outcome: what it says, that every ending writes it, and that no replay does."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests

from function_app import create_app
from local_host.emulators.run_life import canceling
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import BUSY, CANCELED, DENIED, NOT_FOUND, ORDER, START, busy_for, run, script

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost
    from tests.support.replay import Answers

LOGGER = "cancel_run.cancellation.outcome_event"
SECONDS = 20.0

# an order, and what is answered to it: made anew for each instance, because a script is used up
ENDINGS: dict[str, Callable[[], tuple[Any, Answers]]] = {
    "canceled": lambda: (ORDER, script(polls=[run("TERMINATING"), CANCELED])),
    "endedFirst": lambda: (ORDER, script(polls=[run("TERMINATED", "SUCCESS")])),
    "alreadyEnded": lambda: (ORDER, script(reads=[run("SKIPPED")])),
    "timedOut": lambda: (ORDER | {"waitTimeoutSeconds": 7200}, script(polls=[run("TERMINATING")])),
    "rejected": lambda: (ORDER, script(reads=[NOT_FOUND])),
    "rejected as no request": lambda: ({"colour": "red"}, script()),
}


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, LOGGER)
    return caplog


def told(events: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    records = [record for record in events.records if record.name == LOGGER]
    assert {record.levelno for record in records} <= {logging.WARNING}
    return [json.loads(record.getMessage()) for record in records]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_told_in_the_turn_that_ends_it_and_in_no_other(
    ending: str, events: pytest.LogCaptureFixture
) -> None:
    order, answers = ENDINGS[ending]()
    ended = Replay(orchestrator_of(create_app({}), "cancel-active-run"), answers, now=START, twice=True).run(order)
    # the driver gives every turn to the handle twice, as if the first worker had died over it
    first, second = told(events)
    assert first == second
    assert first["outcome"] == ended.output["outcome"] == ending.partition(" ")[0]


def test_a_replay_of_a_history_that_has_been_told_tells_nothing(events: pytest.LogCaptureFixture) -> None:
    order, answers = ENDINGS["canceled"]()
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    history = Replay(handle, answers, now=START).run(order).generations[-1]
    events.clear()
    for event in history:
        event["IsPlayed"] = True
    context = {"history": history, "input": json.dumps(order), "instanceId": "prod-455644833", "isReplaying": True}
    again = handle(json.dumps({**context, "parentInstanceId": None, "upperSchemaVersion": 2}))
    assert json.loads(again)["isDone"]
    assert told(events) == []


def test_it_says_how_long_the_run_took_to_stop_and_how_often_it_was_asked_in_vain(
    events: pytest.LogCaptureFixture,
) -> None:
    polls = [BUSY, busy_for(30), run("TERMINATING"), CANCELED]
    Replay(orchestrator_of(create_app({}), "cancel-active-run"), script(polls=polls), now=START).run(ORDER)
    event = told(events)[0]
    assert next(iter(event)) == "event"
    assert (event["event"], event["instanceId"]) == ("cancellationEnded", "prod-455644833")
    assert (event["retries"], event["throttled"], event["polls"], event["cancels"]) == (2, 1, 4, 1)
    assert 30 < event["secondsToStop"] < 60
    assert event["startedAt"] < event["cancelRequestedAt"] < event["endedAt"]
    assert (event["reason"], event["requestedBy"]) == (ORDER["reason"], ORDER["requestedBy"])


def test_a_refusal_carries_its_code_and_no_time_to_stop(events: pytest.LogCaptureFixture) -> None:
    answers = script(cancels=[DENIED], polls=[run("RUNNING")])
    Replay(orchestrator_of(create_app({}), "cancel-active-run"), answers, now=START).run(ORDER)
    event = told(events)[0]
    assert (event["outcome"], event["stopped"]) == ("rejected", False)
    assert (event["errorCode"], event["errorStatusCode"]) == ("PermissionDenied", 403)
    assert event["secondsToStop"] is None


def test_on_an_engine_that_replays_by_itself_each_cancellation_is_told_once(
    host: LocalHost, workspace: JobsApi, events: pytest.LogCaptureFixture
) -> None:
    runs = [workspace.add_run(canceling(0.2)) for _ in range(5)]
    for run_id in runs:
        requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, timeout=SECONDS)
    for run_id in runs:
        host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    assert sorted(event["runId"] for event in told(events)) == runs
