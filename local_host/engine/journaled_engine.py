"""The engine with a journal: killed at any moment, its instances begin again when it comes up with the same file.

They begin again from their input, under their ids, with an empty history, so it suits orchestrations that bear being
begun twice. Their version is then that of the new beginning, and a wait counts from it too: the time in which nobody
was here is not held against it. What had ended is not begun again and answers as it did. A suspension and events that
were raised are forgotten.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from local_host.engine.engine import Engine, UnknownOrchestratorError
from local_host.engine.journal import Journal, JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from local_host.engine.instance import Instance

logger = logging.getLogger("local_host")


class JournaledEngine(Engine):
    """An engine, with its ``options``, whose instances are in the file at ``state`` too; ``places`` are the journal's.

    Attributes:
        begun_again: the ids of those that had not ended.
        placed: whether the file says where what their inputs name was.

    Raises:
        JournalError: the file cannot be used; from :meth:`start` too.
    """

    def __init__(
        self, functions: Iterable[Any], state: Path, *, places: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        self._journal = Journal(state, places)
        self.placed = self._journal.placed
        super().__init__(functions, **options)
        self.begun_again: list[str] = []
        for instance in self._journal.unfinished():
            try:
                self.start(instance.name, instance.instance_id, instance.input)
                self.begun_again.append(instance.instance_id)
            except UnknownOrchestratorError:
                logger.warning("%s waits: the app has no orchestrator %s.", instance.instance_id, instance.name)

    def _note_start(self, name: str, instance_id: str, input_: Any) -> None:
        try:
            self._journal.begin(name, instance_id, input_)
        except sqlite3.Error as error:
            raise JournalError(f"{instance_id} was not begun: the journal cannot be written ({error}).") from error

    def _note_end(self, instance: Instance) -> None:
        if self._closed.is_set():  # it may have ended of being closed, and is to begin again
            return
        try:
            self._journal.end(instance)
        except sqlite3.Error as error:
            said = "%s has ended, and the journal cannot be written (%s): it begins again with the next start."
            logger.error(said, instance.instance_id, error)  # noqa: TRY400  # there is nothing to trace

    def get(self, instance_id: str) -> Instance | None:
        """The instance as it is now, or as it ended before this process began."""
        return super().get(instance_id) or self._journal.find_ended(instance_id)

    def instances(self) -> list[Instance]:
        """Every instance that is known, the oldest first."""
        here = super().instances()
        known = {instance.instance_id for instance in here}
        before = [instance for instance in self._journal.ended() if instance.instance_id not in known]
        return sorted([*before, *here], key=lambda instance: instance.created_at)

    def purge(self, instance_id: str) -> bool:
        """True when there was such an instance and it had ended; it is forgotten now, in the file too."""
        with self._lock:
            purged = super().purge(instance_id)
            return self._journal.forget(instance_id) or purged

    def close(self) -> None:
        """Nothing runs any more, and the file is free."""
        super().close()
        self._journal.close()
