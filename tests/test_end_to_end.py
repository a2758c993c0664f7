"""The whole of it over HTTP: function_app.py on the local host, durabletask's engine, emulated services, real sockets.

Every outcome of the contract's table is here, and what a caller sees on the way to it.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local_host.emulators.faults import Fault, json_fault
from local_host.emulators.run_life import Life, Row, canceling
from local_host.engine.instance import ENDED
from tests.conftest import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.key_vault import KeyVault, ManagedIdentity
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 20.0


def post(host: LocalHost, order: Any, query: str = "") -> requests.Response:
    return requests.post(f"{host.url}/api/cancel-active-run{query}", json=order, timeout=SECONDS)


def result_of(host: LocalHost, run_id: int, query: str = "") -> dict[str, Any]:
    """The status endpoint's last word on the cancellation of the run."""
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    answer = requests.get(f"{host.url}/api/cancel-active-run/prod-{run_id}{query}", timeout=SECONDS)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


def cancel(host: LocalHost, run_id: int, **order: Any) -> dict[str, Any]:
    accepted = post(host, {"runId": run_id, **order})
    assert accepted.status_code == 202
    return result_of(host, run_id)


# -- outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["PENDING", "QUEUED", "BLOCKED", "RUNNING", "WAITING_FOR_RETRY", "A_NEW_STATE"])
def test_an_active_run_is_canceled(state: str, host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life((Row(state),)))
    result = cancel(host, run_id, reason="over budget", requestedBy="cost-guard")
    assert (result["outcome"], result["stopped"]) == ("canceled", True)
    assert (result["runId"], result["finalLifeCycleState"], result["resultState"]) == (run_id, "TERMINATED", "CANCELED")
    assert (result["workspace"], result["reason"], result["requestedBy"]) == ("prod", "over budget", "cost-guard")
    assert result["timeline"][0]["lifeCycleState"] == state
    assert workspace.count("cancel") == result["cancels"] == 1


@pytest.mark.parametrize(
    ("state", "result_state"), [("TERMINATED", "SUCCESS"), ("SKIPPED", None), ("INTERNAL_ERROR", "FAILED")]
)
def test_a_run_that_has_already_ended_gets_not_one_cancel_call(
    state: str, result_state: str | None, host: LocalHost, workspace: JobsApi
) -> None:
    result = cancel(host, workspace.add_run(Life((Row(state, result=result_state),))))
    assert (result["outcome"], result["stopped"], result["resultState"]) == ("alreadyEnded", True, result_state)
    assert workspace.count("cancel") == 0


@pytest.mark.parametrize("result_state", ["SUCCESS", "FAILED", "TIMEDOUT"])
def test_a_run_that_ends_by_itself_after_the_cancel_ended_first(
    result_state: str, host: LocalHost, workspace: JobsApi
) -> None:
    ends = (Row("RUNNING", reads=1), Row("TERMINATED", result=result_state))
    result = cancel(host, workspace.add_run(Life(after_cancel=ends)))
    assert (result["outcome"], result["stopped"], result["resultState"]) == ("endedFirst", True, result_state)


def test_a_run_that_does_not_stop_is_timed_out_and_its_last_state_is_told(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    result = cancel(host, run_id, waitTimeoutSeconds=1)
    assert (result["outcome"], result["stopped"]) == ("timedOut", False)
    assert result["finalLifeCycleState"] == "TERMINATING"


def test_a_cancel_that_was_lost_is_sent_again(host: LocalHost, workspace: JobsApi) -> None:
    result = cancel(host, workspace.add_run(Life(ignored_cancels=1)))
    assert (result["outcome"], result["cancels"]) == ("canceled", 2)


def test_no_such_run_is_rejected(host: LocalHost) -> None:
    result = cancel(host, 7)
    assert (result["outcome"], result["stopped"]) == ("rejected", False)
    assert (result["error"]["code"], result["error"]["statusCode"]) == ("RunNotFound", 400)


def test_no_permission_is_rejected_and_says_which_is_needed(host: LocalHost, workspace: JobsApi) -> None:
    result = cancel(host, workspace.add_run(Life(may_manage=False)))
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "PermissionDenied")
    assert "CAN MANAGE RUN" in result["error"]["message"]


def test_a_bad_token_is_rejected(host: LocalHost, workspace: JobsApi) -> None:
    workspace.tokens = set()
    assert cancel(host, workspace.add_run())["outcome"] == "rejected"


