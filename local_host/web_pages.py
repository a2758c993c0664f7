"""Who may call a host that asks for no key: programs of this machine, and no page that a browser of it has open.

A page may send a POST to any address without asking, and by DNS rebinding it can make a name of its own mean this
machine. The first shows in ``Origin`` and ``Sec-Fetch-Site``, which no page can change, the second in ``Host``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from local_host.http_request import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def refuse_pages(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """403 with the reason, as problem+json, for what a web page may have sent."""
    reason = _suspicion(request)
    if reason is None:
        return await handler(request)
    return problem(HTTPStatus.FORBIDDEN, f"{reason} Who shows a key may do that: `serve --keys FILE`.")


def _suspicion(request: web.Request) -> str | None:
    host = request.headers.get("Host", "")
    if host.rpartition(":")[0] not in _THIS_MACHINE and host not in _THIS_MACHINE:
        return (
            "The Host header is not 127.0.0.1 or localhost, but a name that a site may have made to mean this machine."
        )
    if request.headers.get("Origin", f"http://{host}") != f"http://{host}":
        return "The request comes from a web page (it has an Origin)."
    if request.method not in _HARMLESS and request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return "The request comes from another site's web page (Sec-Fetch-Site)."
    return None
