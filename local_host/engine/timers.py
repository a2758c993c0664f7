"""Any number of timers on one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timers:
    """Calls back when it is time, one after the other; what was not due when it is closed is never called."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._numbers = itertools.count()  # of two that are due at once the older comes first
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._thread = threading.Thread(target=self._run, name="local-host-timers", daemon=True)
        self._thread.start()

    def call_in(self, seconds: float, callback: Callable[[], None]) -> None:
        """``callback``, which must be quick and raise nothing, is called so many seconds from now."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), callback))
            self._changed.notify()

    def close(self) -> None:
        """The thread has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                callback = heapq.heappop(self._waiting)[2]
            callback()
