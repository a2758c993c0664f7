"""When to look at the run again: pure functions of what is known, so that every replay decides the same."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

GROWTH = 1.2  # each wait is this much longer than the one before
JITTER = 0.1  # up to this share of a wait is added, so that many cancellations do not poll in step


@dataclass(frozen=True)
class Schedule:
    """How patient the wait is; all in seconds."""

    first_seconds: float = 1.0
    max_seconds: float = 60.0
    cancel_again_after_seconds: float = 120.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schedule:
        """The schedule that :meth:`to_json` wrote; what is missing has its default."""
        return cls(**data)

    def to_json(self) -> dict[str, float]:
        """The shape that travels with an order."""
        return asdict(self)


def wait_seconds(schedule: Schedule, poll: int, instance_id: str) -> float:
    """The wait in seconds before poll number ``poll``, counted from 0."""
    # beyond this many steps the cap holds: the power is not taken, it would overflow in a long wait
    steps_to_cap = math.log(max(1.0, schedule.max_seconds / schedule.first_seconds), GROWTH)
    grown = schedule.first_seconds * GROWTH**poll if poll < steps_to_cap else schedule.max_seconds
    share = zlib.crc32(f"{instance_id}#{poll}".encode()) / 2**32
    return min(grown, schedule.max_seconds) * (1 + JITTER * share)


def next_call_at(now: datetime, deadline: datetime, wait: float, retry_after: float | None = None) -> datetime:
    """The instant of the next call: after ``wait``, never before ``retry_after`` seconds, never after the deadline."""
    seconds = max(wait, retry_after or 0.0)
    # compared as a span first: adding a huge Retry-After to a date would overflow
    left = (deadline - now).total_seconds()
    return now + timedelta(seconds=seconds) if seconds < left else max(now, deadline)
