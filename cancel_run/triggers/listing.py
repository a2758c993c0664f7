"""The HTTP trigger that lists cancellations, the newest first: what is under way, and what has ended.

A function of its own: a drained app still tells what is under way.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from azure.durable_functions import OrchestrationRuntimeStatus

from cancel_run.errors import RequestError, SettingsError
from cancel_run.triggers.callers_url import base_url, caller_key
from cancel_run.triggers.job_starting import JOB_ORCHESTRATOR
from cancel_run.triggers.job_summary import job_summary
from cancel_run.triggers.list_query import ListQuery, Wanted
from cancel_run.triggers.replies import FORESEEN, Reply, reply_to
from cancel_run.triggers.starting import ACTIVE, ORCHESTRATOR, REHEARSAL
from cancel_run.triggers.summary import summary
from cancel_run.triggers.windows import Found, Span, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.http_trigger import HttpRequest
    from cancel_run.triggers.windows import ListingClient

# Canceled is left out: no instance of Durable Functions ends so, and 2.x of the SDK refuses to ask for it
_NEVER = "Canceled"


async def list_cancellations(
    request: HttpRequest, client: ListingClient, settings: Callable[[], Settings], clock: Clock, route: str
) -> Reply:
    """200 with ``{"cancellations": [...], "more", "next"}``; ``next`` is the URL of the older ones, or null."""
    now = clock.now()
    try:
        query = ListQuery.of(request.url)
        _must_be_known(query.workspace, settings)
        found = await newest(client, _span(query), now)
    except FORESEEN as error:
        return reply_to(error)
    return Reply(HTTPStatus.OK, _listed(request.url, route, query, found))


def _must_be_known(workspace: str | None, settings: Callable[[], Settings]) -> None:
    """While the settings are wrong the list is there all the same: what is under way is what an operator asks then.

    Raises:
        RequestError: the settings do not have that workspace.
    """
    try:
        known = settings().workspaces
    except SettingsError:
        return
    if workspace is not None and workspace not in known:
        raise RequestError(
            [f"No workspace is called '{workspace}' here; the settings name: {', '.join(sorted(known))}."]
        )


def _span(query: ListQuery) -> Span:
    def fits(status: OrchestrationRuntimeStatus) -> bool:
        return query.wanted is None or (status.value in ACTIVE) == (query.wanted is Wanted.ACTIVE)

    statuses = [status for status in OrchestrationRuntimeStatus if status.value != _NEVER and fits(status)]
    # what follows a workspace's name in an id: "prod" alone would be asking for prod2 too
    prefixes = tuple(query.workspace + mark for mark in "-~") if query.workspace else (None,)
    if query.wanted is Wanted.ACTIVE:  # few, and created again at every continue_as_new
        return Span(query.since, query.until, statuses, prefixes, first_window=None)
    return Span(query.since, query.until, statuses, prefixes)


def _listed(url: str, route: str, query: ListQuery, found: Found) -> dict[str, Any]:
    mine = (status for status in found.statuses if status.name in {ORCHESTRATOR, REHEARSAL})
    jobs = (status for status in found.statuses if status.name == JOB_ORCHESTRATOR)
    return {
        "cancellations": _wanted((summary(status, url, route) for status in mine), query),
        "jobs": _wanted((job_summary(status, url, route) for status in jobs), query),
        "more": found.reached is not None,
        "next": _next(url, route, query, found.reached),
    }


def _wanted(told: Iterable[dict[str, Any] | None], query: ListQuery) -> list[dict[str, Any]]:
    wanted = [
        one
        for one in told
        if one is not None
        and (query.workspace is None or one["workspace"] == query.workspace)
        # of one under way the hub's own time is that of its last continue_as_new
        and (query.since is None or datetime.fromisoformat(one["startedAt"]) >= query.since)
    ]
    return sorted(wanted, key=lambda one: (one["startedAt"], one["instanceId"]), reverse=True)


def _next(url: str, route: str, query: ListQuery, reached: datetime | None) -> str | None:
    if reached is None:
        return None
    asked = {
        "status": query.wanted,
        "workspace": query.workspace,
        "since": query.since and _exact(query.since),
        "until": _exact(reached),
        "code": caller_key(url),
    }
    return f"{base_url(url, route)}/{route}?{urlencode({key: value for key, value in asked.items() if value})}"


def _exact(moment: datetime) -> str:
    """The instant to the microsecond: the next page begins where this one has ended."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
