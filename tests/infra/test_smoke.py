"""infra/smoke.sh against the app on this machine, and against an Azure of our own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aiohttp import web

from function_app import create_app
from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.run_life import Life, canceling
from local_host.keys import Keys
from tests.support import ROOT
from tests.support.page import Page
from tests.support.the_token import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SMOKE = ROOT / "infra/smoke.sh"
SECONDS = 60.0
KEY = "a-key"

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="there is no bash or no curl on this machine"
)


def smoke(*arguments: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "FUNCTION_KEY": "", "QUEUE_SECONDS": "5", "TELEMETRY_SECONDS": "0", **environ}
    return subprocess.run(  # noqa: S603  # our own script
        [str(SMOKE), *arguments],
        env={key: value for key, value in given.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def points(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What is told of each point, without the facts behind a colon."""
    told = re.findall(r"^(OK|NOT OK|not asked|by hand)  +([^:\n]+)", done.stdout, re.MULTILINE)
    return {point: word for word, point in told}


@pytest.fixture
def host(start_host: Callable[..., LocalHost], environ: dict[str, str]) -> LocalHost:
    """The app, asking for a key; whatever is written to its queue comes to it by its other door."""
    started: list[LocalHost] = []

    def deliver(_: Any, message: bytes) -> None:
        url = f"{started[0].url}/api/cancel-active-run"
        requests.post(
            url, message, headers={"x-functions-key": KEY, "Content-Type": "application/json"}, timeout=SECONDS
        )

    started.append(start_host(environ, outputs={"queue": deliver}, keys=Keys((KEY,))))
    return started[0]


@pytest.fixture
def azure(tmp_path: Path) -> Callable[..., str]:
    """A path with ``az`` and ``azd`` of our own; each is what ``sh`` does with its arguments."""

    def made(**programs: str) -> str:
        for name, does in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o755)
        return f"{tmp_path}:{os.environ['PATH']}"

    return made


# what Azure answers where all is well: az by its first three words
WELL = {
    "functionapp function list": "for name in $FUNCTIONS; do echo APP_NAME/$name; done",
    "keyvault secret list": "",
    "resource list --resource-group": "echo /the/insights",
    "monitor app-insights query": "echo 1",
    "functionapp keys list": f"echo {KEY}",
}


def az(**instead: str) -> str:
    names = " ".join(function.get_function_name() for function in create_app({}).get_functions())
    answers = WELL | {key.replace("_", " "): does for key, does in instead.items()}
    cases = "\n".join(f'"{words}") {does or ":"};;' for words, does in answers.items())
    return f'FUNCTIONS="{names}"\ncase "$1 $2 $3" in\n{cases}\n*) exit 3;;\nesac'


def azd(url: str) -> str:
    return f'case "$3" in APP_URL) echo {url};; APP_AUDIENCE) echo;; *) echo "$3";; esac'


# -- point by point ----------------------------------------------------------------------------------------------------


def test_where_all_is_well_every_point_is_ok_or_by_hand(
    host: LocalHost, workspace: JobsApi, azure: Callable[..., str]
) -> None:
    run_id = workspace.add_run(canceling(0.3))
    done = smoke(str(run_id), PATH=azure(az=az(), azd=azd(host.url)), FUNCTION_KEY=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The run is stopped: canceled, TERMINATED CANCELED" in done.stdout
    assert workspace.count("cancel", run_id) == 1
    told = points(done)
    assert set(told.values()) == {"OK", "by hand"}
    page = Page("docs/operations.md").rows("To be confirmed by a real deployment")
    assert {row[0]: row[1] for row in page} == {
        point: "by hand" if word == "by hand" else "`smoke.sh`" for point, word in told.items()
    }
    assert KEY not in done.stdout


WRONG = {
    "functionapp_function_list": "echo APP_NAME/startFromHttp",
    "keyvault_secret_list": "echo databricks-token",
    "monitor_app-insights_query": "echo 0",
}


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        (
            WRONG,
            {
                "The bundle": "missing: listCancellations getCancellation",
                "Each secret": "set without --expires: databricks-token",
                "The event": "no such row in Application Insights",
                "Requests": "no such row in Application Insights",
            },
        ),
        (
            dict.fromkeys([*WRONG, "resource_list_--resource-group"], "exit 1"),
            {
                "The bundle": "az cannot list the functions",
                "Each secret": "az cannot list the secrets",
                "The event": "no such row in Application Insights",
                "Requests": "no such row in Application Insights",
            },
        ),
    ],
)
def test_what_azure_does_not_confirm_is_not_ok(
    instead: dict[str, str], told: dict[str, str], host: LocalHost, workspace: JobsApi, azure: Callable[..., str]
) -> None:
    run_id = str(workspace.add_run(canceling(0.1)))
    done = smoke(run_id, PATH=azure(az=az(**instead), azd=azd(host.url)), FUNCTION_KEY=None)
    assert done.returncode == 1
    for point, wrong in told.items():
        assert re.search(rf"^NOT OK  +{point}[^:]*: {wrong}", done.stdout, re.MULTILINE), point
    assert list(points(done).values()).count("NOT OK") == len(told)


