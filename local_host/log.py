"""What `serve` writes on stdout: for a person, or with ``--log-format json`` an object on each line.

It begins with lines about the host itself; then comes a line for each event of ``events.py`` and each record that the
app or a library logs. A line can do nothing to a terminal, and the text of an exception, in which anything may stand,
is shown with ``--verbose`` alone.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from local_host.display import console, printable

if TYPE_CHECKING:
    from rich.console import Console

_NOT_SHOWN = frozenset({"event", "reason", "requestedBy"})
LINE_LIMIT = 4000  # characters of what somebody else logs
EVENT_STYLES = {"started": "cyan", "message": "cyan"}
LEVEL_STYLES = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


class Log(logging.Handler):
    """The lines; a handler of the root logger from :meth:`begin` on."""

    def __init__(self, *, as_json: bool = False, verbose: bool = False, out: Console | None = None) -> None:
        super().__init__()
        self._json, self._verbose = as_json, verbose
        self._console = out or console()

    def begin(self) -> Log:
        """What this process logs is written here, and nowhere else."""
        root = logging.getLogger()
        root.handlers = [self]
        root.setLevel(logging.WARNING)
        for name in ("local_host", "cancel_run"):
            logging.getLogger(name).setLevel(logging.DEBUG if self._verbose else logging.INFO)
        return self

    def say(self, event: str, text: str, *, level: str = "INFO", **fields: object) -> None:
        """A line about the host itself; in JSON it has the fields alone, or the text where there are none."""
        with self.lock:  # type: ignore[union-attr]  # every handler that is not closed has one
            if self._json:
                self._object({"event": event, **(fields or {"message": text})}, level)
            else:
                for line in text.splitlines():
                    self._line(Text(printable(line)))

    def emit(self, record: logging.LogRecord) -> None:
        """The record has its line."""
        try:
            if self._json:
                self._object(self._fields(record), record.levelname)
            else:
                self._line(self._text(record))
                for line in self._trace(record):
                    self._line(Text(f"          {printable(line)}", "dim"))
        except Exception:  # noqa: BLE001  # as every handler of logging does
            self.handleError(record)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        if event := getattr(record, "event", None):
            return {"event": event, **record.fields}  # type: ignore[attr-defined]  # it comes with the event
        told = {"event": "log", "logger": record.name, "message": record.getMessage()[:LINE_LIMIT]}
        told = _outcome(record) or told
        if record.exc_info and record.exc_info[0]:
            told["error"] = record.exc_info[0].__name__
        trace = "\n".join(self._trace(record))
        return {**told, "trace": trace} if trace else told

    def _text(self, record: logging.LogRecord) -> Text:
        style = LEVEL_STYLES.get(record.levelname, "")
        if event := getattr(record, "event", None):
            told = record.getMessage()
            style = EVENT_STYLES.get(event, style)
        elif outcome := _outcome(record):
            told, good = _shown(outcome)
            style = "green" if good else "red"
        else:
            told = f"{record.levelname} {record.name}: {record.getMessage()[:LINE_LIMIT]}"
            if record.exc_info and record.exc_info[0]:
                more = "" if self._verbose else "; with --verbose the trace is shown"
                told += f" ({record.exc_info[0].__name__}{more})"
        at = datetime.fromtimestamp(record.created).astimezone()
        return Text.assemble((f"{at:%H:%M:%S}  ", "dim"), (printable(told), style))

    def _trace(self, record: logging.LogRecord) -> list[str]:
        if not self._verbose or not record.exc_info or record.exc_info[1] is None:
            return []
        return "".join(traceback.format_exception(record.exc_info[1])).splitlines()

    def _object(self, fields: dict[str, Any], level: str) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._console.file.write(json.dumps({"time": at, "level": level.lower(), **fields}) + "\n")
        self._console.file.flush()

    def _line(self, text: Text) -> None:
        self._console.print(text)
        self._console.file.flush()


def _outcome(record: logging.LogRecord) -> dict[str, Any] | None:
    """The event that the app itself logs as a line of JSON: how a cancellation ended, or what is in its way."""
    message = record.getMessage()
    if not message.startswith('{"event":'):
        return None
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _shown(outcome: dict[str, Any]) -> tuple[str, bool]:
    """The event in words, and whether it is a good one. What the caller or the workspace wrote is left out."""
    if outcome["event"] != "cancellationEnded":
        facts = [f"{key} {told}" for key, told in outcome.items() if key not in _NOT_SHOWN and told is not None]
        return f"{outcome['event']}: {', '.join(facts)}", False
    error = ", ".join(str(told) for key in ("errorCode", "errorStatusCode") if (told := outcome.get(key)) is not None)
    parts = [" ".join(filter(None, [outcome.get("finalLifeCycleState"), outcome.get("resultState")]))]
    if (seconds := outcome.get("secondsToStop")) is not None:
        parts.append(f"stopped after {seconds:.1f} s")
    parts += [f"polls {outcome.get('polls')}", f"cancels {outcome.get('cancels')}", error]
    told = f"{outcome.get('instanceId')}  {outcome.get('outcome')}: {', '.join(filter(None, parts))}"
    return told, bool(outcome.get("stopped")) or outcome.get("outcome") == "wouldCancel"
