"""The app's HTTP triggers on aiohttp."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

BODY_LIMIT = 100 * 1024 * 1024  # bytes, the Functions host's own limit
ANY_METHOD = "*"
HOST_JSON = Path(__file__).parent.parent / "host.json"

logger = logging.getLogger("local_host")


class UnsupportedRouteError(Exception):
    """A route with a constraint, an optional parameter or a catch-all, which aiohttp would take for something else."""


class HttpTriggers:
    """An aiohttp application with a route for every HTTP trigger among the functions.

    ``call`` is given a function and its request, and awaits what the function returns.
    """

    def __init__(
        self,
        functions: Iterable[Any],
        call: Callable[[Any, func.HttpRequest], Awaitable[Any]],
        *,
        prefix: str | None = None,
    ) -> None:
        self._call = call
        self.app = web.Application(client_max_size=BODY_LIMIT)
        prefix = route_prefix() if prefix is None else prefix
        for function in functions:
            trigger = function.get_trigger()
            if trigger.type == "httpTrigger":
                path = _path(prefix, trigger.route or function.get_function_name())
                for method in trigger.methods or [ANY_METHOD]:
                    self.app.router.add_route(getattr(method, "value", method), path, self._handler(function))

    def _handler(self, function: Any) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        name = function.get_function_name()

        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await functions_request(request)
            try:
                returned = await self._call(function, asked)
            except Exception:
                logger.exception("%s failed", name)
                return web.Response(status=500)
            return answer(returned, name)

        return handle


def _path(prefix: str, route: str) -> str:
    if re.search(r"\{(?!\w+\})", route):
        raise UnsupportedRouteError(route)
    return "/" + "/".join(part for part in (prefix.strip("/"), route.lstrip("/")) if part)


async def functions_request(request: web.Request) -> func.HttpRequest:
    """The request as the Functions library has it; its URL is the caller's, by the headers that Azure's host reads."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("DISGUISED-HOST", request.host)
    return func.HttpRequest(
        method=request.method,
        url=f"{scheme}://{host}{request.raw_path}",
        headers=dict(request.headers),
        params=dict(request.query),
        route_params=dict(request.match_info),
        body=await request.read(),
    )


def answer(returned: Any, name: str) -> web.Response:
    """What the host makes of a function's return value: a response or text, and nothing else."""
    if isinstance(returned, str):
        return web.Response(text=returned)
    if not isinstance(returned, func.HttpResponse):
        logger.error("%s returned %s instead of an HttpResponse", name, type(returned).__name__)
        return web.Response(status=500)
    response = web.Response(status=returned.status_code, body=returned.get_body())
    for key, value in returned.headers.items():
        response.headers.add(key, value)
    charset = f"; charset={returned.charset}" if returned.mimetype.startswith("text/") else ""
    response.headers.setdefault("Content-Type", returned.mimetype + charset)
    return response


def route_prefix() -> str:
    """``extensions.http.routePrefix`` of host.json; ``api`` where it says nothing."""
    host = json.loads(HOST_JSON.read_text(encoding="utf-8"))
    prefix: str = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    return prefix