def test_a_missing_secret_is_rejected_and_named(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    table = f'{{"prod": {{"host": "{workspace.url}", "tokenSecret": "not-there-yet"}}}}'
    host = start_host({**environ, "DATABRICKS_WORKSPACES": table})
    result = cancel(host, workspace.add_run())
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "SecretNotFound")
    assert "not-there-yet" in result["error"]["message"]


# -- faults on the way -----------------------------------------------------------------------------------------------


def test_the_wait_goes_on_through_whatever_passes(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(0.5))
    workspace.faults.fail("cancel", Fault(cut=0, after_effect=True))
    post(host, {"runId": run_id})
    workspace.wait_for(lambda seen: seen.count("cancel") == 2)
    for fault in (Fault(body=b"<html>Sign in</html>"), Fault(302), Fault(403), Fault(body=b"[]")):
        workspace.faults.fail("get", fault)
    result = result_of(host, run_id)
    assert (result["outcome"], result["cancels"], result["error"]) == ("canceled", 1, None)
    assert result["retries"] >= 3


def test_a_run_first_read_at_the_deadline_is_told_to_stop_all_the_same(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(60.0))
    workspace.faults.fail("get", json_fault(429, {"error_code": "BUSY"}, Retry_After="3000"))
    result = cancel(host, run_id, waitTimeoutSeconds=1)
    assert workspace.count("get", run_id) == 3
    assert (result["outcome"], result["retries"], result["cancels"]) == ("timedOut", 1, 1)


def test_a_token_rotated_while_it_runs_is_picked_up(host: LocalHost, workspace: JobsApi, vault: KeyVault) -> None:
    run_id = workspace.add_run(canceling(1.0))
    post(host, {"runId": run_id})
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    vault.set_secret(SECRET, "the-new-token")
    workspace.tokens = {"the-new-token"}
    result = result_of(host, run_id)
    assert (result["outcome"], result["error"]) == ("canceled", None)


def test_an_identity_endpoint_that_comes_back_is_waited_for(
    host: LocalHost, workspace: JobsApi, identity: ManagedIdentity
) -> None:
    identity.faults.fail("token", Fault(cut=0), times=3)
    result = cancel(host, workspace.add_run())
    assert result["outcome"] == "canceled"
    assert result["retries"] >= 1


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


