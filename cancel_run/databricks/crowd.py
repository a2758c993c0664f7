"""In a burst the first poll comes later, so that polls of the first do not stand before cancels of the last.

It may: a run needs some seconds to stop. What is counted is what this process has read and not yet canceled; with
several of them one may cancel what another has read, so that what is read is forgotten soon.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cancel_run.clock import Clock

WINDOW_SECONDS = 10.0  # after which a run that was read is not waited for any more
FEW = 10  # that wait for their cancel are no crowd
SECONDS_EACH = 0.05  # for each of them
LONGEST_SECONDS = 10.0


class Crowd:
    """How many runs wait for their first cancel, by workspace; any number of threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str | None, deque[float]] = {}  # when each was read, the oldest first

    def waits(self, workspace: str | None) -> None:
        """A run was found active, and is to be canceled."""
        with self._lock:
            waiting = self._since(workspace)
            waiting.append(self._clock.monotonic())

    def poll_after(self, workspace: str | None) -> float:
        """The seconds that the first poll after a cancel just sent is to wait at least; 0.0 where there is no crowd."""
        with self._lock:
            waiting = self._since(workspace)
            if waiting:
                waiting.popleft()
            return min(len(waiting) * SECONDS_EACH, LONGEST_SECONDS) if len(waiting) > FEW else 0.0

    def _since(self, workspace: str | None) -> deque[float]:
        waiting = self._waiting.setdefault(workspace, deque())
        oldest = self._clock.monotonic() - WINDOW_SECONDS
        while waiting and waiting[0] < oldest:
            waiting.popleft()
        return waiting
