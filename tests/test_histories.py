"""Every release replays what the ones before it recorded: at every point it schedules what was scheduled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from function_app import create_app
from tests.support.releases.histories import FOLDER, differing, prefixes, recorded
from tests.support.releases.lives import LIVES
from tests.support.replay import orchestrator_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(FOLDER.glob("*/*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_recorded_instance_is_replayed_as_it_was_from_each_of_its_points(file: Path) -> None:
    history = json.loads(file.read_text(encoding="utf-8"))
    assert differing(history, orchestrator_of(create_app({}), "cancel-active-run")) == []


def test_the_histories_hold_a_life_of_every_kind_and_one_of_three_generations() -> None:
    assert {file.stem for file in FILES} >= set(LIVES)
    assert any(len(json.loads(file.read_text(encoding="utf-8"))["generations"]) >= 3 for file in FILES)


def test_a_replay_that_schedules_something_else_is_found_at_the_turn_where_it_does() -> None:
    history = recorded("quick")
    turns = list(prefixes(history))
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    found = differing(history, lambda context: handle(context if context != turns[2][0] else turns[1][0]))
    assert len(found) == 1
    assert found[0].startswith("turn 2 schedules")