def test_asking_again_after_the_end_starts_afresh_because_a_run_may_have_been_repaired(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    assert cancel(host, run_id)["outcome"] == "canceled"
    assert cancel(host, run_id)["outcome"] == "alreadyEnded"
    workspace.repair(run_id)
    assert cancel(host, run_id)["outcome"] == "canceled"
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
    url = post(host, {"runId": run_id, "waitTimeoutSeconds": 2}).headers["Location"]
    workspace.wait_for(lambda seen: seen.count("get") >= 3)
    looked = requests.get(url, timeout=SECONDS)
    assert (looked.status_code, looked.headers["Location"]) == (202, url)
    assert 1 <= int(looked.headers["Retry-After"]) <= 3
    assert looked.json()["progress"]["lifeCycleState"] in {"RUNNING", "TERMINATING"}
    assert looked.json()["progress"]["cancels"] == 1
    result_of(host, run_id)


def test_the_callers_own_key_in_the_query_stays_in_the_location_and_no_other_key_is_put_there(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    location = post(host, {"runId": run_id}, "?code=a%2Fkey%3D%3D&other=1").headers["Location"]
    assert location.endswith(f"/api/cancel-active-run/prod-{run_id}?code=a%2Fkey%3D%3D")
    result_of(host, run_id)


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
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    host.engine.terminate(f"prod-{run_id}", "maintenance")
    result = result_of(host, run_id)
    assert (result["outcome"], result["stopped"], result["runId"]) == ("failed", False, run_id)
    assert result["error"]["code"] == "InstanceTerminated"
    assert result["cancels"] == 1, "what the custom status knew"


def test_every_problem_of_a_request_is_told_in_one_answer(host: LocalHost) -> None:
    order = {"runId": True, "workspace": "https://evil.example", "token": "dapi-x", "colour": "red", "reason": "a\nb"}
    refused = post(host, order)
    assert refused.status_code == 400
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert len(refused.json()["problems"]) == len(order)
    assert "dapi-x" not in refused.text


@pytest.mark.parametrize("flag", ["yes", "1", ""])
def test_a_flag_in_the_query_that_is_neither_true_nor_false_is_refused_by_both_doors(
    flag: str, host: LocalHost
) -> None:
    query = f"?returnInternalServerErrorOnFailure={flag}"
    assert post(host, {"runId": 1}, query).status_code == 400
    assert requests.get(f"{host.url}/api/cancel-active-run/prod-1{query}", timeout=SECONDS).status_code == 400


def test_a_workspace_that_the_settings_do_not_know_is_refused_by_name(host: LocalHost) -> None:
    refused = post(host, {"runId": 1, "workspace": "staging"})
    assert refused.status_code == 400
    assert refused.json()["problems"] == ["No workspace is called 'staging' here; the settings name: prod."]


@pytest.mark.parametrize(
    ("method", "body", "media_type", "status_code"),
    [
        ("GET", b"", "application/json", 405),
        ("POST", b"{}", "text/plain", 415),
        ("POST", b"{}", "application/json", 400),
        ("POST", b"", "application/json", 400),
        ("POST", b"not json", "application/json", 400),
        ("POST", b'{"runId": 1, "runId": 2}', "application/json", 400),
        ("POST", b'{"runId": NaN}', "application/json", 400),
        ("POST", b"[1]", "application/json", 400),
        ("POST", b"[" * 60_000, "application/json", 400),
        ("POST", b'{"runId": ' + b"9" * 50_000 + b"}", "application/json", 400),
        ("POST", b"\xff\xfe", "application/json", 400),
        ("POST", b'{"runId": 1, "reason": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_what_cannot_be_taken_is_refused_as_a_problem(
    method: str, body: bytes, media_type: str, status_code: int, host: LocalHost
) -> None:
    answer = requests.request(
        method,
        f"{host.url}/api/cancel-active-run",
        data=body,
        headers={"Content-Type": media_type},
        timeout=SECONDS,
    )
    assert answer.status_code == status_code
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert host.engine.instances() == []


def test_wrong_settings_are_told_to_the_caller_by_key_and_nothing_is_started(
    start_host: Callable[..., LocalHost],
) -> None:
    host = start_host({"KEY_VAULT_URI": "http://vault.example", "JOBS_API_VERSION": "3"})
    refused = post(host, {"runId": 1})
    assert refused.status_code == 500
    named = " ".join(refused.json()["problems"])
    assert all(key in named for key in ("DATABRICKS_HOST", "KEY_VAULT_URI", "JOBS_API_VERSION"))
    assert host.engine.instances() == []


@pytest.mark.parametrize("out_of_order", [0, 400, 404, 500, 503])
def test_a_task_hub_that_cannot_be_reached_is_503_at_every_endpoint_and_nothing_is_half_started(
    out_of_order: int, host: LocalHost, workspace: JobsApi
) -> None:
    begun = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    post(host, {"runId": begun})
    host.endpoint.out_of_order = out_of_order
    refused = [post(host, {"runId": run_id}) for run_id in (workspace.add_run(), begun)]
    looked = [requests.get(f"{host.url}/api/cancel-active-run/prod-{n}", timeout=SECONDS) for n in (begun, 404)]
    host.endpoint.out_of_order = None
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused + looked] == [(503, "10")] * 4
    assert [instance.instance_id for instance in host.engine.instances()] == [f"prod-{begun}"]


def test_a_start_that_raced_another_may_believe_that_it_began_what_it_joined(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(canceling(0.5))
    host.endpoint.starts_race = True
    assert [post(host, {"runId": run_id}).json()["joined"] for _ in range(3)] == [False] * 3
    assert result_of(host, run_id)["outcome"] == "canceled"
    assert workspace.count("cancel") == 1


# -- the token ------------------------------------------------------------------------------------------------------


def test_the_tokens_text_appears_nowhere_in_a_cancellation_with_faults(
    host: LocalHost,
    workspace: JobsApi,
    vault: KeyVault,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    faults = [Fault(500), Fault(cut=0), Fault(body=b"<html>"), Fault(403), Fault(302), json_fault(429, {})]
    for fault in faults:
        run_id = workspace.add_run()
        workspace.faults.fail("get", fault)
        workspace.faults.fail("cancel", fault)
        vault.faults.fail("secret", fault)
        told.append(post(host, {"runId": run_id, "waitTimeoutSeconds": 5}).text)
        told.append(str(result_of(host, run_id)))
    for instance in host.engine.instances():
        assert instance.runtime_status in ENDED
        told += [str(instance), host.engine.history(instance.instance_id)]
    told += [record.getMessage() + str(record.exc_info) for record in caplog.records]
    out, err = capfd.readouterr()
    assert len(told) > len(faults) * 3
    assert TOKEN not in "\n".join([*told, out, err, caplog.text])
