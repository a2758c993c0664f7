"""Pages of a list, as the Jobs API gives them: ``limit``, ``page_token``, ``has_more``, tokens of the pages beside.

A token is for the list as it was asked for; what comes to be while somebody turns pages may be missed or told twice.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from local_host.emulators.api_errors import ApiError
from local_host.emulators.asked import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def page(name: str, found: Sequence[Any], query: Mapping[str, str], *, limit: int, most: int) -> dict[str, Any]:
    """``found`` from the place that the query names on: under ``name``, which is absent where nothing is left to tell.

    Args:
        name: of the list in the answer.
        found: everything, in its order.
        query: has ``limit``, and ``page_token`` or the older ``offset``.
        limit: how many where the query does not say.
        most: how many it may say.

    Raises:
        ApiError: 400, for a limit or a token that cannot be.
    """
    size = number("limit", query.get("limit", str(limit)))
    if not 1 <= size <= most:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"limit must be from 1 to {most}, not {size}.")
    token = query.get("page_token")
    first = _place(token) if token else number("offset", query.get("offset", "0"))
    told: dict[str, Any] = {"has_more": first + size < len(found)}
    if found[first : first + size]:
        told[name] = list(found[first : first + size])
    if told["has_more"]:
        told["next_page_token"] = _token(first + size)
    if first:
        told["prev_page_token"] = _token(max(0, first - size))
    return told


def _token(place: int) -> str:
    return base64.urlsafe_b64encode(f"from {place}".encode()).decode().rstrip("=")


def _place(token: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    if not text.startswith("from "):
        raise ApiError(400, "INVALID_PARAMETER_VALUE", "page_token is none that this workspace gave.")
    return number("page_token", text.removeprefix("from "))
