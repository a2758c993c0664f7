"""Plays instances that one release began and another goes on with, at every point, and counts those that end otherwise.

The extension's side is ``tests/support/execution.py``: a replay is held against the history by what the Durable Task
Framework compares, and an instance of a version that a release's host does not take is left alone until one comes that
does.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.execution import Activity, Execution, ReplayDiffersError, shape
from tests.support.scripts import START

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.releases.release import Release

INSTANCE_ID = "prod-455644833"
ACTIVITY_TIME = timedelta(milliseconds=200)
_COMPARED = ("outcome", "stopped", "finalLifeCycleState", "resultState")

End = dict[str, Any]


class Play:
    """One instance of a life, begun by a release; each event is the business of whoever is ``by``."""

    def __init__(self, life: str, by: Release) -> None:
        self.life, self._calls = life, Counter[str]()
        self.version = by.default_version
        # what is begun is begun under the host.json of who begins it
        self.execution = Execution(
            by.turn, by.inputs[life], instance_id=INSTANCE_ID, now=START, version=by.default_version or "", by=shape
        )

    @property
    def ended(self) -> bool:
        return self.execution.stored.pending is None

    def step(self, by: Release) -> None:
        """The next event has happened: a timer has fired, or an activity has ended."""
        execution, pending = self.execution, self.execution.stored.pending
        execution.handle = by.turn
        if not isinstance(pending, Activity):
            assert pending is not None
            execution.now = max(execution.now, pending.fire_at)
            execution.fire()
            return
        number = self._calls[pending.name]
        self._calls[pending.name] += 1
        execution.now += ACTIVITY_TIME
        try:
            answer = by.answer(self.life, pending.name, number)
        except RuntimeError as error:
            execution.fail(error)
        else:
            execution.complete(answer)

    def copy(self) -> Play:
        """The same, to go on with by somebody else."""
        twin = copy.copy(self)
        twin.execution, twin._calls = self.execution.copy(), self._calls.copy()  # noqa: SLF001  # its own
        return twin

    def end(self) -> End:
        """How it ended, as far as it is compared."""
        stored = self.execution.stored
        output = stored.output or {}
        code = (output.get("error") or {}).get("code")
        return {"failure": stored.failure, "errorCode": code, **{key: output.get(key) for key in _COMPARED}}

    def generation(self) -> str:
        """What decides how it goes on, where a generation has just begun."""
        input_text = self.execution.stored.history.input_text
        return json.dumps([self.life, input_text, self.execution.now.isoformat(), sorted(self._calls.items())])


@dataclass
class Compared:
    """What was counted: ``points`` in-flight instances, and of them those that were left alone or ended otherwise."""

    points: int = 0
    left_alone: int = 0
    otherwise: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        alone = f", {self.left_alone} are left alone until the newer code is back" if self.left_alone else ""
        return f"{len(self.otherwise)} of {self.points} in-flight points end otherwise{alone}"


def compare(begins: Release, goes_on: Release, lives: Iterable[str] | None = None) -> Compared:
    """Every life begun by one release and, from each of its points, gone on with by the other.

    Then every life once more by both in turns, as while a deployment rolls.
    """
    compared = Compared()
    known: dict[str, End] = {}
    for life in [life for life in lives or begins.inputs if life in begins.inputs and life in goes_on.inputs]:
        ends = [_to_the_end(Play(life, one), [one]).end() for one in (begins, goes_on)]
        play, point = Play(life, begins), 0
        while not play.ended:
            compared.points += 1
            if goes_on.takes(play.version):
                _judge(compared, f"{life}, point {point}", ends, _gone_on(play.copy(), goes_on, known))
            else:
                compared.left_alone += 1
            play.step(begins)
            point += 1
        if goes_on.takes(play.version):
            compared.points += 1
            _judge(compared, f"{life}, in turns", ends, _played_out(Play(life, begins), [goes_on, begins]))
    return compared


def _judge(compared: Compared, where: str, ends: list[End], end: End) -> None:
    if end not in ends:
        compared.otherwise.append(f"{where}: {end}, not {ends[0]}")


def _gone_on(play: Play, by: Release, known: dict[str, End]) -> End:
    """How it ends; a generation that is known to end so is not played again."""
    began: list[str] = []
    generations = len(play.execution.stored.generations)
    end: End | None = None
    try:
        while end is None and not play.ended:
            play.step(by)
            if len(play.execution.stored.generations) > generations and not play.ended:
                generations = len(play.execution.stored.generations)
                began.append(play.generation())
                end = known.get(began[-1])
    except ReplayDiffersError as error:
        end = {"replay": str(error)}
    end = end or play.end()
    known.update(dict.fromkeys(began, end))
    return end


def _played_out(play: Play, by: list[Release]) -> End:
    try:
        return _to_the_end(play, by).end()
    except ReplayDiffersError as error:
        return {"replay": str(error)}


def _to_the_end(play: Play, by: list[Release]) -> Play:
    turns = _in_turns(by)
    while not play.ended:
        play.step(next(turns))
    return play


def _in_turns(by: list[Release]) -> Iterator[Release]:
    while True:
        yield from by
