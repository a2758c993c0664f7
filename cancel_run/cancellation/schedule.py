"""When to look at the run again: pure functions of what is known, so that every replay decides the same.

A wait is a share of the time that has been waited already. Nobody knows whether a run takes seconds or half an hour to
stop; with shares the stop is noticed late by the same small part of that time in either case. docs/benchmarks.md tells
how the shares were found, and what others wait.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JITTER = 0.1  # up to this share of a wait is added, so that many cancellations do not poll in step


@dataclass(frozen=True)
class Schedule:
    """How patient the wait is: seconds, and shares of the time waited so far.

    It travels with the order, so that a new release does not change the waits of a cancellation that is under way.
    """

    first_seconds: float = 1.0
    max_seconds: float = 60.0
    cancel_again_after_seconds: float = 120.0
    share: float = 0.18
    untouched_share: float = 0.35  # while the cancel shows no effect: there is a state to go through before the end

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schedule:
        """The schedule that :meth:`to_json` wrote; what is missing has its default."""
        return cls(**data)

    def to_json(self) -> dict[str, float]:
        """The shape that travels with an order."""
        return asdict(self)


def wait_seconds(schedule: Schedule, waited: float, number: int, instance_id: str, *, untouched: bool = False) -> float:
    """The wait in seconds that begins when ``waited`` seconds have been waited, the ``number``-th, counted from 0.

    ``untouched`` says that the cancel has shown no effect yet.
    """
    share = schedule.untouched_share if untouched else schedule.share
    wait = min(max(schedule.first_seconds, share * waited), schedule.max_seconds)
    spread = zlib.crc32(f"{instance_id}#{number}".encode()) / 2**32
    return wait * (1 + JITTER * spread)


def next_call_at(now: datetime, deadline: datetime, wait: float, retry_after: float | None = None) -> datetime:
    """The instant of the next call: after ``wait``, never before ``retry_after`` seconds, never after the deadline."""
    seconds = max(wait, retry_after or 0.0)
    # compared as a span first: adding a huge Retry-After to a date would overflow
    left = (deadline - now).total_seconds()
    return now + timedelta(seconds=seconds) if seconds < left else max(now, deadline)
