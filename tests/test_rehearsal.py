"""A rehearsal says what a cancellation would do, sends nothing, and neither meets nor hides a cancellation."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.functions.queue import QueueMessage
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.activities import Activities, Question
from cancel_run.cancellation.order import Order
from cancel_run.cancellation.request import ALIAS, CancelRequest
from cancel_run.clock import SystemClock
from cancel_run.settings import Settings
from cancel_run.triggers import queue_trigger
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.starting import ORCHESTRATOR, REHEARSAL
from function_app import create_app
from local_host.emulators.faults import json_fault
from local_host.emulators.run_life import Life, Row
from tests.support.alerts import SETTINGS, log_alert
from tests.support.caller import cancel, post
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import ANSWERS, BUSY, DENIED, NOT_FOUND, ORDER, RUN_ID, START, run, script

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 20.0


def rehearse(host: LocalHost, run_id: int, **order: Any) -> dict[str, Any]:
    accepted = post(host, {"runId": run_id, "dryRun": True, **order})
    assert (accepted.status_code, accepted.json()["instanceId"]) == (202, f"prod~rehearsal-{run_id}")
    host.engine.wait_until_ended(f"prod~rehearsal-{run_id}", SECONDS)
    result: dict[str, Any] = requests.get(accepted.headers["Location"], timeout=SECONDS).json()
    assert (result["dryRun"], result["cancels"], result["cancelRequestedAt"]) == (True, 0, None)
    return result


# -- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING", "TERMINATING", "A_NEW_STATE"])
def test_of_an_active_run_it_says_that_it_would_cancel(state: str, host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life((Row(state),)))
    result = rehearse(host, run_id, reason="a trial")
    assert (result["outcome"], result["stopped"], result["error"]) == ("wouldCancel", False, None)
    assert (result["finalLifeCycleState"], result["jobId"], result["reason"]) == (state, 11223344, "a trial")
    assert (workspace.count("get"), workspace.count("cancel")) == (1, 0)


def test_of_any_other_run_it_says_what_a_cancellation_says(host: LocalHost, workspace: JobsApi) -> None:
    ended = rehearse(host, workspace.add_run(Life((Row("TERMINATED", result="SUCCESS"),))))
    assert (ended["outcome"], ended["stopped"]) == ("alreadyEnded", True)
    unknown = rehearse(host, 7)
    assert (unknown["outcome"], unknown["error"]["code"]) == ("rejected", "RunNotFound")


def test_of_a_protected_job_it_says_that_it_is_rejected(
    environ: dict[str, str], start_host: Callable[..., LocalHost], workspace: JobsApi
) -> None:
    table = json.loads(environ["DATABRICKS_WORKSPACES"])
    table["prod"]["protectedJobs"] = [11223344]
    host = start_host({**environ, "DATABRICKS_WORKSPACES": json.dumps(table)})
    assert rehearse(host, workspace.add_run())["error"]["code"] == "ProtectedJob"


def test_it_waits_for_a_workspace_that_does_not_answer(host: LocalHost, workspace: JobsApi) -> None:
    workspace.faults.fail("get", json_fault(503, {"error_code": "TEMPORARILY_UNAVAILABLE"}))
    result = rehearse(host, workspace.add_run())
    assert (result["outcome"], result["retries"]) == ("wouldCancel", 1)


def test_it_neither_joins_nor_hides_a_cancellation_and_none_joins_it(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(ignored_cancels=99))
    begun = post(host, {"runId": run_id, "waitTimeoutSeconds": 600}).json()
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    assert rehearse(host, run_id)["outcome"] == "wouldCancel"
    assert requests.get(begun["statusUrl"], timeout=SECONDS).status_code == 202
    again = post(host, {"runId": run_id}).json()
    assert (again["instanceId"], again["joined"]) == (f"prod-{run_id}", True)
    host.engine.terminate(f"prod-{run_id}", "the test is over")


def test_a_cancellation_after_a_rehearsal_cancels_and_a_rehearsal_after_it_begins_afresh(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    assert rehearse(host, run_id)["outcome"] == "wouldCancel"
    assert cancel(host, run_id, dryRun=False)["outcome"] == "canceled"
    assert rehearse(host, run_id)["outcome"] == "alreadyEnded"


def test_a_second_rehearsal_joins_one_that_is_under_way(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    workspace.faults.fail("get", json_fault(429, {"error_code": "BUSY"}, Retry_After="3000"))
    first = post(host, {"runId": run_id, "dryRun": True}).json()
    workspace.wait_for(lambda seen: seen.count("get") == 1)
    second = post(host, {"runId": run_id, "dryRun": True}).json()
    assert (first["joined"], second["joined"]) == (False, True)
    assert first["instanceId"] == second["instanceId"]
    host.engine.terminate(first["instanceId"], "the test is over")
    host.engine.wait_until_ended(first["instanceId"], SECONDS)
    result = requests.get(first["statusUrl"], timeout=SECONDS).json()
    assert (result["outcome"], result["dryRun"]) == ("failed", True)


def test_the_list_tells_a_rehearsal_from_a_cancellation(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    rehearse(host, run_id)
    cancel(host, run_id)
    listed = requests.get(f"{host.url}/api/cancel-active-run", timeout=SECONDS).json()["cancellations"]
    told = {one["instanceId"]: (one["dryRun"], one["outcome"]) for one in listed}
    assert told == {f"prod~rehearsal-{run_id}": (True, "wouldCancel"), f"prod-{run_id}": (False, "canceled")}


# -- instance ids ----------------------------------------------------------------------------------------------------


@given(st.from_regex(ALIAS, fullmatch=True), st.from_regex(ALIAS, fullmatch=True), st.integers(1, 2**63 - 1))
def test_no_workspace_makes_the_id_of_a_rehearsal_of_a_cancellation(alias: str, other: str, run_id: int) -> None:
    rehearsal = InstanceId(alias, run_id, dry_run=True)
    assert len(str(rehearsal)) <= 100
    assert InstanceId.read(str(rehearsal)) == rehearsal
    assert InstanceId.read(str(InstanceId(other, run_id))) == InstanceId(other, run_id)
    assert str(rehearsal) != str(InstanceId(other, run_id))


# -- through the queue -----------------------------------------------------------------------------------------------


class Hub:
    """A task hub that takes every start: (orchestrator, instance id, order)."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []

    async def start_new(self, orchestration_function_name: str, instance_id: str, client_input: Any) -> str:
        self.started.append((orchestration_function_name, instance_id, client_input))
        return instance_id

    async def get_status(self, instance_id: str, *, show_input: bool = False) -> Any:  # noqa: ARG002  # the SDK's
        return SimpleNamespace(message="")  # what the SDK makes of an empty 404


