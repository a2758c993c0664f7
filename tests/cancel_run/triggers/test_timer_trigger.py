"""Old cancellations are forgotten, through the real SDK client and the durable endpoint."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import azure.durable_functions as df
import requests
from azure.functions.timer import TimerRequest

from cancel_run.settings import Settings
from cancel_run.triggers.timer_trigger import purge
from local_host.emulators.run_life import Life, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 20.0


class LaterClock:
    """A clock that is so many days ahead."""

    def __init__(self, days: float) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def night(host: LocalHost, environ: dict[str, str], days: float) -> None:
    """The purge of a night so many days from now."""
    client = df.DurableOrchestrationClient(host.client_binding)
    host.servers.run(purge(client, lambda: Settings.from_environ(environ), LaterClock(days)))


def test_what_has_ended_is_kept_for_the_days_of_the_setting_and_then_forgotten(
    host: LocalHost, environ: dict[str, str], workspace: JobsApi
) -> None:
    kept = {**environ, "HISTORY_RETENTION_DAYS": "10"}
    run_id = workspace.add_run()
    requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, timeout=SECONDS)
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    night(host, kept, days=9.9)
    assert host.engine.get(f"prod-{run_id}") is not None
    night(host, kept, days=10.1)
    assert host.engine.get(f"prod-{run_id}") is None
    night(host, kept, days=10.1)  # with nothing left to forget


def test_what_still_runs_is_never_forgotten(host: LocalHost, environ: dict[str, str], workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, timeout=SECONDS)
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    night(host, environ, days=400)
    assert host.engine.get(f"prod-{run_id}") is not None


def test_the_timer_purges_with_the_apps_own_settings(
    start_host: Callable[..., LocalHost], environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cancel_run.triggers.timer_trigger")
    host = start_host({**environ, "HISTORY_RETENTION_DAYS": "12"}, outputs={"queue": lambda *_: None})
    timer = next(function for function in host.functions if function.get_function_name() == "purgeHistory")
    host.servers.run(host.call(timer, TimerRequest()))
    assert caplog.messages == ["Purged 0 cancellations begun over 12 days ago"]
