"""What every measurement hands to the page: tables, medians with their spread."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


TENTH = 0.1  # seconds


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def spread(values: Sequence[float], shown: Callable[[float], str] = "{:.2f}".format) -> str:
    """The median, and between which values the others lie."""
    return f"{shown(median(values))} ({shown(min(values))} to {shown(max(values))})"


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, small ones with a digit more."""
    return f"{seconds * 1000:,.{0 if seconds >= TENTH else 1}f} ms"


def megabytes(size: float) -> str:
    """Bytes as whole megabytes."""
    return f"{size / 1e6:.0f} MB"
