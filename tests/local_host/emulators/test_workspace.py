"""The emulated workspace as Databricks' own client meets it: jobs, runs that callers begin, and every error as JSON."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.jobs import NotebookTask, SubmitTask, Task

from local_host.emulators.run_life import Life, Row, canceling
from tests.support.azurite import wait_until
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi

SECONDS = 20.0
NOTEBOOK = NotebookTask(notebook_path="/nightly")


def sdk(workspace: JobsApi, token: str = TOKEN) -> Any:
    """The client; what it reads may be None by its types."""
    return WorkspaceClient(host=workspace.url, token=token, auth_type="pat")


def test_a_run_of_a_job_is_begun_and_canceled_by_the_sdk(workspace: JobsApi) -> None:
    workspace.jobs.life = canceling(0.1)
    client = sdk(workspace)
    assert client.config.workspace_id == "1"
    assert client.current_user.me().user_name == "owner@example.com"
    job_id = client.jobs.create(
        name="hourly", tasks=[Task(task_key="load", notebook_task=NOTEBOOK)], timeout_seconds=0
    ).job_id
    assert job_id is not None
    begun = client.jobs.run_now(job_id, idempotency_token="once").response
    again = client.jobs.run_now(job_id, idempotency_token="once").response
    assert begun.run_id == again.run_id
    run = client.jobs.get_run(begun.run_id)
    assert (run.job_id, run.run_name, run.state.life_cycle_state.value) == (job_id, "hourly", "RUNNING")
    assert [task.task_key for task in run.tasks] == ["load"]
    assert f"#job/{job_id}/run/{begun.run_id}" in run.run_page_url
    client.jobs.cancel_run(begun.run_id)
    assert workspace.state_of(begun.run_id) in {"TERMINATING", "TERMINATED"}


def test_a_service_principal_finds_where_its_token_comes_from(workspace: JobsApi) -> None:
    workspace.principals.add_service_principal("the-principal", "its-secret")
    client = WorkspaceClient(host=workspace.url, client_id="the-principal", client_secret="its-secret")
    assert client.current_user.me().active


def test_a_run_that_is_submitted_ends_by_its_own_timeout(workspace: JobsApi) -> None:
    workspace.jobs.life = Life(rows=(Row("PENDING", reads=1), Row("RUNNING")))
    client = sdk(workspace)
    submitted = client.jobs.submit(
        run_name="once", tasks=[SubmitTask(task_key="load", notebook_task=NOTEBOOK)], timeout_seconds=1
    )
    assert client.jobs.get_run(submitted.run_id).run_type.value == "SUBMIT_RUN"
    wait_until(lambda: workspace.state_of(submitted.run_id) == "TERMINATED")
    ended = client.jobs.get_run(submitted.run_id)
    assert ended.state.result_state.value == "TIMEDOUT"
    assert ended.status.termination_details.code.value == "CANCELED"
    assert [job.settings.name for job in client.jobs.list()] == ["nightly"], "it has a job that no list shows"


def test_jobs_are_listed_page_by_page_and_gone_when_deleted(workspace: JobsApi) -> None:
    client = sdk(workspace)
    created = [client.jobs.create(name=f"job {number}").job_id for number in range(7)]
    listed = [job.job_id for job in client.jobs.list(limit=3)]
    assert listed[:7] == created[::-1]
    assert [job.job_id for job in client.jobs.list(name="JOB 3")] == [created[3]]
    assert list(client.jobs.list(name="nobody's")) == []
    client.jobs.delete(created[0])
    with pytest.raises(ResourceDoesNotExist, match=f"Job {created[0]} does not exist"):
        client.jobs.get(created[0])
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        client.jobs.run_now(created[0])


def test_cancel_all_cancels_the_runs_of_one_job_and_no_other(workspace: JobsApi) -> None:
    client = sdk(workspace)
    jobs = [client.jobs.create(name=name).job_id for name in ("a", "b")]
    runs = [client.jobs.run_now(job_id).run_id for job_id in (*jobs, jobs[0])]
    queued = workspace.add_run(Life(rows=(Row("QUEUED"),)))
    client.jobs.cancel_all_runs(job_id=jobs[0])
    assert [workspace.state_of(run_id) in {"TERMINATING", "TERMINATED"} for run_id in runs] == [True, False, True]
    client.jobs.cancel_all_runs(all_queued_runs=True)
    assert workspace.state_of(queued) != "QUEUED"
    assert workspace.state_of(runs[1]) not in {"TERMINATING", "TERMINATED"}
    with pytest.raises(InvalidParameterValue, match="job_id"):
        client.jobs.cancel_all_runs()


def test_the_sdk_reads_the_errors(workspace: JobsApi) -> None:
    with pytest.raises(PermissionDenied):
        sdk(workspace, "another-token").jobs.run_now(11223344)
    with pytest.raises(NotFound, match="No API found for 'GET /clusters/list'"):
        list(sdk(workspace).clusters.list())
    with pytest.raises(InvalidParameterValue, match="limit"):
        list(sdk(workspace).jobs.list(limit=0))


def post(workspace: JobsApi, path: str, body: bytes, **headers: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", **headers}
    return requests.post(f"{workspace.url}/api/2.2/jobs/{path}", data=body, headers=headers, timeout=SECONDS)


@pytest.mark.parametrize("path", ["create", "run-now", "runs/submit", "runs/cancel", "runs/cancel-all", "delete"])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 100_000, {}),
        (b"null", {}),
        (b"\xff", {}),
        (b'{"name": 5, "run_name": 5, "run_id": null, "tasks": [{}]}', {}),
        (b'{"tasks": 5, "job_id": true}', {}),
        (b'{"tasks": [5], "timeout_seconds": "abc"}', {"Content-Type": "application/json; charset=foo"}),
        (b"{}", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_body_that_cannot_be_is_the_callers_fault(
    path: str, body: bytes, headers: dict[str, str], workspace: JobsApi
) -> None:
    answer = post(workspace, path, body, **headers)
    assert (answer.status_code, answer.json()["error_code"] in {"MALFORMED_REQUEST", "INVALID_PARAMETER_VALUE"}) == (
        400,
        True,
    )
    assert sdk(workspace).jobs.list(name="nobody's") is not None


def test_a_run_ends_when_it_ended_and_its_tasks_have_results(workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(0.3), tasks=["load"])
    began = int(time.time() * 1000)
    client = sdk(workspace)
    client.jobs.cancel_run(run_id)
    wait_until(lambda: workspace.state_of(run_id) == "TERMINATED")
    run = client.jobs.get_run(run_id)
    assert began + 200 <= run.end_time <= int(time.time() * 1000) + 100
    assert run.tasks[0].state.result_state.value == "CANCELED"


PATHS = ["/", "/api", "/api/2.1/nobody", "/api/2.1/jobs/runs/get", "/api/2.2/jobs/run-now", "/oidc/v1/token", "/%00/ü"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_to_a_call_that_is_wrong_is_json(path: str, workspace: JobsApi) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, body in itertools.product(METHODS, [b"", b"{", b"[1]"]):
        answer = requests.request(method, workspace.url + path, data=body, headers=headers, timeout=SECONDS)
        assert answer.status_code in {400, 404}
        assert answer.headers["Content-Type"].startswith("application/json")
        told: dict[str, Any] = answer.json()
        assert {"error_code", "message"} <= told.keys() or "error_description" in told


def test_who_shows_no_token_is_told_nothing_of_what_there_is(workspace: JobsApi) -> None:
    for method, path in [("GET", "/api/2.1/nobody"), ("POST", "/api/2.1/jobs/run-now"), ("GET", "/api/2.2/jobs/list")]:
        answer = requests.request(method, workspace.url + path, timeout=SECONDS)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
