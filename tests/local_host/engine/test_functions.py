"""Orchestrators and activities written for the 1.x SDK, as the engine of the local host runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.engine_app import FAN, SECONDS, Scene, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.engine.engine import Engine
    from local_host.engine.instance import Instance

# -- orchestrators written for the 1.x SDK -----------------------------------------------------------------------------


def test_an_unchanged_generator_has_activities_retries_timers_and_the_time_in_utc(
    run: Callable[..., Instance], engine: Engine
) -> None:
    asked = {"text": "ä", "list": [1, {"deep": None}], "long": 2**60}
    ended = run("all-there-is", asked)
    assert ended.runtime_status == "Completed"
    output = dict(ended.output)
    assert 0.02 <= output.pop("waited") < SECONDS
    assert output == {
        "echoed": asked,
        "sameObject": False,
        "retried": 3,
        "zone": "UTC",
        "instanceId": ended.instance_id,
        "isReplaying": False,
    }
    assert (ended.name, ended.input, ended.custom_status) == ("all-there-is", asked, {"step": "done"})
    assert ended.created_at < ended.last_updated_at
    assert engine.get(ended.instance_id) == ended


def test_what_is_returned_after_continue_as_new_is_nobodys_and_the_custom_status_stays(
    engine: Engine, scene: Scene
) -> None:
    gates = {}
    for number in (1, 2, 3):
        gates[number] = scene.gate(f"heir-{number}")
    engine.start("generations", "heir", {"generation": 1, "last": 3})
    for number, (entered, gate) in gates.items():
        assert entered.wait(SECONDS)
        seen = engine.get("heir")
        assert seen is not None
        assert seen.runtime_status == "Running"
        assert seen.custom_status == {"set by": 1}, "Azure's carries it over, although only the first set one"
        assert seen.input["generation"] == number
        gate.set()
    ended = engine.wait_until_ended("heir", SECONDS)
    assert ended.output == {"generation": 3, "last": 3, "heard": "heir-2"}
    assert ended.custom_status == {"set by": 1}


def test_an_orchestrator_that_is_no_generator_is_run_too(run: Callable[..., Instance]) -> None:
    assert run("plain", {"a": 1}).output == {"a": 1}


def test_no_input_is_none(run: Callable[..., Instance]) -> None:
    ended = run("plain")
    assert (ended.runtime_status, ended.input, ended.output) == ("Completed", None, None)


def test_an_exception_out_of_the_orchestrator_fails_the_instance_and_is_its_output(
    run: Callable[..., Instance],
) -> None:
    ended = run("raise", "no such thing")
    assert (ended.runtime_status, ended.output) == ("Failed", "no such thing")


def test_an_output_that_json_cannot_say_fails_the_instance(run: Callable[..., Instance]) -> None:
    assert run("unsayable").runtime_status == "Failed"


def test_tasks_can_be_awaited_together(run: Callable[..., Instance]) -> None:
    assert run("fan").output == list(range(FAN))


def test_an_event_reaches_whoever_waits_for_it(engine: Engine) -> None:
    engine.start("listen", "listener")
    assert engine.raise_event("listener", "news", {"good": True}) is not None
    ended = engine.wait_until_ended("listener", SECONDS)
    assert ended.output == {"heard": {"good": True}, "itWasTheEvent": True}


# -- activities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, True, 0, "", "text", [], {}, {"a": [1, None]}])
@pytest.mark.parametrize("activity", ["echo", "echoLater"])
def test_json_arrives_at_an_activity_and_comes_back_as_it_was(
    activity: str, value: Any, run: Callable[..., Instance]
) -> None:
    ended = run("call", [activity, value])
    assert (ended.runtime_status, ended.output) == ("Completed", value)


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        ("failLoudly", "the disk is full"),
        ("failSilently", "KeyError"),
        ("giveASet", "set"),
        ("noSuchActivity", "noSuchActivity"),
    ],
)
def test_the_exception_of_an_activity_reaches_the_generator(
    activity: str, said: str, run: Callable[..., Instance]
) -> None:
    ended = run("catch", activity)
    assert ended.runtime_status == "Completed"
    assert said in ended.output["caught"]


@pytest.mark.parametrize("activity", ["failLoudly", "failSilently"])
def test_the_exception_of_an_activity_that_nobody_catches_fails_the_instance(
    activity: str, run: Callable[..., Instance]
) -> None:
    assert run("call", [activity, None]).runtime_status == "Failed"


def test_orchestrators_go_on_while_every_activity_thread_waits(small_engine: Engine, scene: Scene) -> None:
    gates = [scene.gate(f"blocked-{number}") for number in range(3)]
    for number in range(3):
        small_engine.start("call", f"blocked-{number}", ["pass", f"blocked-{number}"])
    until(lambda: sum(entered.is_set() for entered, _ in gates) == 2)
    small_engine.start("plain", "free", 1)
    assert small_engine.wait_until_ended("free", SECONDS).output == 1
    assert sum(entered.is_set() for entered, _ in gates) == 2
    for _, gate in gates:
        gate.set()
    for number in range(3):
        assert small_engine.wait_until_ended(f"blocked-{number}", SECONDS).output == f"blocked-{number}"


def test_payloads_of_megabytes_pass(run: Callable[..., Instance]) -> None:
    text = "x" * 5_000_000
    assert run("call", ["echo", text]).output == text
