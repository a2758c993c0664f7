"""infra/smoke.sh against the app on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from local_host.background import LOOPBACK, BackgroundServers
from local_host.run_life import Life, canceling

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.databricks import JobsApi
    from local_host.host import LocalHost

SMOKE = Path(__file__).parent.parent / "infra/smoke.sh"
SECONDS = 60.0

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="there is no bash or no curl on this machine"
)


def smoke(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own script
        [str(SMOKE), *arguments],
        env={"PATH": os.environ["PATH"], "FUNCTION_KEY": "", **environ},
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
    assert "and not 401: the door is open" in done.stderr
    assert workspace.count("cancel", run_id) == 0


def test_the_key_is_shown_in_a_header(servers: BackgroundServers) -> None:
    seen: list[str | None] = []

    async def door(request: web.Request) -> web.Response:
        seen.append(request.headers.get("x-functions-key"))
        return web.Response(status=401 if seen[-1] is None else 400, text="{}")

    app = web.Application()
    app.router.add_post("/api/cancel-active-run", door)
    done = smoke("7", APP_URL=f"http://{LOOPBACK}:{servers.serve(app)}", FUNCTION_KEY="a-key")
    assert done.returncode == 2
    assert seen == [None, "a-key"]


def test_an_app_that_does_not_answer_is_told() -> None:
    done = smoke("7", APP_URL=f"http://{LOOPBACK}:1")  # a port that nobody listens on
    assert done.returncode == 2
    assert "does not answer" in done.stderr


def test_an_app_that_nobody_has_named_is_told() -> None:
    done = smoke("7")
    assert done.returncode == 2
    assert "APP_URL is not set" in done.stderr
