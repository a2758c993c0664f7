"""What every page has: its head, its way back to the list, its foot, and the headers that it is sent with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from cancel_run.triggers.callers_url import base_url, caller_key, query_of
from cancel_run.triggers.pages.markup import document, el, style
from cancel_run.triggers.pages.stylesheet import HEADERS, SHEET
from cancel_run.triggers.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cancel_run.triggers.pages.markup import Node

ROUTE = "cancel-active-run"
SHORTEST_REFRESH, LONGEST_REFRESH = 5, 60  # seconds: a reader has to get somewhere in between


@dataclass(frozen=True)
class Place:
    """Where a page was asked for. No address that it makes has a key in it, and the caller's own is never told."""

    url: str
    now: datetime
    route: str = ROUTE

    @property
    def has_key(self) -> bool:
        """True when the caller's key is in the address: it stays there when the page refreshes itself."""
        return caller_key(self.url) is not None

    @property
    def refreshes(self) -> bool:
        """False when the reader has asked for a page that stands still."""
        return query_of(self.url).get("refresh") != "off"

    def path(self, instance_id: str | None = None, *, route: str = ROUTE) -> str:
        """The path of the list, or of one cancellation or job below ``route``, on this host."""
        # one slash: what begins with two would be another host
        found = f"/{urlsplit(base_url(self.url, self.route)).path.lstrip('/')}/{route}"
        return found + (f"/{quote(instance_id)}" if instance_id else "")

    def with_query(self, **changed: str | None) -> str:
        """This address with some of its parameters changed, and without a key."""
        kept = {
            key: value for key, value in query_of(self.url).items() if key in {"status", "workspace", "since", "until"}
        }
        return "?" + urlencode({key: value for key, value in {**kept, **changed}.items() if value})


def page(
    place: Place,
    reply: Reply,
    title: str,
    content: Iterable[Node],
    *,
    refresh_seconds: int | None = None,
    is_list: bool = False,
) -> Reply:
    """The reply as a page: its status code and its headers, the ways to look again among them."""
    refreshing = refresh_seconds if place.refreshes else None
    body = el(
        "body",
        el(
            "header",
            None if is_list else el("nav", el("a", "All cancellations", href=place.path()), aria_label="Way back"),
        ),
        el("main", content),
        el(
            "footer",
            _refresh(place, refresh_seconds),
            el("p", f"As of {clock(place.now)}. This page only shows: it changes nothing."),
            el("p", "No link on this page has the key that opened it: add it where you are refused.")
            if place.has_key
            else None,
        ),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        style(SHEET),
    )
    headers = {**reply.headers, **HEADERS}
    if refreshing is not None:
        headers["Refresh"] = str(_bounded(refreshing))
    return Reply(reply.status_code, reply.body, headers, "text/html", document(el("html", head, body, lang="en")))


def _refresh(place: Place, seconds: int | None) -> Node:
    if seconds is None:
        return None
    if not place.refreshes:
        return el("p", "This page stands still: take refresh=off out of its address to let it refresh itself.")
    how = f"This page refreshes itself every {_bounded(seconds)} seconds. "
    if place.has_key:
        return el("p", how, "To make it stand still, add &refresh=off to its address.")
    return el("p", how, el("a", "Stand still", href=place.with_query(refresh="off")))


def _bounded(seconds: int) -> int:
    return min(max(SHORTEST_REFRESH, seconds), LONGEST_REFRESH)


def clock(moment: datetime) -> str:
    """The instant as a person reads it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def facts(told: Iterable[tuple[str, Node | list[Node]]]) -> Node:
    """A list of names and values; what is None or empty is left out."""
    pairs = [(name, value) for name, value in told if value is not None and value not in ("", [])]
    if not pairs:
        return None
    return el("dl", (one for name, value in pairs for one in (el("dt", name), el("dd", value))))


def who(told: Mapping[str, Any]) -> Iterable[tuple[str, Node | list[Node]]]:
    """Who asked, why and how: what Entra has verified, and what the caller has said of itself."""
    by = told.get("startedBy")
    claimed = told.get("requestedBy")
    reason = told.get("reason")
    yield "Why", str(reason) if reason else el("span", "no reason was given", class_="quiet")
    yield "Asked by", [str(by), el("span", " (verified by Microsoft Entra)", class_="quiet")] if by else None
    yield (
        "Says it is" if by else "Asked by",
        [str(claimed), el("span", " (as the request says; nobody has checked it)", class_="quiet")]
        if claimed
        else None,
    )
    if not by and not claimed:
        yield "Asked by", el("span", "the request does not say", class_="quiet")
    if "fromQueue" in told:
        yield "Through", "an alert or another message of the queue" if told["fromQueue"] else "a request over HTTP"
