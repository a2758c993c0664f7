"""Secrets that expire are told before they do: in the log once a day, in the progress and in the result."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from azure.functions.timer import TimerRequest

from tests.support.caller import cancel
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.key_vault import KeyVault
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

DAY = 24 * 3600
CLIENT_ID = "11112222-3333-4444-5555-666677778888"


def in_days(days: float) -> int:
    return int(time.time() + days * DAY)


def z(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def lines(
    start_host: Callable[..., LocalHost], environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> Callable[[dict[str, Any]], list[str]]:
    """What the daily look at these workspaces writes down."""

    def looked(workspaces: dict[str, Any]) -> list[str]:
        caplog.set_level(logging.INFO, "cancel_run.token_watch")
        host = start_host({**environ, "DATABRICKS_WORKSPACES": json.dumps(workspaces)})
        timer = next(one for one in host.functions if one.get_function_name() == "watchTokens")
        host.servers.run(host.call(timer, TimerRequest()))
        return [record.getMessage() for record in caplog.records if record.name == "cancel_run.token_watch"]

    return looked


@pytest.mark.parametrize(("days", "left"), [(13.5, 13), (0.5, 0), (-2.5, -3)])
def test_a_secret_that_expires_soon_is_told_with_its_workspace_and_the_days_left(
    days: float, left: int, lines: Callable[[dict[str, Any]], list[str]], vault: KeyVault
) -> None:
    vault.expire(SECRET, at := in_days(days))
    (line,) = lines({"prod": {"host": "https://prod.example", "tokenSecret": SECRET}})
    assert line.startswith('{"event":"tokenExpires",')
    assert json.loads(line) == {
        "event": "tokenExpires",
        "workspace": "prod",
        "auth": "keyVault",
        "expiresAt": z(at),
        "daysLeft": left,
    }
    assert TOKEN not in line


def test_the_secret_of_oauth_is_watched_and_an_identity_has_none(
    lines: Callable[[dict[str, Any]], list[str]], vault: KeyVault
) -> None:
    vault.expire(SECRET, in_days(3.5))
    told = lines(
        {
            "a": {"host": "https://a.example", "auth": "oauth", "clientId": CLIENT_ID, "tokenSecret": SECRET},
            "b": {"host": "https://b.example", "auth": "managedIdentity"},
        }
    )
    assert [(one["workspace"], one["auth"], one["daysLeft"]) for one in map(json.loads, told)] == [("a", "oauth", 3)]


def test_what_expires_late_or_never_is_not_told_and_what_cannot_be_read_is(
    lines: Callable[[dict[str, Any]], list[str]], vault: KeyVault
) -> None:
    vault.set_secret("late", TOKEN)
    vault.expire("late", in_days(15))
    told = lines(
        {name: {"host": f"https://{name}.example", "tokenSecret": name} for name in ("late", SECRET, "not-there")}
    )
    assert told == ["When the token of workspace 'not-there' expires is not known: SecretNotFound"]


def test_the_result_says_when_the_token_expires_and_only_where_that_is_soon(
    host: LocalHost, vault: KeyVault, workspace: JobsApi, start_host: Callable[..., LocalHost], environ: dict[str, str]
) -> None:
    result = cancel(host, workspace.add_run())
    assert "tokenExpiresAt" not in result
    vault.expire(SECRET, at := in_days(5))
    result = cancel(start_host(environ), workspace.add_run())
    assert datetime.fromisoformat(result["tokenExpiresAt"]).timestamp() == at
    assert result["outcome"] == "canceled"


@pytest.mark.parametrize("at", [10**12, 10**18, -(10**18), 0])
def test_a_date_that_is_none_stands_in_no_cancellations_way(
    at: int, host: LocalHost, vault: KeyVault, workspace: JobsApi
) -> None:
    vault.expire(SECRET, at)
    result = cancel(host, workspace.add_run())
    assert (result["outcome"], "tokenExpiresAt" in result) == ("canceled", at == 0)


def test_a_token_that_is_refused_because_it_has_expired_is_told_with_its_date(
    start_host: Callable[..., LocalHost], environ: dict[str, str], vault: KeyVault, workspace: JobsApi
) -> None:
    vault.expire(SECRET, at := in_days(-1))
    workspace.tokens = {"another one"}
    result = cancel(start_host(environ), workspace.add_run())
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "TokenRejected")
    assert datetime.fromisoformat(result["tokenExpiresAt"]).timestamp() == at
