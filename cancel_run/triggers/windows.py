"""Instances of the task hub, the newest first, by the durable client alone.

The task hub pages by instance id, and the SDK drops what would ask for the next page. So it is asked in windows of
creation time, backwards: one that comes back full is cut, because nobody knows what was left out of it; one that comes
back nearly empty is followed by a longer one. By turns it is cut at the median of what it told, which finds the newest
of many that were created at once, and into halves, which also helps where the ids grow with time.

Azure Storage reads its whole table of instances for each window and may break off when that takes it longer than five
seconds; the SDK does not tell. With the instances of a few weeks that is far off (``HISTORY_RETENTION_DAYS``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from cancel_run.errors import TaskHubError
from cancel_run.triggers.starting import aware

if TYPE_CHECKING:
    from azure.durable_functions import OrchestrationRuntimeStatus

PAGE = 100  # what one window can hold: the extension's default, which the SDK leaves
ENOUGH = 50  # no further window is asked for
CALLS = 12  # nor after so many, once something has been found
MOST_CALLS = 40
SPARSE = PAGE // 8
SHORTEST = timedelta(microseconds=1)  # what can be asked for
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # nothing of this app is older
# the task hub's clock is not this machine's
_AHEAD = timedelta(minutes=5)


class ListingClient(Protocol):
    """What is used of the SDK's client."""

    async def get_status_by(  # noqa: D102  # the SDK's, and documented there
        self,
        created_time_from: datetime,
        created_time_to: datetime,
        runtime_status: list[OrchestrationRuntimeStatus],
        instance_id_prefix: str | None,
    ) -> list[Any]: ...


@dataclass(frozen=True)
class Span:
    """Which instances are looked for: created between two instants (None: at any time), of these runtime statuses."""

    since: datetime | None
    until: datetime | None
    runtime_statuses: list[OrchestrationRuntimeStatus]
    instance_id_prefixes: tuple[str | None, ...] = (None,)  # each is asked for by itself
    first_window: timedelta | None = timedelta(days=1)  # None: all of it at once, where few are expected


@dataclass(frozen=True)
class Found:
    """Some of the instances that a span has; ``reached`` is the instant before which there may be more, or None."""

    statuses: list[Any]
    reached: datetime | None


async def newest(client: ListingClient, span: Span, now: datetime) -> Found:
    """The newest instances of the span, at least ``ENOUGH`` where it has so many; no order among them.

    Raises:
        TaskHubError: the task hub could not be asked.
    """
    oldest, newest_ = max(span.since or _EPOCH, _EPOCH), min(span.until or now + _AHEAD, now + _AHEAD)
    upper, length = newest_, span.first_window or newest_ - oldest
    found: dict[str, Any] = {}
    calls, cuts = 0, 0
    while upper > oldest and len(found) < ENOUGH and calls < (CALLS if found else MOST_CALLS):
        lower = max(oldest, upper - length)
        calls += 1
        pages = [await _asked(client, span, prefix, lower, upper) for prefix in span.instance_id_prefixes]
        if any(len(page) >= PAGE for page in pages) and upper - lower > SHORTEST:
            length = max(SHORTEST, upper - _cut(max(pages, key=len), lower, upper, cuts))
            cuts += 1
            continue
        page = list(itertools.chain(*pages))
        found |= {status.instance_id: status for status in page}
        upper, length = lower, length * (8 if len(page) < SPARSE and not cuts else 1)
        cuts = 0
    return Found(list(found.values()), upper if upper > oldest else None)


def _cut(page: list[Any], lower: datetime, upper: datetime, cuts: int) -> datetime:
    """Where the next window begins instead of ``lower``."""
    median = sorted(aware(status.created_time) for status in page)[len(page) // 2]
    return median if cuts % 2 == 0 and lower < median < upper else lower + (upper - lower) / 2


async def _asked(client: ListingClient, span: Span, prefix: str | None, lower: datetime, upper: datetime) -> list[Any]:
    try:
        return await client.get_status_by(lower, upper, span.runtime_statuses, prefix)
    except Exception as error:  # the SDK raises bare Exceptions
        raise TaskHubError(
            "", f"The task hub could not be asked for its instances ({type(error).__name__})."
        ) from error
