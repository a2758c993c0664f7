"""Messages that name a job in place of a run: taken where the settings say so, and nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from cancel_run.job.request import JobRequest
from cancel_run.settings import Settings
from cancel_run.triggers.alerts import stored
from cancel_run.triggers.alerts.reading import read_alert
from tests.support.alerts import log_alert
from tests.support.job_caller import JOB, job_result, of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

ONE = {
    "DATABRICKS_WORKSPACES": '{"prod": {"host": "https://adb-7.1.azuredatabricks.net"}}',
    "KEY_VAULT_URI": "https://v",
}
OFF = Settings.from_environ(ONE)
ON = Settings.from_environ({**ONE, "ALERTS_MAY_CANCEL_JOBS": "true", "MAX_RUNS_PER_ALERT": "20"})


def read(message: Any, settings: Settings = ON) -> Any:
    return read_alert(json.dumps(message).encode(), settings)


@pytest.mark.parametrize("key", ["jobId", "job_id", "JobId", "JOB-ID", "JobId_s"])
def test_a_request_may_name_a_job_however_it_is_spelled(key: str) -> None:
    (asked,) = read({key: "5", "only": "queued", "reason": "too many", "maxRuns": 3}).requests
    expected = JobRequest(5, workspace="prod", only="queued", reason="too many", max_runs=3)
    assert asked.request == expected


def test_it_is_refused_by_default_and_the_setting_is_named() -> None:
    for message in ({"jobId": 5}, log_alert({"JobId": "5"})):
        alert = read(message, OFF)
        assert alert.requests == ()
        assert "names no run, but the job '5', and ALERTS_MAY_CANCEL_JOBS is not on" in alert.refused()


def test_rows_of_an_alert_name_jobs_and_each_job_is_asked_for_once() -> None:
    alert = read(log_alert({"JobId": "5"}, {"JobId": "6"}, {"JobId": "5"}, {"JobId": "none"}))
    assert [(asked.request.job_id, asked.request.max_runs) for asked in alert.requests] == [(5, 10), (6, 10)]
    assert "the job id 'none' cannot be used" in alert.refused()
    assert all(asked.request.requested_by == "azure-monitor" and asked.event for asked in alert.requests)


@pytest.mark.parametrize(
    ("runs", "jobs", "most"), [(0, 1, 20), (0, 2, 10), (0, 3, 6), (5, 2, 7), (18, 2, 1), (1, 19, 1)]
)
def test_the_jobs_of_an_alert_share_what_its_runs_leave_of_the_most_runs(runs: int, jobs: int, most: int) -> None:
    rows = [{"RunId": str(7 + number)} for number in range(runs)] + [
        {"JobId": str(5 + number)} for number in range(jobs)
    ]
    alert = read(log_alert(*rows))
    asked = [one.request.max_runs for one in alert.requests if isinstance(one.request, JobRequest)]
    assert asked == [most] * jobs
    for message in stored.messages(alert):
        assert [one.request for one in read_alert(message, ON).requests] == [one.request for one in alert.requests]


def test_an_alert_that_names_more_runs_and_jobs_than_may_be_canceled_cancels_none() -> None:
    alert = read(log_alert({"RunId": "7"}, *({"JobId": str(5 + number)} for number in range(20))))
    assert (alert.requests, "it names 21 runs" in alert.refused()) == ((), True)


@pytest.mark.parametrize("settings", [ON, OFF])
def test_beside_a_run_a_job_says_nothing(settings: Settings) -> None:
    (asked,) = read(log_alert({"JobId": "5", "RunId": "7"}), settings).requests
    assert asked.request.run_id == 7


def test_a_run_that_cannot_be_used_is_not_replaced_by_its_job() -> None:
    for run_id in ("", "none"):
        assert read(log_alert({"JobId": "5", "RunId": run_id})).requests == ()


@pytest.mark.parametrize(
    "message", [{"jobId": 5, "only": "all"}, {"jobId": 0}, {"jobId": 5, "token": "x"}, {"jobId": 5, "job_id": 6}]
)
def test_a_request_that_cannot_be_taken_is_refused(message: dict[str, Any]) -> None:
    alert = read(message)
    assert (alert.requests, len(alert.refusals)) == ((), 1)


def test_an_order_for_a_job_comes_back_from_an_alert_that_was_stored() -> None:
    alert = read({"jobId": 5, "only": "queued", "workspace": "prod"})
    (message,) = stored.messages(alert)
    assert read_alert(message, ON).requests[0].request == alert.requests[0].request


def test_a_message_of_the_queue_stops_the_runs_of_a_job_and_comes_again_without_effect(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    host = start_host(environ | {"ALERTS_MAY_CANCEL_JOBS": "true"})
    runs = [workspace.add_run(of()) for _ in range(3)]
    (take,) = [one for one in host.functions if one.get_function_name() == "startFromQueue"]
    message = func.QueueMessage(id="m", body=json.dumps({"jobId": JOB, "reason": "an alert"}))
    for _ in range(2):
        host.servers.run(host.call(take, message))
        result = job_result(host)
        assert (result["stopped"], result["reason"], len(result["runs"])) == (True, "an alert", len(runs))
    assert workspace.count("cancel") == len(runs)
