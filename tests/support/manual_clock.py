"""A clock that a test moves: no time passes by itself."""

from __future__ import annotations

from datetime import UTC, datetime


class ManualClock:
    """Time that passes when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
