"""Errors as a Databricks workspace tells them: JSON with ``error_code`` and ``message``, whatever was asked."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_CODES = {400: "MALFORMED_REQUEST", 413: "MAX_REQUEST_SIZE_EXCEEDED"}

logger = logging.getLogger("local_host")


class ApiError(Exception):
    """A call that is answered with an error; a handler raises it where that reads best."""

    def __init__(self, status_code: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status_code, self.error_code, self.message = status_code, error_code, message

    def answer(self) -> web.Response:
        """The error on the wire."""
        return error(self.status_code, self.error_code, self.message)


def error(status_code: int, error_code: str, message: str) -> web.Response:
    """``{"error_code", "message", "details"}`` with the status code."""
    return web.json_response({"error_code": error_code, "message": message, "details": []}, status=status_code)


def unknown(request: web.Request) -> web.Response:
    """What is answered where there is nobody for the path or the method."""
    asked = f"{request.method} {re.sub('^/api/2[.][0-9]', '', request.path)}"
    paths = (resource.canonical.partition("/jobs/")[2] for resource in request.app.router.resources())
    known = ", ".join(sorted(set(filter(None, paths))))
    message = f"No API found for '{asked[:200]}'. This workspace is emulated; of the Jobs API it has {known}."
    return error(404, "ENDPOINT_NOT_FOUND", message)


@web.middleware
async def tell_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What a handler raises is told as the workspace tells it: never as text or as a page."""
    try:
        return await handler(request)
    except ApiError as refused:
        return refused.answer()
    except web.HTTPException as refused:
        code = _CODES.get(refused.status, "BAD_REQUEST")
        return error(refused.status, code, f"The request cannot be taken: {refused.reason}.")
    except Exception:
        logger.exception("The emulated workspace failed")
        return error(500, "INTERNAL_ERROR", "The emulated workspace failed; its log says how.")
