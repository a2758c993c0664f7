"""A clock on which waits take no time."""

from __future__ import annotations

from cancel_run.clock import SystemClock


class QuickClock(SystemClock):
    """Time as it is, but a wait is over at once and is remembered."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._slept += seconds

    def monotonic(self) -> float:
        return super().monotonic() + self._slept
