"""The page of a refusal: what is wrong, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from cancel_run.triggers import job_trigger
from cancel_run.triggers.pages.layout import ROUTE, Place, page
from cancel_run.triggers.pages.markup import el

if TYPE_CHECKING:
    from cancel_run.triggers.pages.markup import Node
    from cancel_run.triggers.replies import Reply

_NEXT = {
    HTTPStatus.BAD_REQUEST: "Mend the address: each problem is named above.",
    HTTPStatus.NOT_FOUND: "Is it {}? The list of all cancellations has what is still known.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Open the address as it is.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An operator has to mend the app's settings.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing: this page tries again by itself. What is under way goes on.",
}
# what stands at the end of an address below each route
_ID = {
    ROUTE: "the workspace's name, a hyphen and the run id",
    job_trigger.ROUTE: "the workspace's name, ~job- and the job id",
}


def problem_page(place: Place, reply: Reply) -> Reply:
    """The page of a problem (RFC 9457). One that may pass refreshes itself."""
    title = str(reply.body.get("title") or "It cannot be shown")
    problems = reply.body.get("problems") or []
    step = _NEXT.get(HTTPStatus(reply.status_code), "").format(_ID.get(place.route, "whole"))
    content: list[Node] = [
        el("h1", title),
        el("p", str(reply.body.get("detail") or ""), class_="lead"),
        el("ul", (el("li", str(one)) for one in problems)) if problems else None,
        el("section", el("h2", "What to do", id="next"), el("p", step), class_="next", aria_labelledby="next")
        if step
        else None,
    ]
    after = reply.headers.get("Retry-After")
    return page(place, reply, title, content, refresh_seconds=int(after) if after else None)
