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
from cancel_run.settings_reader import SettingsReader
from cancel_run.workspaces import Auth, Workspace, looks_like_a_token, read_workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_ORDER_AGE_SECONDS = 30 * 24 * 3600
CONCURRENT_ACTIVITIES = 20  # host.json's maxConcurrentActivityFunctions

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")

LONGEST_HTTP_TIMEOUT_SECONDS = 100.0  # twice, and there is time left until host.json's functionTimeout
DEFAULT_QUEUE_NAME = "cancel-active-run"

# not jobs.on_streaming_backlog_exceeded: a backlog is of continuous jobs, which start again at once, so to cancel loops
DEFAULT_EVENTS = "jobs.on_duration_warning_threshold_exceeded"


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
    max_runs_per_alert: int
    alerts_dry_run: bool
    alerts_may_cancel_jobs: bool
    history_retention_days: int
    concurrent_activities: int
    reserved_activities: int
    behind_entra: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in ``environ``; an empty value is the same as none.

        Raises:
            SettingsError: with every problem of every setting.
        """
        read = SettingsReader(environ)
        workspaces = read_workspaces(environ, read.problems)
        default = read.text("DEFAULT_WORKSPACE", next(iter(workspaces)) if len(workspaces) == 1 else None)
        if workspaces and default is not None and default not in workspaces:
            read.problems.append(
                f"DEFAULT_WORKSPACE is '{default}', which is not one of {', '.join(sorted(workspaces))}"
            )
        with_vault = any(one.auth is not Auth.MANAGED_IDENTITY for one in workspaces.values()) or not workspaces
        key_vault_uri = read.url("KEY_VAULT_URI", required=with_vault)
        schedule = Schedule(
            first_seconds=read.number("POLL_FIRST_SECONDS", 1.0, 0.05, 3600.0),
            max_seconds=read.number("POLL_MAX_SECONDS", 60.0, 0.05, 3600.0),
            cancel_again_after_seconds=read.number("CANCEL_AGAIN_AFTER_SECONDS", 120.0, 1.0, LONGEST_WAIT_SECONDS),
            retry_after_ceiling_seconds=read.number("RETRY_AFTER_MAX_SECONDS", 60.0, 1.0, 3600.0),
            order_max_age_seconds=read.number("ORDER_MAX_AGE_SECONDS", 86_400.0, 60.0, LONGEST_ORDER_AGE_SECONDS),
        )
        if schedule.first_seconds > schedule.max_seconds:
            read.problems.append("POLL_FIRST_SECONDS is larger than POLL_MAX_SECONDS")
        concurrent = int(read.number("CONCURRENT_ACTIVITIES", CONCURRENT_ACTIVITIES, 3, 1000, whole=True, unit="calls"))
        reserve = max(2, concurrent // 4)
        settings = cls(
            workspaces=workspaces,
            default_workspace=default,
            key_vault_uri=key_vault_uri,
            jobs_api_version=read.choice("JOBS_API_VERSION", "2.1", ("2.1", "2.2")),
            schedule=schedule,
            wait_timeout_seconds=int(read.number("WAIT_TIMEOUT_SECONDS", 3600, 1, LONGEST_WAIT_SECONDS, whole=True)),
            http_timeout_seconds=read.number("HTTP_TIMEOUT_SECONDS", 10.0, 0.1, LONGEST_HTTP_TIMEOUT_SECONDS),
            cancel_on_events=read.events("CANCEL_ON_EVENTS", DEFAULT_EVENTS),
            max_runs_per_alert=int(read.number("MAX_RUNS_PER_ALERT", 100, 1, 10_000, whole=True, unit="runs")),
            alerts_dry_run=read.flag("ALERTS_DRY_RUN"),
            alerts_may_cancel_jobs=read.flag("ALERTS_MAY_CANCEL_JOBS"),
            history_retention_days=int(read.number("HISTORY_RETENTION_DAYS", 30, 8, 3650, whole=True, unit="days")),
            concurrent_activities=concurrent,
            reserved_activities=int(
                read.number("RESERVED_ACTIVITIES", reserve, 1, concurrent - 1, whole=True, unit="calls")
            ),
            behind_entra=(read.text("HTTP_AUTH_LEVEL", None) or "").lower() == "anonymous",
        )
        read.collect(queue_name)
        read.collect(allows_anonymous)
        if read.problems:
            raise SettingsError(read.problems)
        return settings

    @property
    def places_of_a_workspace(self) -> int:
        """How many activities of this process one workspace may hold: all but the reserve, or all where it is alone."""
        alone = len(self.workspaces) <= 1
        return self.concurrent_activities if alone else self.concurrent_activities - self.reserved_activities

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


def environment() -> Mapping[str, str]:
    """The process's environment, for the composition root."""
    return os.environ


def problems_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the settings in ``environ``, one a line; for who wants to know before the first request."""
    try:
        Settings.from_environ(environ)
    except SettingsError as error:
        return error.problems
    return ()


def queue_name(environ: Mapping[str, str]) -> str:
    """``CANCEL_QUEUE_NAME``: needed before anything else, because triggers are declared with it.

    Raises:
        SettingsError: it is not a name that Azure Storage takes for a queue.
    """
    name = environ.get("CANCEL_QUEUE_NAME") or DEFAULT_QUEUE_NAME
    if looks_like_a_token(name):
        raise SettingsError(["CANCEL_QUEUE_NAME is not repeated: it looks like a token. If it is one, revoke it"])
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
