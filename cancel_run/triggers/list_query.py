"""What a caller asks the list for: the query of its URL, judged whole, every problem told at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from cancel_run.cancellation.request import ALIAS
from cancel_run.cancellation.stored import moment
from cancel_run.errors import RequestError
from cancel_run.text import one_line
from cancel_run.triggers.callers_url import FUNCTION_KEY, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# ISO 8601; a "+" that was not escaped in a query has become a space
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)(Z|[ +-]\d\d:\d\d)?")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_KNOWN = ("status", "workspace", "since", "until", "refresh")


class Wanted(StrEnum):
    """Which cancellations; a member equals its value in the query."""

    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True)
class ListQuery:
    """Cancellations of this kind and workspace (None: all), begun since then; ``until`` is of the task hub's time."""

    wanted: Wanted | None = None
    workspace: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, url: str) -> ListQuery:
        """The query of ``url``: ``?status=active|ended&workspace=prod&since=2026-01-31T12:00:00Z&until=...``.

        Raises:
            RequestError: with every problem that the query has.
        """
        given = query_of(url)
        problems = [
            f"'{one_line(key, 60)}' is not known in the query; known are {', '.join(_KNOWN)}"
            for key in given
            if key not in {*_KNOWN, FUNCTION_KEY}
        ]
        status, workspace = given.get("status"), given.get("workspace")
        if status is not None and status not in set(Wanted):
            problems.append("status in the query must be active or ended")
        if workspace is not None and not ALIAS.fullmatch(workspace):
            problems.append("workspace in the query must be the name of a workspace in the settings")
        if given.get("refresh", "off") != "off":
            problems.append("refresh in the query can be off, and nothing else")
        since, until = (_moment(given, key, problems) for key in ("since", "until"))
        if problems:
            raise RequestError(problems)
        return cls(Wanted(status) if status else None, workspace, since, until)


def _moment(given: Mapping[str, str], key: str, problems: list[str]) -> datetime | None:
    if key not in given:
        return None
    found = _MOMENT.fullmatch(given[key])
    read = moment(found[1] + (found[2] or "Z" if "T" in found[1] else "").replace(" ", "+")) if found else None
    if read is None or (found and found[2] and "T" not in found[1]):
        problems.append(f"{key} in the query must be a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31")
        return None
    # what nobody can mean is as good as the first and the last day, and cannot overflow when it is moved to UTC
    return min(max(read, _FIRST), _LAST).astimezone(UTC)
