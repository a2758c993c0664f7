"""How many of the process's activity threads one workspace may hold, so that a bad one leaves some to the others.

Who finds no place is given a time to come back and holds no thread meanwhile. A workspace that has not answered in time
several times in a row is asked by one caller at a time, until it answers.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cancel_run.clock import Clock

SILENT_AFTER = 3  # calls in a row without an answer in time: then one at a time
POLLS_LEAVE = 4  # polls leave one place in so many to first reads and first cancels
LONGEST_SECONDS = 30.0  # until somebody who found no place looks again
USUAL_SECONDS = 0.2  # that a call takes, until some have been seen
WEIGHT = 0.2  # of the newest call in what a call usually takes
GOLDEN = 0.618033988749895  # spreads any number of comers evenly


class Bulkhead:
    """The places for calls to one workspace; any number of threads may share it."""

    def __init__(self, places: int, clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._silent = 0  # calls in a row that had no answer in time
        self._usual = USUAL_SECONDS
        self._turn_at = 0.0
        self._turned_away = 0

    def enter(self, *, first: bool) -> float:
        """0.0 when the caller has a place, which it must :meth:`leave`; else the seconds after which to ask again."""
        with self._lock:
            places = 1 if self._silent >= SILENT_AFTER else self._places
            open_ = places if first or places == 1 else max(1, places - places // POLLS_LEAVE)
            if self._inside < open_:
                self._inside += 1
                return 0.0
            now = self._clock.monotonic()
            self._turned_away += 1
            # the more wait before it, the later: waiting is not to be a storm of activities
            self._turn_at = max(self._turn_at, now) + self._usual / places
            seconds = self._turn_at - now
            if seconds > LONGEST_SECONDS:
                self._turn_at = now + LONGEST_SECONDS
                seconds = LONGEST_SECONDS * (0.5 + 0.5 * (self._turned_away * GOLDEN % 1))
            return seconds

    def leave(self, seconds: float, *, answered: bool) -> None:
        """The call is over; it took so many seconds, and was answered or not."""
        with self._lock:
            self._inside -= 1
            self._silent = 0 if answered else self._silent + 1
            self._usual += WEIGHT * (seconds - self._usual)
