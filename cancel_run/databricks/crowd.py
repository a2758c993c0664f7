"""In a burst the first poll comes later, so that polls of the first do not stand before cancels of the last."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cancel_run.clock import Clock

WINDOW_SECONDS = 5.0
FEW = 10  # cancels within the window are no crowd
SECONDS_EACH = 0.05  # for each cancel of the window: the run needs some seconds to stop anyway
LONGEST_SECONDS = 10.0


class Crowd:
    """How many cancels were just sent, by workspace; any number of threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: dict[str | None, deque[float]] = {}

    def poll_after(self, workspace: str | None) -> float:
        """The seconds that the first poll after a cancel just sent is to wait at least; 0.0 where there is no crowd."""
        with self._lock:
            now = self._clock.monotonic()
            sent = self._sent.setdefault(workspace, deque())
            sent.append(now)
            while now - sent[0] > WINDOW_SECONDS:
                sent.popleft()
            return min(len(sent) * SECONDS_EACH, LONGEST_SECONDS) if len(sent) > FEW else 0.0
