"""How many of the process's activity threads one workspace may hold, so that a bad one leaves some to the others.

Who finds no place is given a time to come back and holds no thread meanwhile. A workspace that has not answered in time
several times in a row is asked by one caller at a time, until it answers.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cancel_run.databricks.looks import Looks

if TYPE_CHECKING:
    from cancel_run.clock import Clock

SILENT_AFTER = 3  # calls in a row without an answer in time: then one at a time
POLLS_LEAVE = 4  # polls leave one place in so many to first reads and first cancels
LONGEST_SECONDS = 30.0  # ahead that anybody's turn is foretold: the workspace may be well again by then
USUAL_SECONDS = 0.2  # that a call takes, until some have been seen
WEIGHT = 0.2  # of the newest call in what a call usually takes


class Bulkhead:
    """The places for calls to one workspace; any number of threads may share it."""

    def __init__(self, places: int, clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._entered = 0.0  # the sum of the times at which those inside came in
        self._silent = 0  # calls in a row that had no answer in time
        self._usual = USUAL_SECONDS
        self._turn_at = 0.0
        self._looks = Looks(LONGEST_SECONDS)

    def enter(self, *, first: bool) -> float:
        """0.0 when the caller has a place, which it must :meth:`leave`; else the seconds after which to ask again."""
        with self._lock:
            now = self._clock.monotonic()
            places = 1 if self._silent >= SILENT_AFTER else self._places
            open_ = places if first else max(1, places - places // POLLS_LEAVE)
            if self._inside < open_:
                self._inside += 1
                self._entered += now
                return 0.0
            # the more wait before it, the later: waiting is not to be a storm of activities
            turn_at = max(self._turn_at, now) + self._seconds_of_a_call(now) / places
            if turn_at <= now + LONGEST_SECONDS:
                self._turn_at = turn_at
                return turn_at - now
            return self._looks.next_in(now)

    def _seconds_of_a_call(self, now: float) -> float:
        """As long as calls took lately, or as those inside, which are half done, will: a silence is seen at once."""
        return max(self._usual, 2 * (now - self._entered / self._inside)) if self._inside else self._usual

    def leave(self, seconds: float, *, answered: bool) -> None:
        """The call is over; it took so many seconds, and was answered or not."""
        with self._lock:
            self._inside -= 1
            self._entered = self._entered - (self._clock.monotonic() - seconds) if self._inside else 0.0
            self._silent = 0 if answered else self._silent + 1
            self._usual += WEIGHT * (seconds - self._usual)
