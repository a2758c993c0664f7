"""Instances that one release began and another goes on with, and back: a deployment ends no cancellation."""

from __future__ import annotations

import ast
import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.releases import next_release
from tests.support.releases.histories import FOLDER, differing
from tests.support.releases.play import compare
from tests.support.releases.release import Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.releases.next_release import Edit

LIVES = ("long", "broken", "unknown-state")
HARMLESS = {
    "one more field in each stored shape": next_release.FIELDS,
    "one more moment": next_release.MOMENT,
    "one more life cycle state": next_release.STATE,
    "one more setting": next_release.SETTING,
    "other numbers in the schedule": next_release.CONSTANTS,
}


@pytest.fixture(scope="module")
def this() -> Iterator[Release]:
    with contextlib.closing(Release("this", ROOT)) as release:
        yield release


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[Callable[..., Release]]:
    with contextlib.ExitStack() as opened:

        def start(name: str, *edits: list[Edit]) -> Release:
            folder = next_release.make(tmp_path / name, [edit for more in edits for edit in more])
            return opened.enter_context(contextlib.closing(Release(name, folder)))

        yield start


@pytest.mark.soak
def test_a_small_next_release_goes_on_with_what_is_under_way_and_so_does_the_one_before_it(
    this: Release, edited: Callable[..., Release], soak: bool
) -> None:
    all_at_once = [edit for edits in HARMLESS.values() for edit in edits]
    for what, edits in (HARMLESS if soak else {"all of that": all_at_once}).items():
        then = edited(what.replace(" ", "-"), edits)
        for begins, goes_on in ((this, then), (then, this)):
            compared = compare(begins, goes_on, LIVES)
            assert compared.otherwise == [], what
            assert (compared.points > 40, compared.left_alone) == (True, 0)


def test_a_step_more_behind_a_branch_is_taken_by_new_instances_only_and_those_are_left_alone_by_the_old_code(
    this: Release, edited: Callable[..., Release]
) -> None:
    then = edited("next", next_release.BRANCH, next_release.RULES, next_release.HOST_VERSION)
    up, back = compare(this, then, LIVES), compare(then, this, LIVES)
    assert (up.otherwise, up.left_alone) == ([], 0)
    assert (back.otherwise, back.left_alone) == ([], back.points)
    assert up.points > 40


def test_a_branch_that_is_released_asleep_and_woken_later_strands_nobody(
    this: Release, edited: Callable[..., Release]
) -> None:
    asleep = edited("asleep", next_release.BRANCH)
    awake = edited("awake", next_release.BRANCH, next_release.RULES)
    for begins, goes_on in ((this, asleep), (asleep, this), (asleep, awake), (awake, asleep)):
        compared = compare(begins, goes_on, ("mended", "unknown-state"))
        assert (compared.otherwise, compared.left_alone) == ([], 0)


def test_a_step_more_without_a_branch_is_found(this: Release, edited: Callable[..., Release]) -> None:
    then = edited("next", next_release.STEP_WITHOUT_BRANCH)
    assert compare(this, then, ("repaired",)).otherwise
    assert compare(then, this, ("repaired",)).otherwise


def test_a_number_that_is_taken_from_the_code_again_is_found(this: Release, edited: Callable[..., Release]) -> None:
    assert compare(this, edited("next", next_release.UNPINNED), ("unsure",)).otherwise


def test_a_reader_that_refuses_what_it_does_not_know_is_found(edited: Callable[..., Release]) -> None:
    strict = edited("strict", next_release.STRICT)
    assert compare(edited("next", next_release.FIELDS), strict, ("repaired",)).otherwise


def test_no_number_that_an_orchestration_decides_by_is_a_constant() -> None:
    harmless = {
        "TIMELINE_LIMIT",
        "TIMES_LIMIT",
        "SENT_AFTER",
        "_MILLISECOND",
        "_LONGEST",
        "SHOWN_LIMIT",
        "VERSION",
    }  # entries that are shown; what a new order is begun with
    modules = [ROOT / "cancel_run/orchestrator.py", *sorted((ROOT / "cancel_run/cancellation").glob("*.py"))]
    # the triggers' and the activities', whose answers are in the history; what is shown
    elsewhere = {"request.py", "run.py", "run_page.py", "result.py"}
    found = {
        ast.unparse(one)
        for module in modules
        if module.name not in elsewhere
        for one in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(one, ast.Assign | ast.AnnAssign)
        and any(isinstance(part, ast.Constant) and type(part.value) in {int, float} for part in ast.walk(one))
    }
    assert {text for text in found if text.partition(" ")[0] not in harmless} == set()


def test_the_recorded_instances_are_replayed_by_a_next_release_with_all_of_that(
    edited: Callable[..., Release],
) -> None:
    edits = [one for name, one in HARMLESS.items() if name != "one more life cycle state"]
    then = edited("next", *edits, next_release.FINAL_STATE, next_release.BRANCH, next_release.RULES)
    for file in sorted(FOLDER.glob("*/*.json")):
        found = differing(json.loads(file.read_text(encoding="utf-8")), then.turn)
        assert [one for one in found if one.startswith("turn")] == [], file
