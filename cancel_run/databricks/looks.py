"""When to look again for those whose turn is too far ahead to be foretold: so many a second, however many there are."""

from __future__ import annotations

LOOKS_A_SECOND = 20.0  # each is an activity and a turn of its orchestration


class Looks:
    """The next looks at one workspace; the caller's lock guards it."""

    def __init__(self, ahead_seconds: float) -> None:
        self._sooner = ahead_seconds / 2  # than this nobody looks again
        self._last_at = 0.0

    def next_in(self, now: float) -> float:
        """The seconds until the next look that nobody else has been given."""
        self._last_at = max(self._last_at, now + self._sooner) + 1 / LOOKS_A_SECOND
        return self._last_at - now
