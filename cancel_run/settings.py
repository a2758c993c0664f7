"""The app settings, read and judged in one place: the only reader of the environment.

Every problem of every setting is told in one message that names the key. Locally the same keys stand in
``local.settings.json`` or in the environment.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cancel_run.cancellation.request import LONGEST_WAIT_SECONDS
from cancel_run.cancellation.schedule import Schedule
from cancel_run.errors import SettingsError, UnknownWorkspaceError
from cancel_run.workspaces import Workspace, judged_url, read_workspaces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")

DEFAULT_QUEUE_NAME = "cancel-active-run"
DEFAULT_EVENTS = "jobs.on_duration_warning_threshold_exceeded,jobs.on_streaming_backlog_exceeded"

# a run that has ended sends these, a canceled one too: there is nothing to cancel, and to act on them would loop
_EVENTS_OF_ENDED_RUNS = frozenset({"jobs.on_success", "jobs.on_failure"})


@dataclass(frozen=True)
class Settings:
    """Everything that an operator can decide; times in seconds, but where the name says days."""

    workspaces: Mapping[str, Workspace]
    default_workspace: str | None
    key_vault_uri: str
    jobs_api_version: str
    schedule: Schedule
    wait_timeout_seconds: int
    http_timeout_seconds: float
    cancel_on_events: frozenset[str]
    history_retention_days: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in ``environ``; an empty value is the same as none.

        Raises:
            SettingsError: with every problem of every setting.
        """
        read = _Reader(environ)
        workspaces = read_workspaces(environ, read.problems)
        default = read.text("DEFAULT_WORKSPACE", next(iter(workspaces)) if len(workspaces) == 1 else None)
        if workspaces and default is not None and default not in workspaces:
            read.problems.append(
                f"DEFAULT_WORKSPACE is '{default}', which is not one of {', '.join(sorted(workspaces))}"
            )
        key_vault_uri = read.url("KEY_VAULT_URI", required=True)
        schedule = Schedule(
            first_seconds=read.number("POLL_FIRST_SECONDS", 1.0, 0.05, 3600.0),
            max_seconds=read.number("POLL_MAX_SECONDS", 60.0, 0.05, 3600.0),
            cancel_again_after_seconds=read.number("CANCEL_AGAIN_AFTER_SECONDS", 120.0, 1.0, LONGEST_WAIT_SECONDS),
        )
        if schedule.first_seconds > schedule.max_seconds:
            read.problems.append("POLL_FIRST_SECONDS is larger than POLL_MAX_SECONDS")
        settings = cls(
            workspaces=workspaces,
            default_workspace=default,
            key_vault_uri=key_vault_uri,
            jobs_api_version=read.choice("JOBS_API_VERSION", "2.1", ("2.1", "2.2")),
            schedule=schedule,
            wait_timeout_seconds=int(read.number("WAIT_TIMEOUT_SECONDS", 3600, 1, LONGEST_WAIT_SECONDS, whole=True)),
            http_timeout_seconds=read.number("HTTP_TIMEOUT_SECONDS", 10.0, 0.1, 100.0),
            cancel_on_events=read.events("CANCEL_ON_EVENTS", DEFAULT_EVENTS),
            history_retention_days=int(read.number("HISTORY_RETENTION_DAYS", 30, 8, 3650, whole=True, unit="days")),
        )
        read.collect(queue_name)
        read.collect(allows_anonymous)
        if read.problems:
            raise SettingsError(read.problems)
        return settings

    def workspace(self, alias: str | None) -> Workspace:
        """The workspace of that alias, or the default one for none.

        Raises:
            UnknownWorkspaceError: there is none of that name, or none is named and there is no default.
        """
        name = alias or self.default_workspace
        if name is None:
            raise UnknownWorkspaceError("", self.workspaces)
        try:
            return self.workspaces[name]
        except KeyError:
            raise UnknownWorkspaceError(name, self.workspaces) from None

    def workspace_of_id(self, workspace_id: str) -> Workspace:
        """The workspace that Azure knows by that id.

        Raises:
            UnknownWorkspaceError: no workspace of the settings has it.
        """
        for workspace in self.workspaces.values():
            if workspace.workspace_id == workspace_id:
                return workspace
        raise UnknownWorkspaceError(f"workspace id {workspace_id}", self.workspaces)


def environment() -> Mapping[str, str]:
    """The process's environment, for the composition root."""
    return os.environ


def queue_name(environ: Mapping[str, str]) -> str:
    """``CANCEL_QUEUE_NAME``: needed before anything else, because triggers are declared with it.

    Raises:
        SettingsError: it is not a name that Azure Storage takes for a queue.
    """
    name = environ.get("CANCEL_QUEUE_NAME") or DEFAULT_QUEUE_NAME
    if not _QUEUE_NAME.fullmatch(name):
        raise SettingsError(
            [f"CANCEL_QUEUE_NAME is '{name}'; a queue's name has 3 to 63 lower-case letters, digits and single hyphens"]
        )
    return name


def allows_anonymous(environ: Mapping[str, str]) -> bool:
    """``HTTP_AUTH_LEVEL``: False for ``function`` (the default), True for ``anonymous``.

    Anonymous is for an app that has Microsoft Entra authentication in front of it, and for nothing else.

    Raises:
        SettingsError: it is another word.
    """
    level = environ.get("HTTP_AUTH_LEVEL") or "function"
    if level.lower() not in {"function", "anonymous"}:
        raise SettingsError([f"HTTP_AUTH_LEVEL is '{level}'; it is 'function', or 'anonymous' behind Entra sign-in"])
    return level.lower() == "anonymous"


class _Reader:
    """Reads one setting at a time and remembers what was wrong with each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, key: str, default: str | None) -> str | None:
        return self._environ.get(key, "").strip() or default

    def collect(self, judge: Callable[[Mapping[str, str]], object]) -> None:
        try:
            judge(self._environ)
        except SettingsError as error:
            self.problems.extend(error.problems)

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, default) or default
        if value not in choices:
            self.problems.append(f"{key} is '{value}'; it can be {' or '.join(choices)}")
        return value

    def number(
        self, key: str, default: float, least: float, most: float, *, whole: bool = False, unit: str = "seconds"
    ) -> float:
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

    def url(self, key: str, *, required: bool = False) -> str:
        value = self.text(key, None)
        if value is None:
            if required:
                self.problems.append(f"{key} is missing; it is a URL such as https://name.vault.azure.net")
            return ""
        return judged_url(key, value, self.problems)

    def events(self, key: str, default: str) -> frozenset[str]:
        events = frozenset(part.strip() for part in (self.text(key, default) or "").split(",") if part.strip())
        if ended := sorted(events & _EVENTS_OF_ENDED_RUNS):
            self.problems.append(f"{key} names {', '.join(ended)}, which come when a run has ended: nothing to cancel")
        return events
