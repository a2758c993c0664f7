"""The one place that reads the time, for all but the orchestrator, which has its context's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the clients need of time; a test hands in one that it moves itself."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment, never running backwards."""

    def sleep(self, seconds: float) -> None:
        """``seconds`` have passed."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment, never running backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """``seconds`` have passed."""
        time.sleep(seconds)
