"""The app's HTTP triggers on aiohttp, called as the worker calls them."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BODY_LIMIT = 100 * 1024 * 1024  # bytes, the Functions host's own limit
ANY_METHOD = "*"

logger = logging.getLogger("local_host")


class Output(func.Out[Any]):
    """An output binding: what the function sets is handed on when it has returned."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """The value is what the binding writes."""
        self._value = val

    def get(self) -> Any:
        """What was set last, or None."""
        return self._value


class HttpTriggers:
    """An aiohttp application with a route for every HTTP trigger among the functions."""

    def __init__(
        self, functions: Iterable[Any], client_binding: Callable[[], str], outputs: dict[str, Callable[..., None]]
    ) -> None:
        self._client_binding = client_binding
        self._outputs = outputs
        self.app = web.Application(client_max_size=BODY_LIMIT)
        prefix = route_prefix()
        for function in functions:
            trigger = function.get_trigger()
            if trigger.type != "httpTrigger":
                continue
            path = "/" + "/".join(filter(None, [prefix, trigger.route or function.get_function_name()]))
            for method in trigger.methods or [ANY_METHOD]:
                name = getattr(method, "value", method)
                self.app.router.add_route(name, path, self._handler(function))

    def _handler(self, function: Any) -> Callable[[web.Request], Any]:
        user_function, name = function.get_user_function(), function.get_function_name()
        bindings = [binding.get_dict_repr() for binding in function.get_bindings()]

        async def handle(request: web.Request) -> web.StreamResponse:
            outputs: list[tuple[dict[str, Any], Output]] = []
            arguments: dict[str, Any] = {}
            for binding in bindings:
                if binding["type"] == "httpTrigger":
                    arguments[binding["name"]] = await functions_request(request)
                elif binding["type"] == "durableClient":
                    arguments[binding["name"]] = self._client_binding()
                elif binding["name"] != "$return":
                    output = Output()
                    outputs.append((binding, output))
                    arguments[binding["name"]] = output
            try:
                if inspect.iscoroutinefunction(user_function):
                    returned = await user_function(**arguments)
                else:
                    returned = await asyncio.to_thread(user_function, **arguments)
                for binding, output in outputs:
                    if output.get() is not None:
                        await asyncio.to_thread(self._outputs[binding["type"]], binding, output.get())
            except Exception:
                logger.exception("%s failed", name)
                return web.Response(status=500)
            return answer(returned, name)

        return handle


async def functions_request(request: web.Request) -> func.HttpRequest:
    """The request as the Functions library has it; its URL is the one that the caller used, behind a proxy too."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("X-Forwarded-Host", request.host)
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
    headers = {key: value for key, value in returned.headers.items() if key.lower() != "content-type"}
    return web.Response(
        status=returned.status_code,
        body=returned.get_body(),
        headers=headers,
        content_type=returned.mimetype,
        charset=returned.charset,
    )


def route_prefix() -> str:
    """``extensions.http.routePrefix`` of host.json; ``api`` where it says nothing."""
    host = json.loads((Path(__file__).parent.parent / "host.json").read_text(encoding="utf-8"))
    prefix: str = host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    return prefix
