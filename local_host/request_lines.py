"""A line in the log for each request that the app's HTTP triggers were sent, whoever answered it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

from local_host import events

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

GONE = 499  # nginx's status code for a caller that did not wait for the answer


@web.middleware
async def tell_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The answer, which is told to the log; the query is not, because a key may stand in it."""
    began, status_code = time.perf_counter(), 500
    try:
        response = await handler(request)
        status_code = response.status
    except asyncio.CancelledError:
        status_code = GONE
        raise
    except web.HTTPException as answer:
        status_code = answer.status
        raise
    finally:
        path = request.raw_path.partition("?")[0]
        events.request(request.method, path, status_code, (time.perf_counter() - began) * 1000)
    return response
