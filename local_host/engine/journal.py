"""A file that outlives its process: which instances were accepted, and how those that have ended did.

What was written is there after a SIGKILL; a power cut may cost the last moments. One process has the file at a time.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_host.engine.instance import Instance

if TYPE_CHECKING:
    from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS instances (
    instance_id TEXT PRIMARY KEY, name TEXT NOT NULL, input TEXT NOT NULL, created_at TEXT NOT NULL,
    runtime_status TEXT, output TEXT, custom_status TEXT, last_updated_at TEXT
)
"""
_COLUMNS = "name, instance_id, runtime_status, input, output, custom_status, created_at, last_updated_at"  # as Instance
_PRIVATE = 0o600  # for nobody but its owner: who cancels what, and why, is in it


class JournalError(Exception):
    """The file cannot be used; the message says why."""


class Journal:
    """Instances by their id, in a SQLite file; any number of threads may share it.

    Raises:
        JournalError: the file is no journal, cannot be written, or another process has it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.touch(mode=_PRIVATE)
            self._file = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path} cannot be opened as a journal: {error}.") from error
        try:
            # the operating system lets the lock go with the process, however that ends
            for statement in (
                "PRAGMA locking_mode = EXCLUSIVE",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = NORMAL",
                _TABLE,
                f"SELECT {_COLUMNS} FROM instances LIMIT 1",  # noqa: S608  # a constant
            ):
                self._file.execute(statement).fetchall()
        except sqlite3.Error as error:
            self._file.close()
            raise JournalError(f"{path} cannot be used as a journal: {error}.") from error

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


def _instance(name: str, instance_id: str, runtime_status: str | None, *rest: str | None) -> Instance:
    input_, output, custom_status = (text and json.loads(text) for text in rest[:3])
    created_at, last_updated_at = (datetime.fromisoformat(text or rest[3] or "") for text in rest[3:])
    return Instance(
        name, instance_id, runtime_status or "Pending", input_, output, custom_status, created_at, last_updated_at
    )
