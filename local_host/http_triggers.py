"""The app's HTTP triggers on aiohttp, found and guarded as the Functions host does it.

A route ignores the case of letters. A method that no function of the route takes is 404, as an unknown route is. A
function that raises, and a body that is too large, are 500 without a word; so is a queue that is away there, which is
500 with the reason here.
"""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from local_host.http_request import answer, functions_request, problem
from local_host.queue_output import NotWrittenError
from local_host.request_lines import tell_requests
from local_host.start_error import StartError
from local_host.web_pages import refuse_pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import azure.functions as func

    from local_host.keys import Keys

HOST_JSON = Path(__file__).parent.parent / "host.json"
BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"  # the host's own app setting
BODY_LIMIT = 1024 * 1024  # bytes; what infra/app.bicep sets, where the host alone would take 100 MiB

logger = logging.getLogger("local_host")


class UnsupportedRouteError(Exception):
    """A route with a constraint, an optional parameter or a catch-all, for which there is nobody here."""


@dataclass(frozen=True)
class Route:
    """Where a function is found; no ``methods`` are all of them."""

    function: Any
    path: re.Pattern[str]
    methods: frozenset[str]
    auth_level: func.AuthLevel

    def takes(self, method: str) -> bool:
        """True when the function is there for the method."""
        return not self.methods or method in self.methods


class HttpTriggers:
    """An aiohttp application that answers for every HTTP trigger among the functions.

    ``call`` is given a function and its request, and awaits what the function returns. With ``keys``, callers must show
    one of them to a function that is not anonymous.
    """

    def __init__(
        self,
        functions: Iterable[Any],
        call: Callable[[Any, func.HttpRequest], Awaitable[Any]],
        *,
        prefix: str | None = None,
        keys: Keys | None = None,
    ) -> None:
        self._call, self._keys = call, keys
        prefix = route_prefix() if prefix is None else prefix
        self.routes = [_route(prefix, one) for one in functions if one.get_trigger().type == "httpTrigger"]
        # who shows no key could be anybody's page
        guards = [] if keys else [refuse_pages]
        self.app = web.Application(client_max_size=body_limit(), middlewares=[tell_requests, *guards])
        self.app.router.add_route("*", "/{path:.*}", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        # an escaped slash is not one
        path = unquote(re.sub("%2f", "%252F", request.raw_path.partition("?")[0], flags=re.IGNORECASE))
        for route in self.routes:
            found = route.path.fullmatch(path)
            if found and route.takes(request.method):
                if self._keys and not self._keys.open(route.auth_level, request):
                    return web.Response(status=401)
                return await self._answer(route.function, request, found.groupdict())
        return web.Response(status=404)

    async def _answer(self, function: Any, request: web.Request, route_params: dict[str, str]) -> web.StreamResponse:
        name = function.get_function_name()
        try:
            returned = await self._call(function, await functions_request(request, route_params))
        except web.HTTPRequestEntityTooLarge:
            logger.error("%s was not called: the body has more bytes than %s allows", name, BODY_LIMIT_SETTING)  # noqa: TRY400  # there is nothing to trace
            return web.Response(status=500)
        except NotWrittenError as error:
            logger.error("%s: %s", name, error)  # noqa: TRY400  # there is nothing to trace
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        except Exception:
            logger.exception("%s failed", name)
            return web.Response(status=500)
        return answer(returned, name)


def _route(prefix: str, function: Any) -> Route:
    trigger = function.get_trigger()
    route = trigger.route or function.get_function_name()
    if re.search(r"\{(?!\w+\})", route):
        raise UnsupportedRouteError(route)
    parts = [part for part in (prefix.strip("/"), route.lstrip("/")) if part]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape("/" + "/".join(parts)))
    methods = frozenset(getattr(method, "value", method) for method in trigger.methods or ())
    # ASP.NET's routing, and so the host, ignores the case of letters
    return Route(function, re.compile(pattern, re.IGNORECASE), methods, trigger.auth_level)


def route_prefix() -> str:
    """``extensions.http.routePrefix`` of host.json; ``api`` where it says nothing."""
    host = json.loads(HOST_JSON.read_text(encoding="utf-8"))
    prefix: str = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    return prefix


def body_limit() -> int:
    """Bytes of the largest body that is taken.

    Raises:
        StartError: the setting is no number.
    """
    text = os.environ.get(BODY_LIMIT_SETTING, "").strip() or str(BODY_LIMIT)
    if not (text.isascii() and text.isdigit()):
        raise StartError(f"{BODY_LIMIT_SETTING} must be a number of bytes.")
    return int(text)