def test_what_only_azure_knows_is_not_asked_of_an_app_that_is_named_without_its_azure(
    host: LocalHost, workspace: JobsApi, azure: Callable[..., str]
) -> None:
    another = azure(az=az(), azd=azd("http://another.example"))
    done = smoke(str(workspace.add_run(canceling(0.1))), APP_URL=host.url, FUNCTION_KEY=KEY, PATH=another)
    assert done.returncode == 0
    assert [point for point, word in points(done).items() if word == "not asked"] == [
        "The bundle brings the extensions, and the host has every function",
        "Each secret of the vault says when it expires",
        "The event is in traces, with its category in customDimensions",
        "Requests have the function in name and the status code in resultCode",
    ]


def test_a_queue_that_loses_alerts_is_not_ok(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    host = start_host(environ, outputs={"queue": lambda *_: None})
    done = smoke(str(workspace.add_run(canceling(0.1))), APP_URL=host.url, QUEUE_SECONDS="0")
    assert done.returncode == 1
    assert points(done)["An alert goes into the queue and comes out of it"] == "NOT OK"
    assert points(done)["Whoever shows nothing is refused"] == "not asked"  # this app asks nobody for a key


def test_the_workspace_can_be_named(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(0.1))
    done = smoke(str(run_id), "prod", APP_URL=host.url, FUNCTION_KEY=KEY)
    assert (done.returncode, f"prod-{run_id}: begun" in done.stdout) == (0, True)
    assert smoke(str(run_id), "elsewhere", APP_URL=host.url, FUNCTION_KEY=KEY).returncode == 2


def test_a_run_that_does_not_stop_is_a_failure(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(ignored_cancels=99))
    done = smoke(str(run_id), APP_URL=host.url, FUNCTION_KEY=KEY, WAIT_TIMEOUT_SECONDS="1")
    assert done.returncode == 1
    assert "The run is not stopped: timedOut" in done.stderr
    assert points(done)["The app reads the vault, and Databricks takes the token"] == "OK"


def test_a_secret_that_is_missing_is_told(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    named = json.dumps({"prod": {"host": workspace.url, "tokenSecret": "not-there-yet"}})
    host = start_host({**environ, "DATABRICKS_WORKSPACES": named}, outputs={"queue": lambda *_: None})
    done = smoke(str(workspace.add_run()), APP_URL=host.url, QUEUE_SECONDS="0")
    assert done.returncode == 1
    assert "The run is not stopped: rejected" in done.stderr
    assert "there is no such secret. Put the Databricks token into it." in done.stderr
    assert "Databricks takes the token: SecretNotFound" in done.stdout


def test_a_run_that_nobody_knows_is_no_fault_of_the_token(host: LocalHost) -> None:
    done = smoke("999", APP_URL=host.url, FUNCTION_KEY=KEY)
    assert done.returncode == 1
    assert "The run is not stopped: rejected" in done.stderr
    assert points(done)["The app reads the vault, and Databricks takes the token"] == "OK"


def test_an_order_that_is_refused_leaves_nothing_in_the_queue(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    written: list[Any] = []
    two = json.dumps({name: {"host": workspace.url, "tokenSecret": SECRET} for name in ("prod", "test")})
    settings = {**environ, "DATABRICKS_WORKSPACES": two}
    host = start_host(settings, outputs={"queue": lambda *given: written.append(given)})
    done = smoke(str(workspace.add_run()), APP_URL=host.url)
    assert (done.returncode, written) == (2, [])
    assert "answered 400" in done.stderr


# -- who is asked, and with what ---------------------------------------------------------------------------------------


def test_a_door_that_stands_open_is_told_and_nothing_is_canceled(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    host = start_host(environ, outputs={"queue": lambda *_: None})  # it asks nobody for a key
    done = smoke(str(run_id), APP_URL=host.url, FUNCTION_KEY=KEY)
    assert done.returncode == 2
    assert "and not 401 at /api/cancel-active-run: the endpoint is open" in done.stderr
    assert workspace.count("cancel", run_id) == 0


@pytest.fixture
def endpoint(servers: BackgroundServers) -> tuple[str, list[dict[str, str]]]:
    """An app that refuses everybody, its URL, and the headers of those who came."""
    came: list[dict[str, str]] = []

    async def refuse(request: web.Request) -> web.Response:
        came.append({key.lower(): value for key, value in request.headers.items()})
        return web.Response(status=400 if {"x-functions-key", "authorization"} & set(came[-1]) else 401, text="{}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    return f"http://{LOOPBACK}:{servers.serve(app)}", came


@pytest.mark.parametrize(
    ("audience", "header", "shown"),
    [("", "x-functions-key", "from-az"), ("api://app", "authorization", "Bearer from-az")],
)
def test_azd_knows_where_the_app_is_and_az_what_to_show(
    audience: str,
    header: str,
    shown: str,
    endpoint: tuple[str, list[dict[str, str]]],
    azure: Callable[..., str],
    tmp_path: Path,
) -> None:
    url, came = endpoint
    known = f'case "$3" in APP_URL) echo {url};; APP_AUDIENCE) echo "{audience}";; *) echo "$3";; esac'
    path = azure(azd=known, az=f'echo "$@" >> {tmp_path}/asked; echo from-az')
    done = smoke("7", PATH=path, FUNCTION_KEY=None)
    assert done.returncode == 2
    assert [one.get(header) for one in came] == [None] * 5 + [shown] * 2
    asked = (tmp_path / "asked").read_text()
    assert ("functionapp keys list --resource-group AZURE_RESOURCE_GROUP --name APP_NAME" in asked) is not bool(
        audience
    )
    assert (f"get-access-token --resource {audience}" in asked) is bool(audience)


# -- the exit code -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_is_no_error(asked: str) -> None:
    done = smoke(asked, APP_URL=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: infra/smoke.sh RUN_ID [WORKSPACE]\n")


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        ([], {}, "usage: infra/smoke.sh RUN_ID"),
        (["7", "prod", "more"], {}, "usage: infra/smoke.sh RUN_ID"),
        ([""], {}, "is no run id"),
        (["--no-such-option"], {}, "is no run id"),
        (["prod"], {}, "is no run id"),
        (["0"], {}, "is no run id"),
        (["-7"], {}, "is no run id"),
        (["7;id"], {}, "is no run id"),
        (["7"], {"WAIT_TIMEOUT_SECONDS": "soon"}, "is no number of seconds"),
        (["7"], {"WAIT_TIMEOUT_SECONDS": ""}, "is no number of seconds"),
        (["7"], {"TELEMETRY_SECONDS": "1.5"}, "is no number of seconds"),
        (["7"], {}, "APP_URL is not set"),
        (["7"], {"APP_URL": f"http://{LOOPBACK}:1"}, "does not answer"),  # a port that nobody listens on
        (["7"], {"APP_URL": f"http://{LOOPBACK}:1", "FUNCTION_KEY": None, "APP_AUDIENCE": "api://app"}, "no token for"),
    ],
)
def test_a_wrong_call_or_an_app_that_cannot_be_asked_is_2(
    arguments: list[str], environ: dict[str, str | None], told: str, azure: Callable[..., str]
) -> None:
    done = smoke(*arguments, PATH=azure(az="exit 1", azd="exit 1"), **environ)
    assert (done.returncode, "begun" in done.stdout) == (2, False)
    assert told in done.stderr
