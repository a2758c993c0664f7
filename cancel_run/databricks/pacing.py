"""How fast one workspace is asked: freely, until it says that this is too much.

A throttled answer (429) closes the gate for the seconds that it asks for, and sets a pace: somewhat less than the
workspace has just been taking. The pace rises until the next such answer, so it stays near the limit without knowing
it, and is forgotten when none has come for a while. Each process has its own; those that share a workspace find their
shares.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cancel_run.clock import Clock

LESS = 0.7  # of what was taken: the pace after a throttled answer
RISE = 1.03  # the pace grows by this factor every second: it is back at the limit after twelve
FORGOTTEN_SECONDS = 60.0  # without a throttled answer, and there is no pace any more
UNTOLD_SECONDS = 1.0  # how long the gate stays closed when the answer does not say
LONGEST_SECONDS = 5.0  # one answer does not silence the app for hours: who was asked to wait longer does so alone
UNKNOWN_RATE = 5.0  # requests a second, where less was taken lately: too few to tell what would be


class Pace:
    """When the next request to one workspace may be sent; any number of threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open_at = -math.inf
        self._rate = math.inf  # requests a second, as it was at the last throttled answer
        self._slowed_at = -math.inf
        self._taken: deque[float] = deque()  # when an answer came that was not a throttled one, within the last second

    def wait(self, patience: float) -> float:
        """0.0 once the caller may send one request; else, where its patience ends before, the seconds until it may."""
        give_up = self._clock.monotonic() + patience
        while True:
            with self._lock:
                now = self._clock.monotonic()
                if now >= self._open_at:
                    self._open_at = now + 1 / self._rate_at(now)
                    return 0.0
                left = self._open_at - now
            # no place in line is kept: the gate may have been closed by the time that it comes up
            if now + left > give_up:
                return left
            self._clock.sleep(left)

    def note_taken(self) -> None:
        """A request was answered, and not with 429."""
        with self._lock:
            now = self._clock.monotonic()
            self._taken.append(now)
            self._drop_old(now)

    def note_throttled(self, sent_at: float, retry_after: float | None) -> None:
        """A request sent at ``sent_at`` (of the monotonic clock) was answered with 429."""
        with self._lock:
            now = self._clock.monotonic()
            closed = UNTOLD_SECONDS if retry_after is None else min(retry_after, LONGEST_SECONDS)
            self._open_at = max(self._open_at, now + closed)
            if sent_at < self._slowed_at:
                return  # it was on its way when the pace was set, and says nothing about that
            self._drop_old(now)
            self._rate = LESS * min(self._rate_at(now), max(float(len(self._taken)), UNKNOWN_RATE))
            self._slowed_at = now

    def _rate_at(self, now: float) -> float:
        since = now - self._slowed_at
        return self._rate * RISE**since if since < FORGOTTEN_SECONDS else math.inf

    def _drop_old(self, now: float) -> None:
        while self._taken and now - self._taken[0] > 1.0:
            self._taken.popleft()
