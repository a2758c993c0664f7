"""Engines of the local host with the app of tests/support/engine_app.py."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from local_host.engine.engine import Engine
from tests.support.engine_app import SECONDS, Scene, create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_host.engine.instance import Instance


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def engine(scene: Scene) -> Iterator[Engine]:
    with contextlib.closing(Engine(create_app(scene).get_functions())) as running:
        yield running


@pytest.fixture(scope="module")
def small_engine(scene: Scene) -> Iterator[Engine]:
    """An engine that runs two activities at a time."""
    with contextlib.closing(Engine(create_app(scene).get_functions(), activity_threads=2)) as running:
        yield running


@pytest.fixture
def run(engine: Engine, request: pytest.FixtureRequest) -> Callable[[str, Any], Instance]:
    """Runs an orchestrator to its end, under an id of the test's own."""

    def run_to_its_end(name: str, input_: Any = None) -> Instance:
        engine.start(name, request.node.name, input_)
        return engine.wait_until_ended(request.node.name, SECONDS)

    return run_to_its_end
