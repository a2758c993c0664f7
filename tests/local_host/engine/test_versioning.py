"""Orchestration versioning on the engine: who takes an instance that another release began."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from local_host.engine.engine import Engine
from local_host.engine.versioning import HOST_JSON, Versioning
from tests.support.engine_app import SECONDS, status_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO = Versioning("1.0"), Versioning("2.0")
STEPS = {"1.0": ["a", "c"], "2.0": ["a", "b", "c"]}


class Release:
    """An app whose orchestrator waits before each step; release 2.0 has a step more, behind a version branch."""

    def __init__(self, version: str) -> None:
        self.done: list[str] = []
        app = df.DFApp()

        @app.function_name("steps")
        @app.orchestration_trigger(context_name="context")
        def steps(context: Any) -> Any:
            known = STEPS[context.version] if version == "2.0" else STEPS["1.0"]
            asked = context.get_input()
            for step in known:
                yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=50))
                yield context.call_activity("do", step)
            if asked["generations"] > 1:
                context.continue_as_new({"generations": asked["generations"] - 1})
                return None
            return {"version": context.version, "steps": known}

        @app.function_name("do")
        @app.activity_trigger(input_name="step")
        def do(step: str) -> str:
            self.done.append(step)
            return step

        self.functions = app.get_functions()


@pytest.fixture
def old() -> Release:
    return Release("1.0")


@pytest.fixture
def new() -> Release:
    return Release("2.0")


@contextlib.contextmanager
def engine_of(release: Release, versioning: Versioning) -> Iterator[Engine]:
    with contextlib.closing(Engine(release.functions, versioning=versioning)) as running:
        yield running


def test_an_instance_keeps_its_version_over_an_upgrade_and_over_continue_as_new(old: Release, new: Release) -> None:
    with engine_of(old, ONE) as engine:
        engine.start("steps", "prod-1", {"generations": 2})
        until(lambda: "a" in old.done)
        engine.deploy(new.functions, TWO)
        ended = engine.wait_until_ended("prod-1", SECONDS)
        assert ended.output == {"version": "1.0", "steps": ["a", "c"]}
        assert "b" not in [*old.done, *new.done]
        engine.start("steps", "prod-2", {"generations": 2})
        assert engine.wait_until_ended("prod-2", SECONDS).output == {"version": "2.0", "steps": ["a", "b", "c"]}


def test_a_rolled_back_worker_leaves_a_newer_instance_alone_until_the_newer_code_is_back(
    old: Release, new: Release
) -> None:
    with engine_of(new, TWO) as engine:
        engine.start("steps", "prod-1", {"generations": 20})
        until(lambda: "b" in new.done)
        engine.deploy(old.functions, ONE)
        begun = len(new.done)
        engine.start("steps", "prod-2", {"generations": 1})
        assert engine.wait_until_ended("prod-2", SECONDS).output == {"version": "1.0", "steps": ["a", "c"]}
        # an activity needs no version: at most the one that was scheduled has run here
        assert len(old.done) <= 3
        assert (status_of(engine, "prod-1"), len(new.done)) == ("Running", begun)
        engine.deploy(new.functions, TWO)
        assert engine.wait_until_ended("prod-1", SECONDS).output == {"version": "2.0", "steps": ["a", "b", "c"]}


def test_with_fail_it_ends_as_failed(old: Release, new: Release) -> None:
    with engine_of(new, TWO) as engine:
        engine.start("steps", "prod-1", {"generations": 20})
        until(lambda: "a" in new.done)
        engine.deploy(old.functions, Versioning("1.0", failure="Fail"))
        assert engine.wait_until_ended("prod-1", SECONDS).runtime_status == "Failed"


def test_the_local_host_has_the_versioning_of_host_json() -> None:
    durable = json.loads(HOST_JSON.read_text(encoding="utf-8"))["extensions"]["durableTask"]
    told = Versioning.of_host_json()
    assert (told.default_version, told.match, told.failure) == (
        durable["defaultVersion"],
        durable["versionMatchStrategy"],
        durable["versionFailureStrategy"],
    )