def took(body: Any, settings: Settings = SETTINGS) -> list[tuple[str, str]]:
    """What was begun by a message: orchestrator and instance id."""
    hub = Hub()
    message = QueueMessage(id="1", body=json.dumps(body).encode(), dequeue_count=1)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    asyncio.run(queue_trigger.take(message, hub, lambda: settings, SystemClock()))
    assert all(order.get("dryRun", False) == (name == REHEARSAL) for name, _, order in hub.started)
    return [(name, instance_id) for name, instance_id, _ in hub.started]


@pytest.mark.parametrize(
    "body",
    [
        {"runId": 7},
        {"runId": 7, "dryRun": False},
        [{"runId": 7}, {"runId": 7, "dryRun": True}],
        log_alert({"runId": "7"}),
    ],
)
def test_with_the_setting_all_that_comes_through_the_queue_is_rehearsed(body: Any) -> None:
    rehearsing = dataclasses.replace(SETTINGS, alerts_dry_run=True)
    assert {name for name, _ in took(body, rehearsing)} == {REHEARSAL}


def test_a_message_may_ask_for_a_rehearsal_which_does_not_stand_in_for_a_cancellation() -> None:
    alias = SETTINGS.default_workspace
    assert took({"runId": 7, "dryRun": True}) == [(REHEARSAL, f"{alias}~rehearsal-7")]
    both = [(REHEARSAL, f"{alias}~rehearsal-7"), (ORCHESTRATOR, f"{alias}-7")]
    assert took([{"runId": 7, "dryRun": True}, {"runId": 7}]) == both


# -- the orchestrator ------------------------------------------------------------------------------------------------


def steps(name: str, order: dict[str, Any], answers: Any) -> Any:
    return Replay(orchestrator_of(create_app({}), name), answers, now=START).run(order)


@pytest.mark.parametrize("name", [ORCHESTRATOR, REHEARSAL])
@given(answers=st.lists(ANSWERS, max_size=5))
def test_whatever_is_answered_a_rehearsal_asks_for_nothing_but_reads(name: str, answers: list[Any]) -> None:
    order = {**ORDER, "dryRun": True, "waitTimeoutSeconds": 60}
    ended = steps(name, order, script(reads=[*answers, run("RUNNING"), NOT_FOUND, NOT_FOUND, NOT_FOUND]))
    assert set(ended.steps) <= {"readRun"}
    assert ended.failure is not None or ended.output["dryRun"]


def test_under_its_own_name_every_order_is_rehearsed() -> None:
    ended = steps(REHEARSAL, ORDER, script(reads=[BUSY, run("RUNNING")]))
    assert (ended.steps, ended.output["outcome"]) == (["readRun", "readRun"], "wouldCancel")


@pytest.mark.parametrize("name", [ORCHESTRATOR, REHEARSAL])
def test_progress_that_somebody_made_up_does_not_make_it_send_a_cancel(name: str) -> None:
    order = Order(run_id=RUN_ID, workspace="prod", dry_run=True).to_json()
    forged = {"nextStep": "cancelRun", "run": run("RUNNING")["run"], "seenActiveAt": START.isoformat()}
    ended = steps(name, {**order, "progress": forged}, script())
    assert (ended.steps, ended.output["outcome"]) == (["readRun"], "wouldCancel")


def test_a_long_rehearsal_continues_as_new_and_stays_one() -> None:
    order = Order(run_id=RUN_ID, workspace="prod", from_queue=True, dry_run=True, wait_timeout_seconds=604_800)
    ended = steps(REHEARSAL, order.to_json(), script(reads=[*[DENIED] * 50, run("RUNNING")]))
    assert (len(ended.generations) > 2, ended.output["outcome"], set(ended.steps)) == (True, "wouldCancel", {"readRun"})


def test_the_activity_sends_no_cancel_for_a_rehearsal(environ: dict[str, str], workspace: JobsApi) -> None:
    activities = Activities(lambda: Settings.from_environ(environ), SystemClock())
    seen = datetime.now(UTC).isoformat()
    question = Question(runId=workspace.add_run(), workspace="prod", seenActiveAt=seen, dryRun=True)
    assert activities.cancel_run(question)["error"]["code"] == "Rehearsal"
    assert workspace.count("cancel") == 0


def test_what_is_stored_of_a_cancellation_has_no_word_of_rehearsals() -> None:
    assert "dryRun" not in json.dumps(Order.of(CancelRequest(1)).to_json())
    assert "dryRun" in json.dumps(Order.of(CancelRequest(1, dry_run=True)).to_json())
