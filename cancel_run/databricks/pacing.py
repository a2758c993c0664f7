"""How fast one workspace is asked: freely, until it says that this is too much.

A throttled answer (429) closes the gate for the seconds that it asks for, and sets a pace: somewhat less than the
workspace has just been taking. The pace rises until the next such answer, soon to near what was taken and slowly past
it, so it stays near the limit without knowing it, and is forgotten when none has come for a while. Nobody is held: who
comes too early is given a time to come back, which is kept free. First reads and first cancels go before polls, which
keep a share. Each process has its own pace; those that share a workspace find their shares.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cancel_run.databricks.looks import Looks

if TYPE_CHECKING:
    from cancel_run.clock import Clock

LESS = 0.7  # of what was taken: the pace after a throttled answer
BACK_SECONDS = 14.0  # after which the pace is back at what was taken
FORGOTTEN_SECONDS = 60.0  # without a throttled answer, and there is no pace any more
UNTOLD_SECONDS = 1.0  # how long the gate stays closed when the answer does not say
LONGEST_SECONDS = 5.0  # one answer does not silence the app for hours: who was asked to wait longer does so alone
UNKNOWN_RATE = 5.0  # requests a second, where less was taken lately: too few to tell what would be
FIRST_SHARE = 0.8  # of the pace, at the most, for first reads and cancels: polls are never shut out
AHEAD_SECONDS = (
    0.15  # so much earlier than its turn a request may go: who comes back is not punctual to the millisecond
)
KEPT_SECONDS = 5.0  # a place that is not taken by then is given up
AHEAD = FORGOTTEN_SECONDS  # seconds ahead, at the most, that places are given out: the pace may be forgotten by then


def risen(seconds: float) -> float:
    """The share of what was taken that the pace is so long after a throttled answer.

    It is a cubic, as TCP has it (RFC 9438): two thirds of the way back are gone in a third of the time, and then it
    stays near the limit for long, because each time that it goes beyond the gate closes.
    """
    return 1 - (1 - LESS) * (1 - seconds / BACK_SECONDS) ** 3


@dataclass
class _Lane:
    next_at: float = -math.inf
    kept: deque[float] = field(default_factory=deque)  # the times that were given out, in their order
    looks_at: float = -math.inf  # when the last of those who got no time looks again

    def has_somebody(self, now: float) -> bool:
        """Somebody waits: for a place that is kept, or to look again for one."""
        while self.kept and self.kept[0] < now - KEPT_SECONDS:
            self.kept.popleft()
        return bool(self.kept) or now < self.looks_at

    def takes_a_kept_place(self, now: float) -> bool:
        if self.has_somebody(now) and self.kept and self.kept[0] <= now + AHEAD_SECONDS:
            self.kept.popleft()
            return True
        return False


class Pace:
    """When the next request to one workspace may be sent; any number of threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._gate = -math.inf  # nothing is sent before
        self._open_at = -math.inf  # when the next request is due
        self._lanes = {True: _Lane(), False: _Lane()}
        self._rate = math.inf  # requests a second that were taken before the last throttled answer
        self._slowed_at = -math.inf
        self._taken: deque[float] = deque()  # when an answer came that was not a throttled one, within the last second
        self._has_taken = True  # since the last throttled answer
        self._looks = Looks(AHEAD)

    def ask(self, *, first: bool, follows: bool = False) -> float:
        """0.0 when the caller may send one request now; else the seconds after which it is to ask again.

        ``first`` is for the first read and the first cancel of a cancellation. ``follows`` is for a cancel right after
        the look that it needed: one turn is for both, or it would have to look again when its own turn comes.
        """
        with self._lock:
            now = self._clock.monotonic()
            step = 1 / self._rate_at(now)
            if now >= self._gate and step == 0:
                return 0.0
            if now >= self._gate and follows:
                return self._sends(now, step)
            lane = self._lanes[first]
            if now >= self._gate and self._open_at <= now + AHEAD_SECONDS and lane.takes_a_kept_place(now):
                return self._sends(now, step)
            at = max(now, self._gate, lane.next_at, self._open_at if first else -math.inf)
            if at > now + AHEAD:
                wait = self._looks.next_in(now)
                lane.looks_at = now + wait
                return wait
            later = 1 / min(
                self._rate_at(at), self._rate * risen(FORGOTTEN_SECONDS)
            )  # the pace will have risen by then
            lane.next_at = at + (later / FIRST_SHARE if first and self._lanes[False].has_somebody(now) else later)
            if first:
                others = self._lanes[False]
                others.next_at = max(others.next_at, now) + later
            if at <= now and self._open_at <= now + AHEAD_SECONDS:
                return self._sends(now, step)
            at = max(at, self._open_at)
            lane.kept.append(at)
            return at - now

    def _sends(self, now: float, step: float) -> float:
        self._open_at = max(self._open_at, now) + step
        return 0.0

    def note_taken(self) -> None:
        """A request was answered, and not with 429."""
        with self._lock:
            now = self._clock.monotonic()
            self._taken.append(now)
            self._drop_old(now)
            self._has_taken = True

    def note_throttled(self, sent_at: float, retry_after: float | None) -> None:
        """A request sent at ``sent_at`` (of the monotonic clock) was answered with 429."""
        with self._lock:
            now = self._clock.monotonic()
            closed = UNTOLD_SECONDS if retry_after is None else min(retry_after, LONGEST_SECONDS)
            self._gate = max(self._gate, now + closed)
            self._open_at = max(self._open_at, self._gate)
            for lane in self._lanes.values():  # whoever had a place gets another when it comes
                lane.kept.clear()
                lane.next_at = self._gate
            if sent_at < self._slowed_at:
                return  # it was on its way when the pace was set, and says nothing about that
            self._drop_old(now)
            rate = min(self._rate_at(now), max(float(len(self._taken)), UNKNOWN_RATE))
            # where nothing is taken at all, the rate is not what is wrong: the gate is enough
            self._rate, self._slowed_at, self._has_taken = rate if self._has_taken else rate / LESS, now, False

    def _rate_at(self, now: float) -> float:
        since = now - self._slowed_at
        return self._rate * risen(since) if since < FORGOTTEN_SECONDS else math.inf

    def _drop_old(self, now: float) -> None:
        while self._taken and now - self._taken[0] > 1.0:
            self._taken.popleft()
