"""The page of the list: what is under way and what has ended, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cancel_run.cancellation.stored import moment
from cancel_run.triggers import job_trigger
from cancel_run.triggers.callers_url import query_of
from cancel_run.triggers.pages import words
from cancel_run.triggers.pages.job_page import badge_of, name_of
from cancel_run.triggers.pages.layout import Place, clock, page
from cancel_run.triggers.pages.markup import el

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

    from cancel_run.triggers.pages.markup import Node
    from cancel_run.triggers.replies import Reply

REFRESH_SECONDS = 30
_KINDS = {None: "All", "active": "Under way", "ended": "Ended"}


def list_page(place: Place, reply: Reply) -> Reply:
    """The page of the list's answer."""
    told: list[Mapping[str, Any]] = list(reply.body["cancellations"])
    jobs: list[Mapping[str, Any]] = list(reply.body.get("jobs") or [])
    query = query_of(place.url)
    asked = query.get("status")
    scope = [f"in {query['workspace']}"] if query.get("workspace") else []
    title = " ".join(["Cancellations of Databricks runs", *scope])
    kinds = [
        el("li", el("a", name, href=place.with_query(status=kind), aria_current="page" if kind == asked else None))
        for kind, name in _KINDS.items()
    ]
    both = sorted([*told, *jobs], key=lambda one: str(one.get("startedAt")), reverse=True)
    items = [_job_line(place, one) if "jobId" in one else _line(place, one) for one in both]
    more = bool(reply.body.get("more"))
    older = urlsplit(str(reply.body.get("next") or ""))
    content: list[Node] = [
        el("h1", title),
        el("nav", el("ul", kinds), aria_label="Which cancellations"),
        el("ul", items, class_="list") if items else el("p", _nothing(asked, more=more), class_="lead"),
        el("p", el("a", "Older ones", href=place.with_query(until=query_of(older.geturl()).get("until"))))
        if more
        else None,
    ]
    active = any(one.get("outcome") is None for one in both)
    return page(place, reply, title, content, refresh_seconds=REFRESH_SECONDS if active else None, is_list=True)


def _nothing(asked: str | None, *, more: bool) -> str:
    if more:
        return "None is among the newest: look at the older ones."
    return "Nothing is under way." if asked == "active" else "There is none."


def _job_line(place: Place, one: Mapping[str, Any]) -> Element:
    name = name_of(one.get("jobId"), one.get("workspace"), one.get("only"))
    href = place.path(str(one.get("instanceId")), route=job_trigger.ROUTE)
    return el("li", el("h2", el("a", name, href=href)), badge_of(one).element(), el("p", _begun(place, one)), _why(one))


def _begun(place: Place, one: Mapping[str, Any]) -> str | None:
    began = moment(one.get("startedAt"))
    return f"Begun {clock(began)}, {words.duration((place.now - began).total_seconds())} ago. " if began else None


def _why(one: Mapping[str, Any]) -> Element:
    by = one.get("startedBy") or one.get("requestedBy") or "somebody who did not say"
    through = " through the queue" if one.get("fromQueue") else ""
    asked = el("span", f" - asked by {by}{through}", class_="quiet")
    return el("p", str(one.get("reason") or "No reason was given"), asked)


def _line(place: Place, one: Mapping[str, Any]) -> Element:
    instance_id = str(one.get("instanceId"))
    name = f"Run {one.get('runId')} in {one.get('workspace')}"
    state = one.get("lifeCycleState")
    return el(
        "li",
        el("h2", el("a", name, href=place.path(instance_id))),
        words.badge(one).element(),
        el(
            "p",
            _begun(place, one),
            f"The run was last seen {state}. " if isinstance(state, str) else None,
        ),
        _why(one),
        el("p", "In the way: ", el("code", str(one["errorCode"]))) if one.get("errorCode") else None,
    )
