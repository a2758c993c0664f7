"""The instances of an engine: one for one id, and what may be ordered of it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from local_host.engine.engine import Engine, InstanceExistsError, UnknownOrchestratorError
from local_host.engine.instance import ENDED
from tests.support.engine_app import SECONDS, Scene, status_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.engine.instance import Instance

# -- one instance for one id -------------------------------------------------------------------------------------------


def test_an_id_is_taken_until_its_instance_has_ended(engine: Engine) -> None:
    engine.start("sleep", "taken")
    with pytest.raises(InstanceExistsError) as refused:
        engine.start("plain", "taken")
    assert refused.value.instance_id == "taken"
    assert refused.value.runtime_status in {"Pending", "Running"}
    engine.terminate("taken", "enough")
    engine.wait_until_ended("taken", SECONDS)
    engine.start("plain", "taken", "afresh")
    assert engine.wait_until_ended("taken", SECONDS).output == "afresh"
    assert [instance.name for instance in engine.instances() if instance.instance_id == "taken"] == ["plain"]


def test_an_orchestrator_that_nobody_registered_is_refused(engine: Engine) -> None:
    with pytest.raises(UnknownOrchestratorError):
        engine.start("echo", "an-activity-is-none")
    assert engine.get("an-activity-is-none") is None


def test_of_many_starts_at_the_same_moment_exactly_one_wins(engine: Engine) -> None:
    together = threading.Barrier(8)

    def start(number: int) -> int | None:
        together.wait(SECONDS)
        try:
            engine.start("sleep", "contested", number)
        except InstanceExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(start, range(8)) if number is not None]
    contested = engine.get("contested")
    assert contested is not None
    assert winners == [contested.input]


def test_an_activity_of_an_earlier_execution_does_not_reach_the_next_one_of_the_same_id(
    small_engine: Engine, scene: Scene
) -> None:
    first_entered, first_gate = scene.gate("first")
    second_entered, second_gate = scene.gate("second")
    small_engine.start("call", "twice", ["pass", "first"])
    assert first_entered.wait(SECONDS)
    small_engine.terminate("twice", "enough")
    small_engine.wait_until_ended("twice", SECONDS)
    small_engine.start("call", "twice", ["pass", "second"])
    assert second_entered.wait(SECONDS)
    first_gate.set()
    # both threads were taken: another activity runs only after the first has delivered its result
    small_engine.start("call", "another", ["echo", None])
    small_engine.wait_until_ended("another", SECONDS)
    assert status_of(small_engine, "twice") == "Running"
    second_gate.set()
    assert small_engine.wait_until_ended("twice", SECONDS).output == "second"


# -- orders ------------------------------------------------------------------------------------------------------------


def test_a_terminated_instance_has_no_output_because_azure_keeps_none(engine: Engine) -> None:
    engine.start("sleep", "stopped")
    found = engine.terminate("stopped", "enough")
    assert found is not None
    assert found.runtime_status not in ENDED
    ended = engine.wait_until_ended("stopped", SECONDS)
    assert (ended.runtime_status, ended.output) == ("Terminated", None)


def test_a_suspended_instance_takes_no_step_until_it_is_resumed(engine: Engine, scene: Scene) -> None:
    entered, gate = scene.gate("paused")
    engine.start("call", "paused", ["pass", "paused"])
    assert entered.wait(SECONDS)
    engine.suspend("paused", "a pause")
    until(lambda: status_of(engine, "paused") == "Suspended")
    gate.set()
    until(lambda: "TaskCompleted" in engine.history("paused"))
    assert status_of(engine, "paused") == "Suspended"
    with pytest.raises(InstanceExistsError):
        engine.start("plain", "paused")
    engine.resume("paused", "go on")
    assert engine.wait_until_ended("paused", SECONDS).output == "paused"


def test_a_step_is_taken_once_although_a_suspension_comes_in_its_turn(engine: Engine, scene: Scene) -> None:
    entered, gate = scene.gate("in-its-turn")
    engine.start("slowTurn", "in-its-turn")
    assert entered.wait(SECONDS)
    engine.raise_event("in-its-turn", "news", None)
    engine.suspend("in-its-turn", "both are for the next turn")
    gate.set()
    until(lambda: engine.history("in-its-turn").count("TaskCompleted") == 2)
    assert status_of(engine, "in-its-turn") == "Suspended"
    engine.resume("in-its-turn", "go on")
    assert engine.wait_until_ended("in-its-turn", SECONDS).output == 1
    assert scene.tries["in-its-turn"] == 1


def test_what_an_activity_brings_after_the_end_is_nobodys(small_engine: Engine, scene: Scene) -> None:
    entered, gate = scene.gate("too-late")
    small_engine.start("call", "ended", ["pass", "too-late"])
    assert entered.wait(SECONDS)
    small_engine.terminate("ended", "enough")
    small_engine.wait_until_ended("ended", SECONDS)
    ended = small_engine.history("ended")
    gate.set()
    for number in range(5):  # each is behind what the activity has brought
        small_engine.start("call", f"behind-{number}", ["echo", None])
        small_engine.wait_until_ended(f"behind-{number}", SECONDS)
    assert small_engine.history("ended") == ended


def test_a_suspended_instance_can_be_terminated(engine: Engine) -> None:
    engine.start("sleep", "suspended")
    engine.suspend("suspended", "")
    until(lambda: status_of(engine, "suspended") == "Suspended")
    engine.terminate("suspended", "enough")
    assert engine.wait_until_ended("suspended", SECONDS).runtime_status == "Terminated"


def test_orders_to_an_ended_or_unknown_instance_change_nothing(engine: Engine, run: Callable[..., Instance]) -> None:
    ended = run("plain", "over")
    for order in (engine.terminate, engine.suspend, engine.resume):
        assert order(ended.instance_id, "too late") == ended
        assert order("nobody", "too early") is None
    assert engine.raise_event(ended.instance_id, "news", None) == ended
    assert engine.get(ended.instance_id) == ended


def test_only_an_ended_instance_is_purged_and_then_it_is_unknown(engine: Engine) -> None:
    engine.start("sleep", "litter")
    assert not engine.purge("litter")
    engine.terminate("litter", "")
    engine.wait_until_ended("litter", SECONDS)
    assert engine.purge("litter")
    assert not engine.purge("litter")
    assert engine.get("litter") is None
    assert engine.history("litter") == ""
    with pytest.raises(KeyError):
        engine.wait_until_ended("litter", SECONDS)


def test_the_history_has_every_input_result_and_failure(engine: Engine, run: Callable[..., Instance]) -> None:
    told = engine.history(run("call", ["echo", "the-input-itself"]).instance_id)
    assert told.count("the-input-itself") >= 3
    engine.start("catch", "caught", "failLoudly")
    engine.wait_until_ended("caught", SECONDS)
    assert "the disk is full" in engine.history("caught")
    kinds = [event["EventType"] for event in engine.history_events("caught")]
    assert [kind for kind in kinds if kind.startswith(("Task", "Execution"))] == [
        "ExecutionStarted",
        "TaskScheduled",
        "TaskFailed",
        "ExecutionCompleted",
    ]


def test_waiting_for_an_end_that_does_not_come_is_a_timeout(engine: Engine) -> None:
    engine.start("sleep", "endless")
    with pytest.raises(TimeoutError):
        engine.wait_until_ended("endless", 0.05)
