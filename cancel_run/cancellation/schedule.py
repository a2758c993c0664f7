"""When to look at the run again: pure functions of what is known, so that every replay decides the same.

A wait is a share of the time that has been waited already. Nobody knows whether a run takes seconds or half an hour to
stop; with shares the stop is noticed late by the same small part of that time in either case. docs/benchmarks.md tells
how the shares were found, and what others wait.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """How patient a cancellation is: seconds, and shares of the time waited so far.

    It is decided where the cancellation begins and travels with the order, so that a new release or setting does not
    change what one that is under way does: every number that an orchestration decides by is here, and in no constant.
    """

    first_seconds: float = 1.0
    max_seconds: float = 60.0
    cancel_again_after_seconds: float = 120.0  # after a cancel that was accepted and shows no effect
    unsure_again_after_seconds: float = 5.0  # after one whose fate is unknown
    look_again_after_seconds: float = 5.0  # after an answer so strange that it is not believed at once
    mend_seconds: float = 180.0  # after a refusal that an operator can mend
    retry_after_ceiling_seconds: float = 60.0  # of a Retry-After, until the order has been carried out
    order_max_age_seconds: float = 86_400.0  # an older order is not carried out any more
    share: float = 0.18
    untouched_share: float = 0.35  # while the cancel shows no effect: there is a state to go through before the end
    jitter: float = 0.1  # up to this share of a wait is added, so that many cancellations do not poll in step
    last_read_grace_seconds: float = 30.0  # the last read may come so much later, where there is no place for it
    calls_per_generation: int = 20  # then continue_as_new: a poll costs the same on the first day and on the third
    unforeseen_tries: int = 3  # of a call that breaks as nobody foresaw: a worker that died, a defect
    unforeseen_again_after_seconds: float = 11.0  # a cancel of a sight of the run as old as that looks first
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)

    def is_too_old(self, asked_at: datetime | None, now: datetime) -> bool:
        """True for an order, asked for then, that nobody wants carried out any more."""
        return asked_at is not None and (now - asked_at).total_seconds() > self.order_max_age_seconds


def wait_seconds(schedule: Schedule, waited: float, number: int, instance_id: str, *, untouched: bool = False) -> float:
    """The wait in seconds that begins when ``waited`` seconds have been waited, the ``number``-th, counted from 0.

    ``untouched`` says that the cancel has shown no effect yet.
    """
    share = schedule.untouched_share if untouched else schedule.share
    wait = min(max(schedule.first_seconds, share * waited), schedule.max_seconds)
    spread = zlib.crc32(f"{instance_id}#{number}".encode()) / 2**32
    return wait * (1 + schedule.jitter * spread)


def next_call_at(now: datetime, deadline: datetime, wait: float, retry_after: float | None = None) -> datetime:
    """The instant of the next call: after ``wait``, never before ``retry_after`` seconds, never after the deadline."""
    seconds = max(wait, retry_after or 0.0)
    # compared as a span first: adding a huge Retry-After to a date would overflow
    left = (deadline - now).total_seconds()
    return now + timedelta(seconds=seconds) if seconds < left else max(now, deadline)
