"""The journal of the local host: what a process that was killed leaves behind, and what its successor makes of it.

It is longer than most: every test wants the same small app, left behind in the same way.
"""

from __future__ import annotations

import contextlib
import resource
import shutil
import sqlite3
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from local_host.engine.engine import InstanceExistsError
from local_host.engine.instance import ENDED
from local_host.engine.journal import Journal, JournalError
from local_host.engine.journaled_engine import JournaledEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local_host.engine.instance import Instance

SECONDS = 20.0


class Work:
    """What the app's one activity does: it says that it began, and waits until it may go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.entered = threading.Event()
        self.gate = threading.Event()

    def do(self, what: str) -> str:
        self.begun.append(what)
        self.entered.set()
        assert self.gate.wait(SECONDS)
        return what.upper()


def functions(work: Work, *, generations: int = 1) -> list[Any]:
    app = df.DFApp()

    @app.function_name("work")
    @app.orchestration_trigger(context_name="context")
    def orchestrate(context: Any) -> Any:
        asked = context.get_input()
        context.set_custom_status({"asked": asked["what"]})
        done = yield context.call_activity("do", asked["what"])
        if asked.get("generation", 1) < generations:
            context.continue_as_new({**asked, "generation": asked.get("generation", 1) + 1})
            return None
        if asked["what"] == "fail":
            raise ValueError(done)
        return {"done": done}

    @app.function_name("sleep")
    @app.orchestration_trigger(context_name="context")
    def sleep(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))

    @app.function_name("do")
    @app.activity_trigger(input_name="what")
    def do(what: str) -> str:
        return work.do(what)

    found: list[Any] = app.get_functions()
    return found


@pytest.fixture
def work() -> Iterator[Work]:
    scene = Work()
    yield scene
    scene.gate.set()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def open_engine(work: Work) -> Iterator[Callable[..., JournaledEngine]]:
    with contextlib.ExitStack() as opened:

        def open_(state: Path, **how: Any) -> JournaledEngine:
            return opened.enter_context(contextlib.closing(JournaledEngine(functions(work, **how), state)))

        yield open_
        work.gate.set()


def left_behind(state: Path) -> Path:
    """The file as it would be found if its process were killed now."""
    copy = state.with_name("left-behind.sqlite")
    shutil.copy(state, copy)
    return copy


@contextlib.contextmanager
def no_file_can_grow(beyond: int) -> Iterator[None]:
    """What a full disk is like, for files of this process that have so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def look(engine: JournaledEngine, instance_id: str) -> Instance:
    found = engine.get(instance_id)
    assert found is not None
    return found


def test_what_had_not_ended_begins_again_under_its_id_with_its_input(
    state: Path, work: Work, open_engine: Callable[..., JournaledEngine]
) -> None:
    killed = open_engine(state)
    killed.start("work", "prod-1", {"what": "one"})
    assert work.entered.wait(SECONDS)
    engine = open_engine(left_behind(state))
    with pytest.raises(InstanceExistsError):
        engine.start("work", "prod-1", {"what": "another"})
    work.gate.set()
    ended = engine.wait_until_ended("prod-1", SECONDS)
    assert (ended.runtime_status, ended.input, ended.output) == ("Completed", {"what": "one"}, {"done": "ONE"})
    assert work.begun == ["one", "one"]


@pytest.mark.parametrize("what", ["one", "fail"])
def test_what_had_ended_is_not_begun_again_and_answers_as_it_did(
    what: str, state: Path, work: Work, open_engine: Callable[..., JournaledEngine]
) -> None:
    work.gate.set()
    killed = open_engine(state)
    killed.start("work", "prod-1", {"what": what})
    before = killed.wait_until_ended("prod-1", SECONDS)
    # the look found it ended, so the file has to have it: nobody may be told of an end that a kill takes back
    engine = open_engine(left_behind(state))
    assert look(engine, "prod-1") == before
    assert engine.instances() == [before]
    assert engine.terminate("prod-1", "too late") == before
    assert engine.history_events("prod-1") == []
    assert work.begun == [what]


def test_an_ended_instance_can_be_started_afresh_after_the_kill(
    state: Path, work: Work, open_engine: Callable[..., JournaledEngine]
) -> None:
    work.gate.set()
    killed = open_engine(state)
    killed.start("work", "prod-1", {"what": "one"})
    killed.wait_until_ended("prod-1", SECONDS)
    engine = open_engine(left_behind(state))
    engine.start("work", "prod-1", {"what": "two"})
    assert engine.wait_until_ended("prod-1", SECONDS).output == {"done": "TWO"}
    assert [instance.output for instance in engine.instances()] == [{"done": "TWO"}]


def test_an_instance_that_an_operator_terminated_stays_terminated(
    state: Path, open_engine: Callable[..., JournaledEngine]
) -> None:
    killed = open_engine(state)
    killed.start("sleep", "prod-1", {})
    killed.terminate("prod-1", "enough")
    killed.wait_until_ended("prod-1", SECONDS)
    ended = look(open_engine(left_behind(state)), "prod-1")
    assert (ended.runtime_status, ended.output) == ("Terminated", None)


def test_what_cannot_be_written_down_is_not_begun(
    state: Path, work: Work, open_engine: Callable[..., JournaledEngine]
) -> None:
    engine = open_engine(state)
    with no_file_can_grow(state.stat().st_size), pytest.raises(JournalError, match="prod-1 was not begun"):
        engine.start("work", "prod-1", {"what": "one", "long": "x" * 100_000})
    assert (engine.get("prod-1"), work.begun) == (None, [])
    work.gate.set()
    engine.start("work", "prod-1", {"what": "two"})
    assert engine.wait_until_ended("prod-1", SECONDS).output == {"done": "TWO"}


