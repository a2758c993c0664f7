"""Text from outside made fit for a log line, a status or an error message."""

from __future__ import annotations

import hashlib
import json
import re

# control characters, line and paragraph separators, and marks that reorder what a reader sees; in the notation that
# Python's and ECMAScript's regular expressions share. Joiners stay: emoji and whole languages are written with them.
HARMFUL_CLASS = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"

LOGGED_LIMIT = 500  # characters of one text in a log line; Application Insights cuts a line after 32,768

# a lone surrogate is no character at all, and no UTF-8 can hold it
_HARMFUL = re.compile(rf"[{HARMFUL_CLASS}\ud800-\udfff]")


def is_harmful(text: str) -> bool:
    """True when something in the text could forge a log line or reorder what a reader sees."""
    return _HARMFUL.search(text) is not None


def one_line(text: str, limit: int) -> str:
    """``text`` on one line, with nothing harmful in it, at most ``limit`` characters long."""
    cut = text[: 2 * limit]  # whatever follows cannot matter, and the text may be megabytes
    line = " ".join(_HARMFUL.sub(" ", cut).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shortened(text: str, limit: int = LOGGED_LIMIT) -> str:
    """``text``, at most ``limit`` characters long; half a character, which breaks JSON, is a question mark."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    return cut.encode("utf-8", "replace").decode()


def quoted(text: str, limit: int = LOGGED_LIMIT) -> str:
    """``text`` for a log line, as a JSON string in ASCII: it can neither begin a line, nor end one, nor hide in it.

    At most ``limit`` characters of it are told, each as one to twelve.
    """
    return json.dumps(shortened(text, limit))


def fingerprint(body: bytes) -> str:
    """16 hexadecimal digits by which a message is known wherever it is: ``sha256sum`` of its text begins so.

    A message that moves to another queue gets another id there; its text stays.
    """
    return hashlib.sha256(body).hexdigest()[:16]
