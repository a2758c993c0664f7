"""A cancellation goes on, and its exit code is the outcome's, whatever has become of stdout and stderr."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support.serve_process import FOLDER, ended, environment
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0
FULL = "/dev/full"

pytestmark = pytest.mark.skipif(not Path(FULL).exists(), reason="this system has no /dev/full")


def shell(command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command, with LOCAL_HOST in it, as a shell runs it; its exit code is that of LOCAL_HOST."""
    program = shlex.join([sys.executable, "-m", "local_host"])
    return ended(["bash", "-c", f"{command.replace('LOCAL_HOST', program)}; exit ${{PIPESTATUS[0]}}"], settings)


def canceled(command: str, workspace: JobsApi) -> subprocess.CompletedProcess[str]:
    """What came of the command, which has stopped a run."""
    run_id = workspace.add_run()
    done = shell(f"LOCAL_HOST cancel {run_id} {command}", DATABRICKS_HOST=workspace.url, LOCAL_DATABRICKS_TOKEN=TOKEN)
    assert (done.returncode, workspace.state_of(run_id)) == (0, "TERMINATED"), done.stderr
    assert "fault of the program" not in done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("lost", ["2>/dev/full", "<&- 2>&-"])
def test_the_result_is_told_where_the_progress_cannot_be(lost: str, workspace: JobsApi) -> None:
    assert json.loads(canceled(lost, workspace).stdout)["outcome"] == "canceled"


@pytest.mark.parametrize("lost", ["--quiet >/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_told_on_stderr(lost: str, workspace: JobsApi) -> None:
    said = canceled(lost, workspace).stderr.splitlines()[-1]
    assert said.startswith("The result cannot be written (")
    assert said.endswith("The outcome: canceled.")


@pytest.mark.parametrize("lost", ["2>&1 | head -1", "| true"])
def test_a_reader_that_goes_away_ends_nothing(lost: str, workspace: JobsApi) -> None:
    assert "cannot be written" not in canceled(lost, workspace).stderr


def test_help_does_not_complain_of_a_reader_that_goes_away() -> None:
    done = shell("LOCAL_HOST --help | true")
    assert (done.returncode, done.stderr) == (0, "")


def test_serve_goes_on_when_nobody_reads_its_log(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    with subprocess.Popen(  # our own interpreter
        [sys.executable, "-m", "local_host", "serve", "--port", "0"],
        cwd=FOLDER,
        env=environment({"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN}),
        stdout=subprocess.PIPE,
        text=True,
    ) as serve:
        try:
            assert serve.stdout is not None
            with serve.stdout as lines:
                url = next(line.split()[-1] for line in lines if line.startswith("listening on "))
            order = {"runId": run_id}
            assert requests.post(f"{url}/api/cancel-active-run", json=order, timeout=SECONDS).status_code == 202
            workspace.wait_for(lambda seen: seen.count("cancel", run_id) == 1)
            assert requests.get(f"{url}/api/openapi.json", timeout=SECONDS).status_code == 200
            serve.terminate()
            assert serve.wait(SECONDS) == 0
        finally:
            serve.kill()
