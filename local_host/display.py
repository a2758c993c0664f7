"""What a person sees while a cancellation goes on: on stderr, rich on a terminal and plain lines anywhere else.

The result alone goes to stdout, as JSON, so that a program can read it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

COLOURS = {"TERMINATED": "green", "SKIPPED": "green", "INTERNAL_ERROR": "red", "TERMINATING": "yellow"}
PLAIN = "NO_COLOR"  # https://no-color.org: set and not empty, no escape sequence is written
SPINNER_WIDTH = 3  # cells before the line that moves, and the last cell of the terminal


def console(*, stderr: bool = False) -> Console:
    """A terminal's console, or a plain one where there is no terminal or ``NO_COLOR`` asks for none of it."""
    plain = bool(os.environ.get(PLAIN))
    return Console(
        stderr=stderr,
        highlight=False,
        soft_wrap=True,
        color_system=None if plain else "auto",
        force_terminal=False if plain else None,
    )


def printable(text: str) -> str:
    """The text as one line that can do nothing to a terminal: whoever wrote it may be anybody."""
    return "".join(one if one.isprintable() else " " for one in text)


class Display:
    """Lines with the seconds since the start; on a terminal, a line that moves while nothing happens.

    ``quiet`` shows none of it. It is to be closed, whatever ends it, or the terminal has no cursor.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = console(stderr=True)
        self._console.quiet = quiet
        self._started = time.monotonic()
        self._waiting = self._console.status("") if self._console.is_terminal and not quiet else None
        self._state: tuple[Any, ...] = ()
        self._problem: str | None = None

    def line(self, text: str, style: str = "") -> None:
        """One line stands there for good, with the time in seconds before it."""
        elapsed = time.monotonic() - self._started
        self._console.print(Text.assemble((f"{elapsed:6.1f} s  ", "dim"), (printable(text), style)))

    def progress(self, custom_status: dict[str, Any]) -> None:
        """A state, a cancel or a problem that is new has its line; all else moves the waiting line alone."""
        if "found" in custom_status:
            self._job_progress(custom_status)
            return
        state, cancels = custom_status.get("lifeCycleState"), custom_status.get("cancels") or 0
        problem = (custom_status.get("problem") or {}).get("message")
        if state is not None and (state, cancels) != self._state:
            self.line(f"{state}  ({_count(cancels, 'cancel')} accepted)", COLOURS.get(state, "cyan"))
            self._state = (state, cancels)
        if problem and problem != self._problem:
            self.line(f"trying again: {problem}", "yellow")
        self._problem = problem
        if self._waiting is not None:
            told = f"{_count(custom_status.get('polls') or 0, 'poll')}, {_next_look(custom_status.get('nextPollAt'))}"
            self._waiting.update(Text(told[: max(self._console.width - SPINNER_WIDTH, 0)]))
            self._waiting.start()

    def _job_progress(self, counts: dict[str, Any]) -> None:
        """How many of a job's runs are where; a line whenever that changes, and one for a problem."""
        kinds = {"found": "found", "underWay": "under way", "stopped": "stopped", "notStopped": "not stopped"}
        state = tuple(counts.get(kind) or 0 for kind in kinds)
        problem = (counts.get("problem") or {}).get("message")
        if state != self._state and state[0]:
            self.line(", ".join(f"{number} {kind}" for number, kind in zip(state, kinds.values(), strict=True)), "cyan")
            self._state = state
        if problem and problem != self._problem:
            self.line(f"trying again: {problem}", "yellow")
        self._problem = problem

    def timeline(self, result: dict[str, Any]) -> None:
        """The last state has its line, if it is news, and the outcome stands last, with the reason for a bad one."""
        self.close()
        final, ended = result.get("finalLifeCycleState"), result.get("resultState")
        if final is not None and (ended or final not in self._state):
            self.line(" ".join(filter(None, [final, ended])), COLOURS.get(final, "cyan"))
        told = f"outcome: {result['outcome']}"
        if error := result.get("error"):
            status = f" ({error['statusCode']})" if error.get("statusCode") else ""
            told += f", {error.get('code')}{status}: {error.get('message')}"
        if result.get("found") == 0:
            told += ", no such run was found: is it the id of a job?"
        well = result["stopped"] or result["outcome"] == "wouldCancel"
        self.line(told, "bold green" if well else "bold red")

    def close(self) -> None:
        """Nothing moves any more."""
        waiting, self._waiting = self._waiting, None  # it is not to move again either
        if waiting is not None:
            waiting.stop()


def print_json(result: dict[str, Any]) -> None:
    """The result is on stdout as the status endpoint gives it; with colours where that is a terminal."""
    text, out = json.dumps(result, indent=2), console()
    if out.is_terminal:
        out.print_json(text)
    else:
        sys.stdout.write(f"{text}\n")  # byte for byte, whatever the width
        sys.stdout.flush()


def _next_look(at: str | None) -> str:
    """When the run is looked at next, counted from now: an instant of the clock's is for a log."""
    if at is None:
        return "looking now"
    seconds = (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds()
    return f"next look in {seconds:.0f} s" if seconds >= 1 else "looking now"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
