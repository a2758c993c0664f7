"""Text from outside made fit for a log line, a status or an error message."""

from __future__ import annotations

import re

# control characters, line and paragraph separators, and marks that reorder what a reader sees; in the notation that
# Python's and ECMAScript's regular expressions share. Joiners stay: emoji and whole languages are written with them.
HARMFUL_CLASS = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"

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
