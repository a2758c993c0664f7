"""The commands that a person types, run as processes."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
import time
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
import requests

from local_host.emulators.run_life import Life
from tests.support.drips import DRIPS
from tests.support.job_caller import JOB, of
from tests.support.raw_server import DROP_SECONDS, RawConnection, RawServer
from tests.support.serve_process import ServeProcess, ended, pasted, serving
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return ended([sys.executable, "-m", "local_host", *arguments], settings)


def test_the_demo_cancels_a_run_and_shows_the_states_as_they_pass() -> None:
    # settings of a real workspace in the shell are none of the demo's business
    done = run("demo", DATABRICKS_HOST="https://a-real-one.example", KEY_VAULT_URI="https://a-real-vault.example")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert (result["finalLifeCycleState"], result["resultState"]) == ("TERMINATED", "CANCELED")
    assert result["outcome"] == "canceled"
    lines = re.findall(r"^ *[0-9.]+ s  (\w+)", done.stderr, re.MULTILINE)
    shown = [word for word in lines if word.isupper() and word != "POST"]
    # a state has a line of its own for each cancel that is accepted in it
    assert [state for state, _ in groupby(shown)] == ["RUNNING", "TERMINATING", "TERMINATED"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_serve_prints_a_curl_line_that_works() -> None:
    with serving() as process:
        assert process.url in process.curl
        done = pasted(process.curl)
        assert done.stdout.startswith("HTTP/1.1 202"), done.stderr


def test_serve_uses_a_workspace_that_is_set_and_a_token_that_is_given(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    with serving(DATABRICKS_HOST=workspace.url, LOCAL_DATABRICKS_TOKEN=TOKEN) as process:
        requests.post(f"{process.url}/api/cancel-active-run", json={"runId": run_id}, timeout=SECONDS)
        workspace.wait_for(lambda seen: seen.count("cancel", run_id) == 1)
    assert {call.status_code for call in workspace.calls} == {200}


def test_the_emulated_workspace_has_one_id_and_the_app_knows_the_page_that_it_names() -> None:
    with serving() as process:
        said = "".join(process.output)
        workspace, number = re.findall(r"^workspace default: (\S+) .*workspace id (\d+)", said, re.MULTILINE)[0]
        token, run_id = re.findall(r"DATABRICKS_TOKEN=(\S+)", said)[0], int(re.findall(r"runs (\d+) to", said)[0])
        run = requests.get(
            f"{workspace}/api/2.2/jobs/runs/get",
            params={"run_id": run_id},
            headers={"Authorization": f"Bearer {token}"},
            timeout=SECONDS,
        ).json()
        order = {"runPageUrl": run["run_page_url"], "dryRun": True}
        accepted = requests.post(f"{process.url}/api/cancel-active-run", json=order, timeout=SECONDS)
        assert (accepted.status_code, accepted.json()["runId"]) == (202, run_id), accepted.text
        about = requests.get(f"{workspace}/.well-known/databricks-config", timeout=SECONDS).json()
        assert about["workspace_id"] == number


@pytest.mark.parametrize("drip", [None, "header", "endless 100 Continue"])
def test_a_signal_ends_serve_within_five_seconds_whatever_the_workspace_does(drip: str | None) -> None:
    script = DRIPS[drip].script(DROP_SECONDS) if drip else RawConnection.hang
    with RawServer(script) as workspace:
        process = ServeProcess(
            {"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN, "HTTP_TIMEOUT_SECONDS": "100"}
        )
        try:
            assert process.listens()
            requests.post(f"{process.url}/api/cancel-active-run", json={"runId": 7}, timeout=SECONDS)
            assert workspace.connected.wait(SECONDS)
            started = time.monotonic()
            process.stop()
            assert time.monotonic() - started < 5
        finally:
            process.end()


def test_cancel_exits_0_when_the_run_is_stopped(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    done = run("cancel", str(run_id), "--reason", "a test", DATABRICKS_HOST=workspace.url, LOCAL_DATABRICKS_TOKEN=TOKEN)
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "canceled")
    assert json.loads(done.stdout)["reason"] == "a test"


def test_cancel_stops_every_active_run_of_a_job(workspace: JobsApi) -> None:
    runs = [workspace.add_run(of()) for _ in range(3)]
    other = workspace.add_run()
    settings = {"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN}
    done = run("cancel", "--job", str(JOB), "--reason", "a test", **settings)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["outcome"], sorted(one["runId"] for one in result["runs"])) == ("stopped", runs)
    assert "3 found" in done.stderr
    assert workspace.state_of(other) == "RUNNING"
    none = run("cancel", "--job", str(JOB), **settings)
    assert (none.returncode, "no such run was found: is it the id of a job?" in none.stderr) == (0, True)
    assert run("cancel", "--job", str(JOB), str(other), **settings).returncode == 2
    refused = run("cancel", str(other), "--only", "queued", **settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--only and --max-runs are for --job." in refused.stderr


def test_a_rehearsal_exits_0_when_nothing_stands_in_the_way_and_1_when_something_does(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    settings = {"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN}
    done = run("cancel", str(run_id), "--dry-run", **settings)
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "wouldCancel")
    done = run("cancel", str(run_id), "--dry-run", **settings, DATABRICKS_PROTECTED_JOBS="11223344")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (1, "rejected")
    assert workspace.count("cancel") == 0


def test_cancel_takes_the_url_of_the_runs_page(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    settings = {"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN}
    done = run("cancel", f"{workspace.url}/jobs/11223344/runs/{run_id}?o=1", "--dry-run", **settings)
    assert (done.returncode, json.loads(done.stdout)["runId"]) == (0, run_id)
    done = run("cancel", "https://elsewhere.example/jobs/1/runs/2", **settings)
    assert done.returncode == 2
    assert "is of no workspace of the settings" in done.stdout


def test_cancel_exits_1_when_the_run_is_not_stopped(workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(ignored_cancels=99))
    done = run("cancel", str(run_id), "--timeout", "1", DATABRICKS_HOST=workspace.url, LOCAL_DATABRICKS_TOKEN=TOKEN)
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (1, "timedOut")


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["0"], {"DATABRICKS_HOST": "https://x.example", "LOCAL_DATABRICKS_TOKEN": "t"}, "runId must be"),
        (["1", "--workspace", "b"], {"DATABRICKS_HOST": "https://x.example", "LOCAL_DATABRICKS_TOKEN": "t"}, "'b'"),
        (["1"], {"DATABRICKS_HOST": "http://x.example", "LOCAL_DATABRICKS_TOKEN": "t"}, "DATABRICKS_HOST must be"),
        (["1"], {"DATABRICKS_HOST": "https://x.example"}, "LOCAL_DATABRICKS_TOKEN"),
        (["1"], {}, "DATABRICKS_HOST"),
    ],
)
def test_cancel_exits_2_for_a_bad_request_or_setting_and_names_it(
    arguments: list[str], settings: dict[str, str], said: str
) -> None:
    done = run("cancel", *arguments, **settings)
    assert done.returncode == 2
    assert said in done.stdout + done.stderr


def test_serve_exits_2_when_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "is taken" in done.stderr


def test_the_line_that_serve_prints_is_taken_with_keys_on_too(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# ours\none\n\n two \n")
    with serving("--keys", str(keys)) as process:
        url = f"{process.url}/api/openapi.json"
        shown = [{}, {"x-functions-key": "# ours"}, {"x-functions-key": "one"}, {"x-functions-key": "two"}]
        answers = [requests.get(url, headers=headers, timeout=SECONDS).status_code for headers in shown]
        assert answers == [401, 401, 200, 200]
        assert pasted(process.curl).stdout.startswith("HTTP/1.1 202")


@pytest.mark.parametrize(("written", "said"), [(None, "cannot be read: No such file"), ("# none\n\n", "has no key")])
def test_serve_exits_2_when_its_keys_cannot_be_used(written: str | None, said: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    if written is not None:
        keys.write_text(written)
    done = run("serve", "--port", "0", "--keys", str(keys))
    assert done.returncode == 2
    assert said in done.stderr
