"""A request as the Functions host hands it to its worker, and what it makes of what a function returns."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import azure.functions as func
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

logger = logging.getLogger("local_host")


async def functions_request(request: web.Request, route_params: Mapping[str, str]) -> func.HttpRequest:
    """The request as a function is given it.

    Its URL is the caller's, by the headers that Azure's host reads. The names of headers are in small letters; the
    values of a key that the query has twice are joined. A body whose length the request does not tell is not there.

    Raises:
        HTTPRequestEntityTooLarge: the body is larger than the server takes.
    """
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    host = request.headers.get("DISGUISED-HOST", request.host)
    body = await request.read()
    return func.HttpRequest(
        method=request.method,
        url=f"{scheme}://{host}{request.raw_path}",
        headers={key.lower(): ",".join(request.headers.getall(key)) for key in request.headers},
        params={key: ",".join(request.query.getall(key)) for key in request.query},
        route_params=dict(route_params),
        body=body if request.content_length else b"",
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


def problem(status: HTTPStatus, detail: str) -> web.Response:
    """A refusal of the local host's own, with the fields that the app's have (RFC 9457)."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "problems": []}
    return web.json_response(body, status=status, content_type="application/problem+json")
