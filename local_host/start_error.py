"""Why a command does not start."""

from __future__ import annotations

import traceback


class StartError(Exception):
    """The command cannot do what it is for; the message is for whoever typed it, and says what to do."""


def fault(error: Exception) -> str:
    """A sentence for what nobody foresaw, without its own text, which may hold what others wrote, or a secret."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"This is a fault of the program itself: {type(error).__name__} in {last.filename}, line {last.lineno}."
