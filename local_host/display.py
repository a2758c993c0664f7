"""What a person sees while a cancellation goes on: rich on a terminal, plain lines anywhere else."""

from __future__ import annotations

import json
import time
from typing import Any

from rich.console import Console
from rich.text import Text

COLOURS = {"TERMINATED": "green", "SKIPPED": "green", "INTERNAL_ERROR": "red", "TERMINATING": "yellow"}


class Display:
    """Lines with the seconds since the start; on a terminal, a line that moves while nothing happens."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._started = time.monotonic()
        self._waiting = self._console.status("") if self._console.is_terminal else None
        self._shown: tuple[Any, ...] = ()

    def line(self, text: str, style: str = "") -> None:
        """One line stands there for good, with the time in seconds before it."""
        elapsed = time.monotonic() - self._started
        self._console.print(Text.assemble((f"{elapsed:6.1f} s  ", "dim"), (text, style)))

    def progress(self, custom_status: dict[str, Any]) -> None:
        """A state, a cancel or a problem that is new has its line; all else moves the waiting line alone."""
        state = custom_status.get("lifeCycleState")
        problem = (custom_status.get("problem") or {}).get("message")
        news = (state, custom_status.get("cancels"), problem)
        if state is not None and news != self._shown:
            sent = custom_status.get("cancels") or 0
            self.line(f"{state}  ({_count(sent, 'cancel')} accepted)", COLOURS.get(state, "cyan"))
        if problem and news != self._shown:
            self.line(f"trying again: {problem}", "yellow")
        self._shown = news
        if self._waiting is not None:
            polls = _count(custom_status.get("polls") or 0, "poll")
            self._waiting.update(f"{polls} so far, next at {custom_status.get('nextPollAt')}")
            self._waiting.start()

    def timeline(self, result: dict[str, Any]) -> None:
        """The states that passed between two looks have their lines too, and the outcome stands last."""
        self.close()
        final, ended = result.get("finalLifeCycleState"), result.get("resultState")
        if final is not None:
            self.line(" ".join(filter(None, [final, ended])), COLOURS.get(final, "cyan"))
        well = result["stopped"] or result["outcome"] == "wouldCancel"
        self.line(f"outcome: {result['outcome']}", "bold green" if well else "bold red")

    def json(self, result: dict[str, Any]) -> None:
        """The result as JSON, as the status endpoint gives it."""
        text = json.dumps(result, indent=2)
        if self._console.is_terminal:
            self._console.print_json(text)
        else:
            self._console.print(text, markup=False)

    def close(self) -> None:
        """Nothing moves any more."""
        waiting, self._waiting = self._waiting, None  # it is not to move again either
        if waiting is not None:
            waiting.stop()


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
