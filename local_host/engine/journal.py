"""A file that outlives its process: which instances were accepted, and how those that have ended did.

What was written is there after a SIGKILL; a power cut may damage the file. One process has it at a time, and all that
it holds is in this one file, which is whole from the moment it is there: so one that is damaged, cut short or empty is
told from a new one, and refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_host.engine.instance import ENDED, Instance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TABLE = """
CREATE TABLE instances (
    instance_id TEXT PRIMARY KEY, name TEXT NOT NULL, input TEXT NOT NULL, created_at TEXT NOT NULL,
    runtime_status TEXT, output TEXT, custom_status TEXT, last_updated_at TEXT
)
"""
_PLACES = "CREATE TABLE IF NOT EXISTS places (name TEXT PRIMARY KEY, place TEXT NOT NULL)"
# the operating system lets the lock go with the process, however that ends; no file beside this one holds what is in it
_MINE = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = TRUNCATE",
    "PRAGMA synchronous = OFF",
    "BEGIN EXCLUSIVE",
    "COMMIT",
)
_PRIMARY = 0xFF  # the part of an error code that is not about details
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_COLUMNS = "name, instance_id, runtime_status, input, output, custom_status, created_at, last_updated_at"  # as Instance
_PRIVATE = 0o600  # for nobody but its owner: who cancels what, and why, is in it


class JournalError(Exception):
    """The file cannot be used; the message says why."""


class Journal:
    """Instances by their id, in a SQLite file; any number of threads may share it.

    ``places`` says where what the instances' inputs name is, by name: one that was elsewhere when the file was written
    is another thing, and what was to be done to the former shall not be done to it.

    Attributes:
        placed: whether the file says where that was; what 0.2.0 and before wrote does not.

    Raises:
        JournalError: the file is damaged or no journal, cannot be written, is about other places, or another process
            has it.
    """

    def __init__(self, path: Path, places: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        try:
            if not path.exists():
                _create(path)
            if not path.is_file():
                raise JournalError(f"{path} is no file: name one, or a new one, for the journal.")
            if not path.stat().st_size:
                raise JournalError(f"{path} is empty, so it is damaged or no journal. Remove it to begin a new one.")
            self._file = _connected(path)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path} cannot be opened as a journal: {_reason(error)}.") from error
        try:
            self._take(path, places or {})
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._file.close()
            if isinstance(error, sqlite3.OperationalError):
                if error.sqlite_errorcode in _LOCKED:
                    raise JournalError(f"{path} is locked: another process has it.") from error
                if error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_READONLY:
                    raise JournalError(f"{path} cannot be written: it, or its folder, is read-only.") from error
            raise JournalError(
                f"{path} is damaged, or no journal: {_reason(error)}. Mend it, or name another file to begin anew."
            ) from error
        except JournalError:
            self._file.close()
            raise

    def _take(self, path: Path, places: Mapping[str, str]) -> None:
        """The file is whole and this process's own, and knows of these places."""
        for statement in _MINE:
            self._file.execute(statement).fetchall()
        known = bool(self._read("TRUE"))  # each is read: one that cannot be is no journal of ours
        if (found := self._file.execute("PRAGMA quick_check(1)").fetchall()) != [("ok",)]:
            raise ValueError(found[0][0])
        pages, size = (self._file.execute(f"PRAGMA page_{what}").fetchone()[0] for what in ("count", "size"))
        if path.stat().st_size != pages * size:  # else SQLite takes what was cut off for zeros
            raise ValueError("it was cut short")
        self._write(_PLACES)
        before = dict(self._file.execute("SELECT name, place FROM places").fetchall())
        self.placed = not known or places.keys() <= before.keys()
        for name, place in places.items():
            if known and before.get(name, place) != place:
                raise JournalError(
                    f"{path} is about '{name}' at {before[name]}, which is now at {place}: what is in it must not be "
                    "done there. Set the first again, or name another file."
                )
            self._write("REPLACE INTO places VALUES (?, ?)", name, place)

    def begin(self, name: str, instance_id: str, input_: Any) -> None:
        """The instance has been accepted and has not ended; what was known of an earlier one of its id is gone."""
        self._write(
            "REPLACE INTO instances (instance_id, name, input, created_at) VALUES (?, ?, ?, ?)",
            instance_id,
            name,
            json.dumps(input_),
            datetime.now(UTC).isoformat(),
        )

    def end(self, instance: Instance) -> None:
        """The instance has ended, and this is what a look at it tells from now on."""
        self._write(
            "UPDATE instances SET runtime_status = ?, output = ?, custom_status = ?, created_at = ?, "
            "last_updated_at = ? WHERE instance_id = ?",
            instance.runtime_status,
            json.dumps(instance.output),
            json.dumps(instance.custom_status),
            instance.created_at.isoformat(),
            instance.last_updated_at.isoformat(),
            instance.instance_id,
        )

    def forget(self, instance_id: str) -> bool:
        """True when there was such an instance and it had ended; it is in the file no more."""
        return bool(
            self._write("DELETE FROM instances WHERE instance_id = ? AND runtime_status IS NOT NULL", instance_id)
        )

    def ended(self) -> list[Instance]:
        """Every instance that has ended, the oldest first."""
        return self._read("runtime_status IS NOT NULL ORDER BY created_at")

    def find_ended(self, instance_id: str) -> Instance | None:
        """The instance if it has ended, else None."""
        return next(iter(self._read("runtime_status IS NOT NULL AND instance_id = ?", instance_id)), None)

    def unfinished(self) -> list[Instance]:
        """Every instance that was accepted and has not ended, the oldest first."""
        return self._read("runtime_status IS NULL ORDER BY created_at")

    def close(self) -> None:
        """The file is free for another process."""
        with self._lock:
            self._file.close()

    def _write(self, statement: str, *values: str) -> int:
        with self._lock:
            return self._file.execute(statement, values).rowcount

    def _read(self, which: str, *values: str) -> list[Instance]:
        with self._lock:
            rows = self._file.execute(f"SELECT {_COLUMNS} FROM instances WHERE {which}", values).fetchall()  # noqa: S608  # the callers' constants
        return [_instance(*row) for row in rows]


def _create(path: Path) -> None:
    """A whole journal with nothing in it is at the path, unless another process was first."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.touch(mode=_PRIVATE)
    try:
        with contextlib.closing(_connected(new)) as file:
            file.execute(_TABLE)
            file.execute(_PLACES)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink()


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)


def _reason(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)


def _instance(name: str, instance_id: str, runtime_status: str | None, *rest: str | None) -> Instance:
    if runtime_status is not None and runtime_status not in ENDED:
        raise ValueError(f"{instance_id} has a runtime status of another kind")
    input_, output, custom_status = (text and json.loads(text) for text in rest[:3])
    created_at, last_updated_at = (datetime.fromisoformat(text or rest[3] or "") for text in rest[3:])
    return Instance(
        name, instance_id, runtime_status or "Pending", input_, output, custom_status, created_at, last_updated_at
    )
