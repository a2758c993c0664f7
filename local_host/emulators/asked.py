"""What a caller of the emulated workspace asked: numbers, yes or no, and bodies, each refused where it is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.emulators.api_errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_NUMBER = 19  # digits of 2^63


def is_number(text: str) -> bool:
    """True for the digits of a number that the Jobs API could mean."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER


def id_of(said: Any) -> str:
    """The id in a body, which may be a number or its text; empty where it is neither."""
    return str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""


def number(key: str, text: str) -> int:
    """The number.

    Raises:
        ApiError: 400, it is none.
    """
    if not is_number(text):
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"{key} must be a number, not '{text[:40]}'.")
    return int(text)


def given_number(query: Mapping[str, str], key: str) -> int | None:
    """The number in the query, or None where there is none.

    Raises:
        ApiError: 400, there is something else.
    """
    return number(key, query[key]) if key in query else None


def flag(query: Mapping[str, str], key: str) -> bool:
    """True where the query says ``true``.

    Raises:
        ApiError: 400, it says neither that nor ``false``.
    """
    said = query.get(key, "false").lower()
    if said not in {"true", "false"}:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"{key} must be true or false, not '{said[:40]}'.")
    return said == "true"


async def body_of(request: web.Request) -> dict[str, Any]:
    """The object in the body; an empty body is an empty object.

    Raises:
        ApiError: 400, there is something else.
    """
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError, web.RequestPayloadError):
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request - expected a map")
    return body
