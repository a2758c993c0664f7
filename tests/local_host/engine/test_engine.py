"""An engine as a whole: many instances at once, and how it is closed."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from local_host.engine.engine import Engine
from tests.support.engine_app import SECONDS, Scene, create_app, until

if TYPE_CHECKING:
    import pytest


def test_hundreds_of_instances_at_once_all_complete(engine: Engine) -> None:
    count = 250
    for number in range(count):
        engine.start("steps", f"one-of-many-{number}", {"number": number})
    for number in range(count):
        assert engine.wait_until_ended(f"one-of-many-{number}", SECONDS).output == {"number": number}
    many = [one for one in engine.instances() if one.instance_id.startswith("one-of-many-")]
    assert len(many) == count
    assert {one.runtime_status for one in many} == {"Completed"}


def test_closing_is_quick_and_silent_although_instances_wait(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(create_app(scene).get_functions())
    for number in range(20):
        engine.start("sleep", f"sleeper-{number}")
    caplog.clear()  # the library, too, says something about an app without HTTP
    until(lambda: all(instance.custom_status == "asleep" for instance in engine.instances()))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.wait_until_ended, "sleeper-0", SECONDS)
        began = time.monotonic()
        engine.close()
        took = time.monotonic() - began
        assert waiting.exception(SECONDS) is not None, "whoever waits is let go"
    assert took < 2, "durabletask's worker looks once in a second whether it shall end"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


def test_closing_waits_for_the_activities_that_have_begun_and_lets_no_other_begin(scene: Scene) -> None:
    engine = Engine(create_app(scene).get_functions(), activity_threads=1)
    gates = [scene.gate(f"last-{number}") for number in range(5)]
    for number in range(5):
        engine.start("call", f"last-{number}", ["pass", f"last-{number}"])
    until(lambda: any(entered.is_set() for entered, _ in gates))
    until(lambda: all(engine.history(f"last-{number}").count("TaskScheduled") == 1 for number in range(5)))
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(engine.close)
        until(lambda: _refuses(engine))
        assert not closing.done()
        for _, gate in gates:
            gate.set()
        closing.result(SECONDS)
    assert sum(entered.is_set() for entered, _ in gates) == 1


def _refuses(engine: Engine) -> bool:
    """The engine has begun to close: it waits for nobody's end any more."""
    try:
        engine.wait_until_ended("last-0", 0.02)
    except TimeoutError:
        return True
    return False


def test_the_root_logger_is_left_alone(engine: Engine) -> None:
    assert engine.instances() is not None
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("durabletask").handlers == []
