"""Hundreds of active runs of one job, a workspace that throttles, and an app that is killed: all stop, each once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local_host.emulators.run_life import STOPPED, TERMINAL, Row
from tests.support.job_caller import JOB, OTHER, of
from tests.support.serve_process import ServeProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

LIMIT = 20  # requests a second that the workspace takes
SECONDS = 60.0  # for one answer


@dataclass(frozen=True)
class Size:
    """How much of it: a run takes three requests and now and then a poll more."""

    runs: int
    joined: int  # of them are being canceled already
    end: int  # of them end by themselves meanwhile
    longest: float  # seconds until those have ended
    kills: int
    seconds: float  # the longest that it may take


SMALL = Size(30, joined=3, end=10, longest=9, kills=1, seconds=90)
FULL = Size(500, joined=20, end=250, longest=90, kills=5, seconds=900)


@pytest.fixture
def settings(environ: dict[str, str]) -> dict[str, str]:
    """The product's own waits, not the tests' short ones."""
    waits = ("POLL_FIRST_SECONDS", "POLL_MAX_SECONDS", "CANCEL_AGAIN_AFTER_SECONDS", "HTTP_TIMEOUT_SECONDS")
    return {key: value for key, value in environ.items() if key not in waits}


def ask(process: ServeProcess, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, process.url + path, json=body, timeout=SECONDS)


def result_of(process: ServeProcess, until: float) -> dict[str, Any]:
    """The result of the job, once there is one."""
    pause = threading.Event()  # nobody sets it
    while True:
        looked = ask(process, "GET", f"/api/cancel-active-runs/prod~job-{JOB}")
        if looked.status_code == 200:
            result: dict[str, Any] = looked.json()
            return result
        assert time.monotonic() < until, looked.text[:500]
        pause.wait(0.5)


def cancels_of(workspace: JobsApi) -> Counter[int]:
    """How often each run was canceled."""
    calls = (call for call in workspace.calls if call.operation == "cancel" and call.status_code == 200)
    return Counter(int(call.run_id) for call in calls)


@pytest.mark.soak
def test_all_active_runs_of_a_job_stop_under_a_limit_and_none_is_canceled_twice(
    soak: bool, tally: Callable[[str, int], None], settings: dict[str, str], workspace: JobsApi
) -> None:
    size = FULL if soak else SMALL
    chance = random.Random(19)  # noqa: S311  # no secret hangs on it
    stops = [(Row("TERMINATING", seconds=seconds), STOPPED[-1]) for seconds in (size.longest / 9, 2.0)]
    joined_ones = [workspace.add_run(of(after_cancel=stops[0])) for _ in range(size.joined)]
    runs = joined_ones + [
        workspace.add_run(of(after_cancel=stops[1])) for _ in range(size.runs - size.end - size.joined)
    ]
    ended = Row("TERMINATED", result="SUCCESS")
    lives = (chance.uniform(size.longest / 3, size.longest) for _ in range(size.end))
    by_themselves = [workspace.add_run(of(JOB, Row("RUNNING", seconds=seconds), ended)) for seconds in lives]
    other = workspace.add_run(of(OTHER))
    workspace.faults.throttle(LIMIT)
    process = ServeProcess(settings)
    try:
        assert process.listens()
        for run_id in joined_ones:
            assert ask(process, "POST", "/api/cancel-active-run", {"runId": run_id}).status_code == 202
        began = time.monotonic()
        for joined in (False, True):
            asked = ask(process, "POST", "/api/cancel-active-runs", {"jobId": JOB, "maxRuns": 1000})
            assert (asked.status_code, asked.json()["joined"]) == (202, joined)
        result = result_of(process, began + size.seconds)
        seconds = time.monotonic() - began
        process.stop()
    finally:
        process.end()

    assert (result["outcome"], result["startedMeanwhile"], result["truncated"]) == ("stopped", [], False)
    assert {workspace.state_of(run_id) for run_id in [*runs, *by_themselves]} <= TERMINAL
    assert {run["outcome"] for run in result["runs"]} <= {"canceled", "endedFirst", "alreadyEnded"}
    cancels = cancels_of(workspace)
    assert all(cancels[run_id] == 1 for run_id in runs)
    assert all(cancels[run_id] <= 1 for run_id in by_themselves)
    assert workspace.state_of(other) == "RUNNING"
    tally("active runs of one job stopped under a limit", len(result["runs"]))
    tally("of them canceled twice", sum(times > 1 for times in cancels.values()))
    tally("seconds that the job's runs took to stop", round(seconds))
    tally("requests for the job's runs", len(workspace.calls))
    tally("of them refused", sum(call.status_code == 429 for call in workspace.calls))


@pytest.mark.soak
def test_an_app_that_is_killed_goes_on_with_the_runs_of_a_job(
    soak: bool, tally: Callable[[str, int], None], environ: dict[str, str], workspace: JobsApi, tmp_path: Path
) -> None:
    size = FULL if soak else SMALL
    chance = random.Random(23)  # noqa: S311  # no secret hangs on it
    rows = (Row("TERMINATING", seconds=3.0), STOPPED[-1])
    runs = [workspace.add_run(of(after_cancel=rows)) for _ in range(size.runs)]
    settings = {**environ, "HTTP_TIMEOUT_SECONDS": "10"}
    for life in range(size.kills + 1):
        process = ServeProcess(settings, "--state", str(tmp_path / "journal.sqlite"))
        try:
            assert process.listens()
            if life == 0:
                asked = ask(process, "POST", "/api/cancel-active-runs", {"jobId": JOB, "maxRuns": 1000})
                assert asked.status_code == 202
            if life < size.kills:
                workspace.wait_for(lambda seen: seen.count("cancel") > 0, SECONDS)
                threading.Event().wait(chance.uniform(0.0, 2.0))
                process.kill()
            else:
                result = result_of(process, time.monotonic() + size.seconds)
                process.stop()
        finally:
            process.end()
    # the local host begins an instance again from its input, so that the last listing has what was active by then
    assert (result["outcome"], result["startedMeanwhile"]) == ("stopped", [])
    assert {workspace.state_of(run_id) for run_id in runs} <= TERMINAL
    assert all(run["stopped"] for run in result["runs"])
    tally("kills survived by the cancellation of a job's runs", size.kills)