def test_what_was_purged_does_not_come_back(
    state: Path, work: Work, open_engine: Callable[..., JournaledEngine], tmp_path: Path
) -> None:
    work.gate.set()
    killed = open_engine(state)
    for number in (1, 2):
        killed.start("work", f"prod-{number}", {"what": "one"})
        killed.wait_until_ended(f"prod-{number}", SECONDS)
    assert killed.purge("prod-1")
    engine = open_engine(left_behind(state))
    assert engine.get("prod-1") is None
    assert engine.purge("prod-2")
    assert not engine.purge("prod-2")
    assert engine.instances() == []
    engine.close()
    assert open_engine(tmp_path / "left-behind.sqlite").instances() == []


def test_what_runs_cannot_be_purged(state: Path, open_engine: Callable[..., JournaledEngine]) -> None:
    engine = open_engine(state)
    engine.start("sleep", "prod-1", {})
    assert not engine.purge("prod-1")
    assert look(open_engine(left_behind(state)), "prod-1").runtime_status not in ENDED


def test_a_later_generation_begins_again_as_the_first(
    state: Path, work: Work, open_engine: Callable[..., JournaledEngine]
) -> None:
    work.gate.set()
    killed = open_engine(state, generations=3)
    killed.start("work", "prod-1", {"what": "one"})
    killed.wait_until_ended("prod-1", SECONDS)
    assert len(work.begun) == 3
    work.gate.clear()
    killed.start("work", "prod-1", {"what": "two"})
    engine = open_engine(left_behind(state), generations=3)
    assert look(engine, "prod-1").input == {"what": "two"}


def test_closing_is_no_end(state: Path, work: Work, open_engine: Callable[..., JournaledEngine]) -> None:
    closed = open_engine(state)
    closed.start("work", "prod-1", {"what": "one"})
    assert work.entered.wait(SECONDS)
    work.gate.set()
    closed.close()
    assert open_engine(state).wait_until_ended("prod-1", SECONDS).output == {"done": "ONE"}


def test_an_orchestrator_that_the_app_has_no_more_waits_in_the_file(
    state: Path, open_engine: Callable[..., JournaledEngine]
) -> None:
    with contextlib.closing(Journal(state)) as journal:
        journal.begin("gone", "prod-1", None)
    open_engine(state).close()
    with contextlib.closing(Journal(state)) as journal:
        assert [instance.name for instance in journal.unfinished()] == ["gone"]


def test_a_file_belongs_to_one_process_and_is_private(state: Path) -> None:
    with contextlib.closing(Journal(state)):
        assert state.stat().st_mode & 0o077 == 0
        with pytest.raises(JournalError, match="another process has it"):
            Journal(state)
    Journal(state).close()


OTHERS = [b"", b"not a database, however long it may be " * 50, b"SQLite format 3\0 but no more"]


@pytest.mark.parametrize("content", OTHERS)
def test_another_file_is_not_taken_for_a_journal(content: bytes, state: Path) -> None:
    state.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        Journal(state)
    assert state.read_bytes() == content
    assert list(state.parent.iterdir()) == [state]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nowhere"):
        Journal(tmp_path / "nowhere/journal.sqlite")


@pytest.mark.parametrize("left", [0.0, 0.3, 0.5, 0.9])
def test_a_journal_that_was_cut_is_refused_and_never_taken_for_an_empty_one(left: float, state: Path) -> None:
    with contextlib.closing(Journal(state)) as journal:
        for number in range(20):
            journal.begin("work", f"prod-{number}", {"what": "one"})
    with state.open("r+b") as file:
        file.truncate(int(state.stat().st_size * left))
    with pytest.raises(JournalError, match="damaged"):
        Journal(state)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE instances SET input = '{'",
        "UPDATE instances SET created_at = 'yesterday'",
        "UPDATE instances SET created_at = 5",
        "UPDATE instances SET runtime_status = 'Whatever'",
        "DROP TABLE instances",
    ],
)
def test_a_row_that_cannot_be_read_is_damage_too(damage: str, state: Path) -> None:
    with contextlib.closing(Journal(state)) as journal:
        journal.begin("work", "prod-1", {"what": "one"})
    with contextlib.closing(sqlite3.connect(state)) as file, file:
        file.execute(damage)
    with pytest.raises(JournalError, match="damaged"):
        Journal(state)


def test_a_journal_of_release_0_2_is_taken_if_its_write_ahead_log_is_there(state: Path) -> None:
    with contextlib.closing(Journal(state)) as journal:
        journal.begin("work", "prod-1", {"what": "one"})
    with contextlib.closing(sqlite3.connect(state)) as file, file:
        file.execute("DROP TABLE places")
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("UPDATE instances SET name = 'sleep'")
    with contextlib.closing(Journal(state, {"default": "https://a.example"})) as journal:
        assert [instance.name for instance in journal.unfinished()] == ["sleep"]
        assert not journal.placed, "it does not say where what it holds was to be done"
    with contextlib.closing(Journal(state, {"default": "https://a.example"})) as journal:
        assert journal.placed


def test_what_was_to_be_done_in_one_place_is_not_done_in_another_of_its_name(state: Path) -> None:
    with contextlib.closing(Journal(state, {"default": "https://a"})):
        pass
    with contextlib.closing(Journal(state, {"default": "https://b"})) as journal:  # nothing is in it yet
        journal.begin("work", "default-1", {"what": "one"})
    with contextlib.closing(Journal(state, {"default": "https://b", "more": "https://c"})):
        pass
    for moved in ({"default": "https://a"}, {"more": "https://b"}):
        with pytest.raises(JournalError, match="is about"):
            Journal(state, moved)
    Journal(state, {"default": "https://b"}).close()
