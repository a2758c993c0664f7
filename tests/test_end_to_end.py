"""The whole of it over HTTP: function_app.py on the local host, durabletask's engine, emulated services, real sockets.

Every outcome of the contract's table is here, and what a caller sees on the way to it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from local_host.emulators.faults import Fault, json_fault
from local_host.emulators.run_life import Life, Row, canceling
from local_host.engine.instance import ENDED
from tests.support.caller import cancel, post, result_of
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.key_vault import KeyVault, ManagedIdentity
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


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
    result = cancel(host, run_id, waitTimeoutSeconds=3)
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
    result = cancel(host, run_id, waitTimeoutSeconds=4)
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
