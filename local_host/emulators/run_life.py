"""The life of an emulated run: a table of states that time, reads and cancels move on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

TERMINAL = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
NIGHTLY = 11223344  # the job of a run whose facts name no other


@dataclass(frozen=True)
class Row:
    """A run is in ``state`` for so many seconds or so many reads; with neither, until something is done to it."""

    state: str
    seconds: float | None = None
    reads: int | None = None
    result: str | None = None
    message: str = ""


STOPPED = (Row("TERMINATING", seconds=0.2), Row("TERMINATED", result="CANCELED", message="Run cancelled."))


@dataclass(frozen=True)
class Life:
    """The rows that a run goes through, and those that a cancel puts in their place."""

    rows: tuple[Row, ...] = (Row("RUNNING"),)
    after_cancel: tuple[Row, ...] = STOPPED
    ignored_cancels: int = 0
    may_manage: bool = True
    shows: tuple[str, ...] = ("state", "status")
    facts: dict[str, Any] = field(default_factory=dict)  # of the run, told in place of the usual ones


@dataclass(frozen=True)
class Attempt:
    """One that has ended: the run's first, which has no id, or a repair of it. Times in milliseconds since 1970."""

    repair_id: int | None
    began_ms: int
    ended_ms: int
    last: Row


@dataclass
class Run:
    """A run as it is now."""

    run_id: int
    life: Life
    since: float  # of the row, by the clock of the emulated workspace
    began_ms: int
    table: tuple[Row, ...]
    reads: int = 0
    cancels: int = 0
    parent: int | None = None
    tasks: dict[int, str] = field(default_factory=dict)  # run id of each -> its key
    repair_id: int | None = None
    repaired_ms: int = 0
    ended: list[Attempt] = field(default_factory=list)
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.since

    @property
    def since_ms(self) -> int:
        """Since when it is in its row, in milliseconds since 1970."""
        return self.began_ms + round((self.since - self.began) * 1000)

    @property
    def job_id(self) -> int:
        """The job that it is a run of."""
        number: int = self.life.facts.get("job_id", NIGHTLY)
        return number

    def advance(self, now: float) -> Row:
        """The row that the run has reached by ``now``."""
        while len(self.table) > 1:
            row = self.table[0]
            if row.seconds is not None and now - self.since >= row.seconds:
                self.since += row.seconds
            elif row.reads is not None and self.reads >= row.reads:
                self.since, self.reads = now, 0
            else:
                break
            self.table = self.table[1:]
        return self.table[0]

    def begin(self, table: tuple[Row, ...], now: float) -> None:
        """The run goes through this table from now on."""
        self.table, self.since, self.reads = table, now, 0

    def repair(self, repair_id: int, table: tuple[Row, ...], now: float, now_ms: int) -> None:
        """The attempt so far is history, and another goes through this table."""
        began_ms = self.repaired_ms or self.began_ms
        self.ended.append(Attempt(self.repair_id, began_ms, now_ms, self.advance(now)))
        self.repair_id, self.repaired_ms = repair_id, now_ms
        self.begin(table, now)


def canceling(seconds: float, **life: Any) -> Life:
    """The life of a run that takes so long to stop once it is canceled."""
    slow = (replace(STOPPED[0], seconds=seconds), *STOPPED[1:])
    return Life(after_cancel=slow, **life)
