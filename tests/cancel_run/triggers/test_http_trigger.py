"""What a caller of the HTTP triggers sees: joining and starting afresh, status codes and headers.

It is longer than most: one scene, and what a caller may do in it.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from local_host.emulators.run_life import Life, Row, canceling
from local_host.engine.versioning import Versioning
from tests.support.caller import SECONDS, cancel, post, result_of
from tests.support.engine_app import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


# -- joining, starting afresh ----------------------------------------------------------------------------------------


def test_two_posts_at_once_give_one_orchestration_and_one_cancel(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(1.0))
    together = threading.Barrier(8)

    def start(_: int) -> requests.Response:
        together.wait()
        return post(host, {"runId": run_id})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(start, range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["instanceId"] for answer in answers} == {f"prod-{run_id}"}
    assert sorted(answer.json()["joined"] for answer in answers) == [False] + [True] * 7
    assert result_of(host, run_id)["outcome"] == "canceled"
    assert workspace.count("cancel") == 1


def test_a_start_that_raced_another_may_believe_that_it_began_what_it_joined(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(canceling(0.5))
    host.endpoint.starts_race = True
    with ThreadPoolExecutor(8) as threads:
        joined = [answer.json()["joined"] for answer in threads.map(lambda _: post(host, {"runId": run_id}), range(8))]
    assert False in joined
    assert result_of(host, run_id)["outcome"] == "canceled"
    assert workspace.count("cancel") == 1


def test_asking_again_after_the_end_starts_afresh_because_a_run_may_have_been_repaired(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    first = cancel(host, run_id)
    assert first["outcome"] == "canceled"
    assert cancel(host, run_id) == first, "a result that stands is not replaced while the run is not active again"
    workspace.repair(run_id)
    second = cancel(host, run_id)
    assert (second["outcome"], second == first) == ("canceled", False)
    assert workspace.count("cancel") == 2


def test_one_id_in_two_workspaces_is_two_cancellations(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    table = f'{{"prod": {{"host": "{workspace.url}"}}, "test": {{"host": "{workspace.url}"}}}}'
    host = start_host({**environ, "DATABRICKS_WORKSPACES": table, "DEFAULT_WORKSPACE": "prod"})
    run_id = workspace.add_run(canceling(1.0))
    ids = [post(host, {"runId": run_id, "workspace": name}).json()["instanceId"] for name in ("prod", "test")]
    assert ids == [f"prod-{run_id}", f"test-{run_id}"]
    host.engine.wait_until_ended(ids[1], SECONDS)


# -- what the caller sees --------------------------------------------------------------------------------------------


def test_the_start_answers_202_with_location_retry_after_and_the_ids(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    accepted = post(host, {"runId": run_id})
    status_url = f"{host.url}/api/cancel-active-run/prod-{run_id}"
    assert accepted.headers["Location"] == status_url
    assert int(accepted.headers["Retry-After"]) >= 1
    assert accepted.json() == {
        "instanceId": f"prod-{run_id}",
        "runId": run_id,
        "workspace": "prod",
        "joined": False,
        "statusUrl": status_url,
    }
    result_of(host, run_id)


def test_while_it_runs_the_status_is_202_with_progress_and_a_retry_after_behind_the_next_poll(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    url = post(host, {"runId": run_id, "waitTimeoutSeconds": 4}).headers["Location"]
    workspace.wait_for(lambda seen: seen.count("get") >= 3)
    looked = requests.get(url, timeout=SECONDS)
    assert (looked.status_code, looked.headers["Location"]) == (202, url)
    assert 1 <= int(looked.headers["Retry-After"]) <= 3
    assert looked.json()["progress"]["lifeCycleState"] in {"RUNNING", "TERMINATING"}
    assert looked.json()["progress"]["cancels"] == 1
    result_of(host, run_id)


def test_an_instance_that_only_a_newer_release_takes_up_is_shown_as_overdue_until_that_is_back(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    url = post(host, {"runId": run_id, "waitTimeoutSeconds": 8}).headers["Location"]
    workspace.wait_for(lambda seen: seen.count("get") >= 3)
    assert requests.get(url, timeout=SECONDS).json()["progress"]["overdueSeconds"] <= 1
    host.engine.deploy(host.functions, Versioning("0.1"))
    until(lambda: requests.get(url, timeout=SECONDS).json()["progress"]["overdueSeconds"] >= 3)
    assert requests.get(url, timeout=SECONDS).json()["runtimeStatus"] == "Running"
    host.engine.deploy(host.functions, Versioning.of_host_json())
    assert result_of(host, run_id)["outcome"] == "timedOut"


def test_the_callers_own_key_in_the_query_stays_in_the_location_and_no_other_key_is_put_there(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    location = post(host, {"runId": run_id}, "?code=a%2Fkey%3D%3D&other=1").headers["Location"]
    assert location.endswith(f"/api/cancel-active-run/prod-{run_id}?code=a%2Fkey%3D%3D")
    result_of(host, run_id)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/API/Cancel-Active-Run?CODE=k&ReturnInternalServerErrorOnFailure=TRUE", "code=k&{flag}=TRUE"),
        ("/api/cancel-active-run?Code=first&code=second", "code=first"),
        ("/Api/CANCEL-ACTIVE-RUN?{flag}=false&{flag}=nonsense", "{flag}=false"),
        ("/api/cancel-active-run?code=", ""),
    ],
)
def test_routes_and_query_keys_are_read_without_case_and_of_two_the_first_counts_as_the_host_judges(
    path: str, kept: str, host: LocalHost, workspace: JobsApi
) -> None:
    run_id, flag = workspace.add_run(), "returnInternalServerErrorOnFailure"
    given = path.format(flag=flag)
    accepted = requests.post(f"{host.url}{given}", json={"runId": run_id}, timeout=SECONDS)
    assert accepted.status_code == 202
    base = f"{host.url}/{given.split('/')[1]}"
    query = f"?{kept.format(flag=flag)}" if kept else ""
    assert accepted.headers["Location"] == f"{base}/cancel-active-run/prod-{run_id}{query}"
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    assert requests.get(accepted.headers["Location"], timeout=SECONDS).status_code == 200


def test_the_location_is_right_for_a_workspace_that_is_called_as_the_route_is(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    named = f'{{"cancel-active-run": {{"host": "{workspace.url}"}}}}'
    host = start_host({**environ, "DATABRICKS_WORKSPACES": named})
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    location = post(host, {"runId": run_id, "waitTimeoutSeconds": 60}).headers["Location"]
    assert location == f"{host.url}/api/cancel-active-run/cancel-active-run-{run_id}"
    assert requests.get(location, timeout=SECONDS).headers["Location"] == location


def test_the_document_names_the_server_whatever_the_case_of_its_route(host: LocalHost) -> None:
    document = requests.get(f"{host.url}/API/OpenApi.JSON", timeout=SECONDS).json()
    assert document["servers"] == [{"url": f"{host.url}/API"}]


def test_a_caller_that_wants_a_failure_gets_500_with_the_same_body(host: LocalHost) -> None:
    query = "?returnInternalServerErrorOnFailure=true"
    location = post(host, {"runId": 7}, query).headers["Location"]
    plain = result_of(host, 7)
    wanted = requests.get(location, timeout=SECONDS)
    assert (wanted.status_code, wanted.json()) == (500, plain)


def test_a_caller_that_wants_a_failure_gets_200_when_the_run_is_stopped(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    cancel(host, run_id)
    url = f"{host.url}/api/cancel-active-run/prod-{run_id}?returnInternalServerErrorOnFailure=true"
    assert requests.get(url, timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("instance_id", ["prod-404", "nobody", "prod-0", "-1", "prod-12345678901234567890", "a%2Fb-1"])
def test_an_instance_that_nobody_started_is_404(instance_id: str, host: LocalHost) -> None:
    answer = requests.get(f"{host.url}/api/cancel-active-run/{instance_id}", timeout=SECONDS)
    assert answer.status_code == 404


def test_an_instance_that_an_operator_terminated_is_shown_as_failed_and_not_stopped(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    post(host, {"runId": run_id})
    workspace.wait_for(lambda seen: seen.count("get") == 2)  # the custom status tells of the cancel before a poll
    host.engine.terminate(f"prod-{run_id}", "maintenance")
    result = result_of(host, run_id)
    assert (result["outcome"], result["stopped"], result["runId"]) == ("failed", False, run_id)
    assert result["error"]["code"] == "InstanceTerminated"
    assert result["cancels"] == 1, "what the custom status knew"
