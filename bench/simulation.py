"""A clock that is moved by hand, and a run that stops on it."""

from __future__ import annotations

from dataclasses import dataclass

FOREVER = 3 * 3600.0  # seconds: no waiter here may give up first


@dataclass(frozen=True)
class Stopping:
    """A run that ends so many seconds after its cancel, after being RUNNING for a part (0 to 1) of that time."""

    seconds: float
    running: float

    def state(self, since_cancel: float) -> str:
        """The life cycle state so many seconds after the cancel."""
        if since_cancel >= self.seconds:
            return "TERMINATED"
        return "RUNNING" if since_cancel < self.running * self.seconds else "TERMINATING"


@dataclass(frozen=True)
class Noticed:
    """When a waiter knew, in seconds after the cancel, and what it had asked by then."""

    at: float
    polls: int
    calls: int  # with the cancels, and a read before them if there was one

    def late(self, run: Stopping) -> float:
        """Seconds between the run's end and the waiter's knowing."""
        return self.at - run.seconds


class Clock:
    """What the SDK's waiter uses of the module ``time``."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        """Seconds since the clock was made."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """So many seconds have passed."""
        self.now += seconds
