"""What can be read of a JSON object of which only the beginning has come."""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def leading_fields(body: bytes) -> dict[str, Any]:
    """The object's own members that stand whole in ``body``, in their order; none where it does not begin an object.

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
