"""What can be read of a JSON object of which only the beginning has come."""

from __future__ import annotations

import json
import re
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's members, for ``json`` to build it of.

    Raises:
        ValueError: a key is given twice, and nobody knows which of its values is meant.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key is given twice")
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=members)


def leading_fields(body: bytes) -> dict[str, Any]:
    """The object's own members that stand whole in ``body``, in their order.

    None where it does not begin an object, or where a key is given twice.

    Never a member of a member, however it is called: what is not complete is not looked into. A member is whole once
    the comma or brace after it has come, because of a number one cannot know that it has ended.
    """
    text = body.decode("utf-8", "replace")
    fields: dict[str, Any] = {}
    at = _past_space(text, 0)
    expected = "{"
    try:
        while text[at : at + 1] == expected:
            key, at = _DECODER.raw_decode(text, _past_space(text, at + 1))
            at = _past_space(text, at)
            if not isinstance(key, str) or text[at : at + 1] != ":":
                break
            if key in fields:
                return {}
            value, at = _DECODER.raw_decode(text, _past_space(text, at + 1))
            at = _past_space(text, at)
            if text[at : at + 1] in {",", "}"}:
                fields[key] = value
            expected = ","
    except (ValueError, RecursionError):
        pass  # the rest has not come, or is no JSON
    return fields


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
