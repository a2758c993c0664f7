"""What is wrong with a workspace, by a name: middleware for the emulated one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.emulators.faults import json_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local_host.emulators.workspace import JobsApi

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NONE, HANGS, THROTTLES, SLOW, LIMITED, DRIPS = "none", "hangs", "throttles", "slow", "limited", "drips"
VAULT = "vault"  # the workspace is well, and the secret with its token cannot be read

FOREVER_SECONDS = 3600.0
SLOW_SECONDS = 9.0
LIMIT = 20  # requests a second
DRIP_SECONDS = 0.4


def trouble(workspace: JobsApi, kind: str) -> None:
    """The workspace has it from now on."""
    if kind == LIMITED:
        workspace.faults.throttle(LIMIT)
    elif kind == THROTTLES:
        for operation in ("get", "cancel"):
            workspace.faults.fail(operation, json_fault(429, {"error_code": "BUSY"}, Retry_After="1"), None)
    elif kind in _BEFORE:
        workspace.app.middlewares.append(_before_the_answer(_BEFORE[kind]))


async def _drip(request: web.Request) -> None:
    assert request.transport is not None  # noqa: S101  # it has just brought the request
    request.transport.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not request.transport.is_closing():
        request.transport.write(b"x")
        await asyncio.sleep(DRIP_SECONDS)


_BEFORE: dict[str, Callable[[web.Request], Awaitable[None]]] = {
    HANGS: lambda _: asyncio.sleep(FOREVER_SECONDS),
    SLOW: lambda _: asyncio.sleep(SLOW_SECONDS),
    DRIPS: _drip,
}


def _before_the_answer(happens: Callable[[web.Request], Awaitable[None]]) -> Any:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/api/"):
            await happens(request)
        return await handler(request)

    return answer
