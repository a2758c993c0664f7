"""``listActiveRuns`` over real sockets: what a workspace, or something before it, may answer in place of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local_host.emulators.faults import Fault, json_fault
from tests.support.job_caller import JOB, OTHER, cancel_job, of

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


def entry(run_id: int, job_id: Any = JOB, state: str = "RUNNING") -> dict[str, Any]:
    return {"run_id": run_id, "job_id": job_id, "state": {"life_cycle_state": state}}


PASSING = {
    "503": Fault(503),
    "429": json_fault(429, {"error_code": "REQUEST_LIMIT_EXCEEDED"}, Retry_After="0"),
    "cut": Fault(200, b'{"runs": [', cut=5),
    "no answer": Fault(200, b"", cut=0),
    "a page of a proxy": Fault(200, b"<html><title>Sign in</title></html>", "text/html"),
    "a list": json_fault(200, []),
    "runs are no list": json_fault(200, {"runs": {"run_id": 1}}),
    "a run without an id": json_fault(200, {"runs": [{"job_id": JOB}]}),
    "a run without a state": json_fault(200, {"runs": [{"job_id": JOB, "run_id": 1}]}),
    "a run of another job": json_fault(200, {"runs": [entry(455_644_833, OTHER)]}),
    "a run of no job": json_fault(200, {"runs": [entry(455_644_833, None)]}),
    "a token that is none": json_fault(200, {"next_page_token": {"a": 1}}),
    "a token without an end": json_fault(200, {"next_page_token": "x" * 5000}),
}
REFUSED = {
    "PermissionDenied": json_fault(403, {"error_code": "PERMISSION_DENIED", "message": "no"}),
    "JobNotFound": json_fault(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": f"Job {JOB} does not exist."}),
    "Redirected": Fault(302, headers={"Location": "https://elsewhere.example/login"}),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_is_no_page_of_the_job_is_asked_for_again_and_nothing_in_it_is_believed(
    fault: str, host: LocalHost, workspace: JobsApi
) -> None:
    other = workspace.add_run(of(OTHER), run_id=455_644_833)
    run_id = workspace.add_run(of(), run_id=455_644_900)
    workspace.faults.fail("list", PASSING[fault], times=2)
    result = cancel_job(host)
    assert ([run["runId"] for run in result["runs"]], result["stopped"], result["retries"]) == ([run_id], True, 2)
    assert workspace.state_of(other) == "RUNNING"


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_is_the_result_and_nothing_is_sent(code: str, host: LocalHost, workspace: JobsApi) -> None:
    workspace.add_run(of())
    workspace.faults.fail("list", REFUSED[code], times=None)
    result = cancel_job(host)
    assert (result["outcome"], result["error"]["code"], workspace.count("cancel")) == ("rejected", code, 0)


def test_a_run_that_is_listed_and_has_ended_is_left_out(host: LocalHost, workspace: JobsApi) -> None:
    ended = [entry(7, state=state) for state in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")]
    workspace.faults.fail("list", json_fault(200, {"runs": ended}))
    assert (cancel_job(host)["runs"], workspace.count("get")) == ([], 0)


def test_pages_that_lead_round_in_a_circle_do_not_keep_a_run_from_being_stopped(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(of())
    workspace.faults.fail("list", json_fault(200, {"runs": [entry(run_id)], "next_page_token": "again"}), times=2)
    result = cancel_job(host)
    assert (result["stopped"], [run["runId"] for run in result["runs"]]) == (True, [run_id])
