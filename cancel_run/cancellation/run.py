"""A Databricks run as the Jobs API tells of it.

What its state means is decided once, where the answer is read, and travels with the run: a release that decides
otherwise must not make a replay differ from its history.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.states import LifeCycleState, Means, ResultState, meaning
from cancel_run.cancellation.stored import read, written
from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TEXT_LIMIT = 1000  # characters: what Databricks says travels through history and custom status at every poll


# The newer `status` object has no result state; its termination code says the same in other words.
_RESULT_OF_TERMINATION_CODE = {
    "USER_CANCELED": ResultState.CANCELED,
    "RUN_EXECUTION_ERROR": ResultState.FAILED,
}
_BY_A_USER = "USER_CANCELED"  # CANCELED, as a termination code, is the platform's own doing
_RESTARTING_TRIGGERS = frozenset({"CONTINUOUS", "CONTINUOUS_RESTART"})
NEVER_REPAIRED = 0


@dataclass(frozen=True)
class Run:
    """What one answer of ``runs/get`` said. States are text, so that one nobody knows yet is kept as it came.

    ``canceled`` says that it ended by a user's cancel, which ours is. ``repair_id`` is that of its newest repair,
    ``NEVER_REPAIRED`` where there was none, None where the answer did not tell. ``repaired_since`` marks an attempt
    that has ended, of a run that has been repaired since. ``part_of`` is the run that a task's run is a part of.
    """

    life_cycle_state: str = ""
    result_state: str | None = None
    state_message: str | None = None
    run_page_url: str | None = None
    means: str = Means.STOPPING.value
    canceled: bool = False
    job_id: int | None = None
    run_name: str | None = None
    trigger: str | None = None
    creator_user_name: str | None = None
    start_time: int | None = None  # milliseconds since 1970
    restarts_itself: bool = False
    repair_id: int | None = None
    repaired_since: bool = False
    part_of: int | None = None
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def from_api(cls, answer: object, run_id: int, *, whole: bool = True) -> Run:
        """The run in the Jobs API's answer, out of ``state`` or, where that is missing, ``status``.

        ``whole`` is False for the beginning of an answer that was too large to be read to its end.

        Raises:
            ValueError: the answer tells no life cycle state, or is about another run than ``run_id``.
        """
        if not isinstance(answer, dict):
            raise ValueError("the answer is not a JSON object")  # noqa: TRY004  # one error for every strange shape
        if _number(answer, "run_id") != run_id:
            raise ValueError(f"the run_id is not {run_id}")
        trigger = _text(answer, "trigger")
        facts: dict[str, Any] = {
            "run_page_url": _text(answer, "run_page_url"),
            "job_id": _number(answer, "job_id"),
            "run_name": _text(answer, "run_name"),
            "trigger": trigger,
            "creator_user_name": _text(answer, "creator_user_name"),
            "start_time": _number(answer, "start_time"),
            "restarts_itself": trigger in _RESTARTING_TRIGGERS,
            "repair_id": _id(_newest_repair(answer)) if whole and _history(answer) is not None else None,
            "part_of": _part_of(answer, run_id),
        }
        return cls(**_states(answer), **facts)

    @classmethod
    def attempt_from_api(
        cls, answer: Mapping[str, Any], run_id: int, repair_id: int | None, first_read_at: datetime | None = None
    ) -> Run | None:
        """How the attempt ended that began with the repair ``repair_id``, when the run has been repaired since.

        None when it has not, and where the answer tells of no repair at all: one that was seen cannot be undone. Where
        ``repair_id`` is not known, or not in the history, the attempt is the one that was there at ``first_read_at``.

        Raises:
            ValueError: as :meth:`from_api`.
        """
        there = _there_at(answer, repair_id, first_read_at)
        if there is None or not _repaired_since(answer, there):
            return None
        latest = cls.from_api(answer, run_id)
        end = _end_of(answer, there if repair_id is None else repair_id)
        return cls(**{**vars(latest), **end, "means": Means.ENDED.value, "repaired_since": True})

    @classmethod
    def from_json(cls, data: object) -> Run:
        """The run that :meth:`to_json` wrote, in this release or another."""
        return read(cls, data)

    def to_json(self) -> dict[str, Any]:
        """The shape that travels: each field by its name in camelCase."""
        return written(self)

    @property
    def ended(self) -> bool:
        """True when the run will never change again, unless somebody repairs it."""
        return self.means == Means.ENDED

    @property
    def untouched(self) -> bool:
        """True when a cancel has not (yet) had its effect."""
        return self.means == Means.UNTOUCHED


def _states(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a run that follow from ``state``, ``status`` or both."""
    state, status = (data[key] if isinstance(data.get(key), dict) else {} for key in ("state", "status"))
    details = status.get("termination_details")
    details = details if isinstance(details, dict) else {}
    life_cycle_state = _text(state, "life_cycle_state") or _text(status, "state")
    if not life_cycle_state:
        raise ValueError("there is no state.life_cycle_state")
    means = meaning(life_cycle_state)
    code = _text(details, "code") if means is Means.ENDED else None
    result = _text(state, "result_state")
    if not _text(state, "life_cycle_state") and code:
        result = _RESULT_OF_TERMINATION_CODE.get(code, code)
    return {
        "life_cycle_state": life_cycle_state,
        "result_state": result,
        "state_message": _text(state, "state_message") or _text(details, "message"),
        "means": means.value,
        "canceled": means is Means.ENDED and (code == _BY_A_USER if code else result == ResultState.CANCELED),
    }


