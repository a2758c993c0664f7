"""The answer as its caller wants it: JSON, or a page to a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cancel_run.triggers.pages.negotiation import wants_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.http_trigger import HttpRequest
    from cancel_run.triggers.replies import Reply


def as_wanted(request: HttpRequest, reply: Reply, settings: Callable[[], Settings], clock: Clock, route: str) -> Reply:
    """The reply to a request below ``route``, as a page where the caller prefers HTML; either says that it depends."""
    reply = replace(reply, headers={**reply.headers, "Vary": "Accept"})
    if not wants_html(request.headers):
        return reply
    # imported by the first page: whoever begins a cancellation after a cold start does not wait for it
    from cancel_run.triggers.pages.reply_page import page_of  # noqa: PLC0415

    return page_of(request, reply, settings, clock, route)
