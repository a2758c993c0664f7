"""One app setting at a time, judged: what was wrong with each is remembered, so that all of it is told at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cancel_run.errors import SettingsError
from cancel_run.workspaces import judged_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# a run that has ended sends these, a canceled one too: there is nothing to cancel, and to act on them would loop
EVENTS_OF_ENDED_RUNS = frozenset({"jobs.on_success", "jobs.on_failure"})
_EVENT = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")


class SettingsReader:
    """Reads one setting at a time and remembers what was wrong with each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, key: str, default: str | None) -> str | None:
        """The setting without blanks around it; empty is the same as none."""
        return self._environ.get(key, "").strip() or default

    def collect(self, judge: Callable[[Mapping[str, str]], object]) -> None:
        """What ``judge`` finds wrong is remembered."""
        try:
            judge(self._environ)
        except SettingsError as error:
            self.problems.extend(error.problems)

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """The setting, which is one of ``choices``."""
        value = self.text(key, default) or default
        if value not in choices:
            self.problems.append(f"{key} is '{value}'; it can be {' or '.join(choices)}")
        return value

    def number(
        self, key: str, default: float, least: float, most: float, *, whole: bool = False, unit: str = "seconds"
    ) -> float:
        """The setting as a number from ``least`` to ``most``."""
        text = self.text(key, None)
        if text is None:
            return default
        kind = "a whole number" if whole else "a number"
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            self.problems.append(f"{key} is '{text}'; it must be {kind} of {unit} from {least:g} to {most:g}")
            return default
        return value

    def flag(self, key: str) -> bool:
        """The setting, which is true or false, and false where it is not set."""
        value = (self.text(key, None) or "false").lower()
        if value not in {"true", "false"}:
            self.problems.append(f"{key} must be true or false")
        return value == "true"

    def url(self, key: str, *, required: bool = False) -> str:
        """The setting as a URL (see ``workspaces.judged_url``)."""
        value = self.text(key, None)
        if value is None:
            if required:
                self.problems.append(f"{key} is missing; it is a URL such as https://name.vault.azure.net")
            return ""
        return judged_url(key, value, self.problems)

    def events(self, key: str, default: str) -> frozenset[str]:
        """The names in the setting, which has commas between them."""
        events = frozenset(part.strip() for part in (self.text(key, default) or "").split(",") if part.strip())
        if not all(_EVENT.fullmatch(event) for event in events):
            # what is wrong is not repeated: nobody knows what was pasted there
            self.problems.append(f"{key} must be types of events such as {default}, with commas between")
        if ended := sorted(events & EVENTS_OF_ENDED_RUNS):
            self.problems.append(f"{key} names {', '.join(ended)}, which come when a run has ended: nothing to cancel")
        return events