def _end_of(answer: Mapping[str, Any], repair_id: int) -> dict[str, Any]:
    """How the attempt ended that began with that repair, as the history has it.

    A repair needs an attempt that has ended: where the history does not tell how, it has ended all the same.
    """
    told = _told_of(answer, repair_id)
    if told.get("means") != Means.ENDED:
        told = {"life_cycle_state": LifeCycleState.TERMINATED.value}
    return {"result_state": None, "state_message": None, "canceled": False, **told}


def _told_of(answer: Mapping[str, Any], repair_id: int) -> dict[str, Any]:
    """The states of that attempt, as the history has it; nothing where it has none."""
    told: dict[str, Any] = {}
    for attempt in _attempts(answer):
        if _id(attempt) == repair_id:
            with suppress(ValueError):
                told = _states(attempt)
    return told


def _part_of(answer: Mapping[str, Any], run_id: int) -> int | None:
    whole = _number(answer, "job_run_id") or run_id  # 0 is how some of Databricks' services write none
    return whole if whole != run_id else None


def _there_at(answer: Mapping[str, Any], repair_id: int | None, first_read_at: datetime | None) -> int | None:
    """The repair with which the attempt began that was there at the first read; None where nothing tells."""
    attempts = _attempts(answer)
    if first_read_at is None or repair_id in {_id(attempt) for attempt in attempts}:
        return repair_id
    read_at = 1000 * first_read_at.timestamp()
    return _id(max((attempt for attempt in attempts if _began(attempt) <= read_at), key=_began, default={}))


def _repaired_since(answer: Mapping[str, Any], repair_id: int) -> bool:
    newest = _newest_repair(answer)
    if _id(newest) in {repair_id, NEVER_REPAIRED}:
        return False
    # a repair needs an attempt that has ended: one that has not begun is none while that attempt is told active
    return _began(newest) < math.inf or _told_of(answer, repair_id).get("means", Means.ENDED) == Means.ENDED


def _newest_repair(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its entry in the history; an empty one where there is none."""
    return max((attempt for attempt in _attempts(answer) if _id(attempt)), key=_began, default={})


def _history(answer: Mapping[str, Any]) -> list[Any] | None:
    """None where the answer does not tell: that is not the same as a history without a repair."""
    history = answer.get("repair_history")
    return history if isinstance(history, list) else None


def _attempts(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of the history: the original run, and each repair of it, which alone has an id."""
    return [entry for entry in _history(answer) or [] if isinstance(entry, dict)]


def _id(attempt: Mapping[str, Any]) -> int:
    return _number(attempt, "id") or NEVER_REPAIRED


def _began(attempt: Mapping[str, Any]) -> float:
    """Milliseconds since 1970; one without a start has been asked for and not begun yet."""
    return _number(attempt, "start_time") or math.inf


def _number(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if type(value) is int else None


def _text(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return (one_line(value, TEXT_LIMIT) or None) if isinstance(value, str) else None
