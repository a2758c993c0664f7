"""Text from outside made fit for a log line, a status or an error message."""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (bidirectional marks among them), Cs surrogate, Zl and Zp line and paragraph separators
_HARMFUL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_harmful(character: str) -> bool:
    """True for a character that could forge a log line or reorder what a reader sees."""
    return unicodedata.category(character) in _HARMFUL_CATEGORIES


def one_line(text: str, limit: int) -> str:
    """``text`` on one line, with nothing harmful in it, at most ``limit`` characters long."""
    cut = text[: 2 * limit]  # whatever follows cannot matter, and the text may be megabytes
    cleaned = "".join(" " if is_harmful(character) else character for character in cut)
    line = " ".join(cleaned.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
