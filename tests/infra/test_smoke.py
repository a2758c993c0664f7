"""infra/smoke.sh against the app on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.run_life import Life, canceling
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SMOKE = ROOT / "infra/smoke.sh"
SECONDS = 60.0

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="there is no bash or no curl on this machine"
)


def smoke(*arguments: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "FUNCTION_KEY": "", **environ}
    return subprocess.run(  # noqa: S603  # our own script
        [str(SMOKE), *arguments],
        env={key: value for key, value in given.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_run_that_stops_is_a_success(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(0.3))
    done = smoke(str(run_id), APP_URL=host.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The run is stopped: canceled, TERMINATED CANCELED" in done.stdout
    assert workspace.count("cancel", run_id) == 1


def test_the_workspace_can_be_named(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    assert f"prod-{run_id}: begun" in smoke(str(run_id), "prod", APP_URL=host.url).stdout
    assert smoke(str(run_id), "elsewhere", APP_URL=host.url).returncode == 2


def test_a_run_that_does_not_stop_is_a_failure(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(ignored_cancels=99))
    done = smoke(str(run_id), APP_URL=host.url, WAIT_TIMEOUT_SECONDS="1")
    assert done.returncode == 1
    assert "The run is not stopped: timedOut" in done.stderr


def test_a_secret_that_is_missing_is_told(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    named = json.dumps({"prod": {"host": workspace.url, "tokenSecret": "not-there-yet"}})
    host = start_host({**environ, "DATABRICKS_WORKSPACES": named})
    done = smoke(str(workspace.add_run()), APP_URL=host.url)
    assert done.returncode == 1
    assert "The run is not stopped: rejected" in done.stderr
    assert "there is no such secret. Put the Databricks token into it." in done.stderr
    assert '"SecretNotFound"' in done.stdout


def test_a_door_that_stands_open_is_told_and_nothing_is_cancelled(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    done = smoke(str(run_id), APP_URL=host.url, FUNCTION_KEY="a-key")  # the local host asks nobody for a key
    assert done.returncode == 2
    assert "and not 401: the endpoint is open" in done.stderr
    assert workspace.count("cancel", run_id) == 0


@pytest.fixture
def endpoint(servers: BackgroundServers) -> tuple[str, list[dict[str, str]]]:
    """An app that refuses everybody, its URL, and the headers of those who came."""
    came: list[dict[str, str]] = []

    async def refuse(request: web.Request) -> web.Response:
        came.append({key.lower(): value for key, value in request.headers.items()})
        return web.Response(status=400 if {"x-functions-key", "authorization"} & set(came[-1]) else 401, text="{}")

    app = web.Application()
    app.router.add_post("/api/cancel-active-run", refuse)
    return f"http://{LOOPBACK}:{servers.serve(app)}", came


def test_a_key_is_shown_in_a_header(endpoint: tuple[str, list[dict[str, str]]]) -> None:
    url, came = endpoint
    assert smoke("7", APP_URL=url, FUNCTION_KEY="a-key").returncode == 2
    assert [one.get("x-functions-key") for one in came] == [None, "a-key"]


@pytest.mark.parametrize(
    ("audience", "header", "shown"),
    [("", "x-functions-key", "from-az"), ("api://app", "authorization", "Bearer from-az")],
)
def test_azd_knows_where_the_app_is_and_az_what_to_show(
    audience: str, header: str, shown: str, endpoint: tuple[str, list[dict[str, str]]], tmp_path: Path
) -> None:
    url, came = endpoint
    known = f'case "$3" in APP_URL) echo {url};; APP_AUDIENCE) echo "{audience}";; *) echo "$3";; esac'
    for name, does in {"azd": known, "az": f'echo "$@" >> {tmp_path}/asked; echo from-az'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = smoke("7", PATH=f"{tmp_path}:{os.environ['PATH']}", FUNCTION_KEY=None)
    assert done.returncode == 2
    assert [one.get(header) for one in came] == [None, shown]
    asked = (tmp_path / "asked").read_text()
    assert ("functionapp keys list --resource-group AZURE_RESOURCE_GROUP --name APP_NAME" in asked) is not bool(
        audience
    )
    assert (f"get-access-token --resource {audience}" in asked) is bool(audience)


def test_an_app_that_does_not_answer_is_told() -> None:
    done = smoke("7", APP_URL=f"http://{LOOPBACK}:1")  # a port that nobody listens on
    assert done.returncode == 2
    assert "does not answer" in done.stderr


def test_an_app_that_nobody_has_named_is_told() -> None:
    done = smoke("7")
    assert done.returncode == 2
    assert "APP_URL is not set" in done.stderr
