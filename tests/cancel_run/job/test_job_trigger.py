"""``POST /api/cancel-active-runs`` and what a caller sees of it, on the engine and the emulated workspace.

It is longer than most: one scene, and what may become of a job's runs in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from cancel_run.triggers.instance_ids import LONGEST, InstanceId
from local_host.emulators.faults import Fault
from local_host.emulators.run_life import STOPPED, Life, Row
from tests.support.caller import cancel, post
from tests.support.engine_app import until
from tests.support.job_caller import JOB, OTHER, SECONDS, cancel_job, job_result, look_at_job, of, post_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SLOW = (Row("TERMINATING", seconds=1.0), STOPPED[-1])
NEVER = (Row("TERMINATING"),)


def cancels(workspace: JobsApi) -> list[int]:
    return [int(call.run_id) for call in workspace.calls if call.operation == "cancel" and call.status_code == 200]


def test_every_active_run_of_the_job_is_stopped_and_no_other(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of()) for _ in range(30)]
    ended = workspace.add_run(of(JOB, Row("TERMINATED", result="SUCCESS")))
    other = workspace.add_run(of(OTHER))
    result = cancel_job(host, reason="over budget", requestedBy="cost-guard")
    assert (result["outcome"], result["stopped"], result["error"]) == ("stopped", True, None)
    assert (result["jobId"], result["workspace"], result["reason"]) == (JOB, "prod", "over budget")
    assert {run["runId"]: run["outcome"] for run in result["runs"]} == dict.fromkeys(runs, "canceled")
    assert {run["requestedBy"] for run in result["runs"]} == {"cost-guard"}
    assert sorted(cancels(workspace)) == runs
    assert [workspace.state_of(run_id) for run_id in (ended, other)] == ["TERMINATED", "RUNNING"]
    assert (result["startedMeanwhile"], result["truncated"]) == ([], False)


@pytest.mark.parametrize(("only", "kind"), [(None, "active"), ("queued", "queued")])
def test_a_job_without_such_a_run_is_stopped_already_and_says_that_there_was_none(
    only: str | None, kind: str, host: LocalHost, workspace: JobsApi
) -> None:
    workspace.add_run(of(JOB if only else OTHER))
    result = cancel_job(host, only=only)
    assert (result["outcome"], result["stopped"], result["found"], result["runs"]) == ("stopped", True, 0, [])
    assert workspace.count("list") == 1
    address = f"{host.url}/api/cancel-active-runs/prod~job-{JOB}{'~queued' if only else ''}"
    shown = requests.get(address, headers={"Accept": "text/html"}, timeout=SECONDS).text
    assert f"no {kind} run was found" in shown
    assert "All stopped" not in shown


def test_each_run_has_a_cancellation_of_its_own_that_can_be_looked_at(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(of(after_cancel=SLOW))
    accepted = post_job(host)
    assert accepted.json()["instanceId"] == f"prod~job-{JOB}"
    assert accepted.json()["joined"] is False
    assert accepted.headers["Location"] == accepted.json()["statusUrl"]
    workspace.wait_for(lambda seen: seen.count("cancel", run_id) == 1)
    until(lambda: bool(look_at_job(host, f"prod~job-{JOB}").json()["progress"]["runs"][0]["cancels"]))
    looked = look_at_job(host, f"prod~job-{JOB}")
    assert (looked.status_code, looked.json()["runtimeStatus"]) == (202, "Running")
    progress = looked.json()["progress"]
    assert (progress["found"], progress["underWay"], progress["stopped"]) == (1, 1, 0)
    (run,) = progress["runs"]
    assert (run["runId"], run["instanceId"], run["cancels"]) == (run_id, f"prod-{run_id}", 1)
    result = job_result(host)
    assert cancel(host, run_id)["outcome"] == "canceled"  # it finds the run ended: what it had then stands
    assert result["runs"][0]["timeline"][-1]["lifeCycleState"] == "TERMINATED"


def test_who_asked_for_what_and_since_when_is_told_while_it_goes_on(host: LocalHost, workspace: JobsApi) -> None:
    workspace.add_run(of(JOB, Row("QUEUED"), after_cancel=NEVER))
    instance_id = post_job(host, only="queued", reason="over budget", requestedBy="cost-guard").json()["instanceId"]
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    told = look_at_job(host, instance_id).json()
    assert (told["jobId"], told["workspace"], told["only"], told["dryRun"]) == (JOB, "prod", "queued", False)
    (listed,) = requests.get(f"{host.url}/api/cancel-active-run?status=active", timeout=10).json()["jobs"]
    for one in (told, listed):
        assert (one["reason"], one["requestedBy"], one["fromQueue"]) == ("over budget", "cost-guard", False)
    assert told["startedAt"] == listed["startedAt"]


def test_a_cancellation_that_is_under_way_is_joined(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of(after_cancel=SLOW)) for _ in range(3)]
    post(host, {"runId": runs[1], "reason": "the first"})
    workspace.wait_for(lambda seen: seen.count("cancel", runs[1]) == 1)
    result = cancel_job(host, reason="the second")
    assert {run["runId"]: run["reason"] for run in result["runs"]}[runs[1]] == "the first"
    assert result["stopped"] is True
    assert sorted(cancels(workspace)) == runs


def test_the_same_job_asked_twice_is_joined(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of(after_cancel=SLOW)) for _ in range(3)]
    assert [post_job(host).json()["joined"] for _ in range(3)] == [False, True, True]
    assert job_result(host)["stopped"] is True
    assert sorted(cancels(workspace)) == runs


def test_the_queue_is_emptied_before_a_running_run_is_stopped(host: LocalHost, workspace: JobsApi) -> None:
    running = [workspace.add_run(of()) for _ in range(3)]
    queued = [workspace.add_run(of(JOB, Row("QUEUED"))) for _ in range(5)]
    assert cancel_job(host)["stopped"] is True
    order = cancels(workspace)
    assert (sorted(order[:5]), sorted(order[5:])) == (queued, running)


def test_only_what_is_queued_is_canceled_where_that_is_asked(host: LocalHost, workspace: JobsApi) -> None:
    running = workspace.add_run(of())
    queued = [workspace.add_run(of(JOB, Row("QUEUED"))) for _ in range(3)]
    result = cancel_job(host, only="queued")
    assert (result["stopped"], result["only"]) == (True, "queued")
    assert sorted(run["runId"] for run in result["runs"]) == queued
    assert workspace.state_of(running) == "RUNNING"


@pytest.mark.parametrize("whole", [False, True])
def test_who_asks_for_a_run_or_for_all_is_not_content_with_an_order_for_the_queue(
    *, whole: bool, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(of(JOB, Row("QUEUED")))
    workspace.faults.fail("get", Fault(503), times=None)
    queue_order = post_job(host, only="queued").json()["instanceId"]
    until(lambda: host.engine.get(f"prod~queued-{run_id}") is not None)
    (shown,) = look_at_job(host, queue_order).json()["progress"]["runs"]
    assert shown["instanceId"] == f"prod~queued-{run_id}"
    answer = (post_job(host) if whole else post(host, {"runId": run_id})).json()
    assert answer["joined"] is False
    workspace.repair(run_id, (Row("RUNNING"),))  # it leaves the queue
    workspace.faults.heal("get")
    assert (job_result(host) if whole else cancel(host, run_id))["stopped"] is True
    job_result(host, queue_order)


def test_an_instance_id_that_durable_would_not_take_is_refused(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    alias, most = ("workspace-" * 7)[:63], 2**63 - 1
    host = start_host(environ | {"DATABRICKS_WORKSPACES": f'{{"{alias}": {{"host": "{workspace.url}"}}}}'})
    assert len(post_job(host, jobId=most, only="queued").json()["instanceId"]) == 94
    assert len(str(InstanceId(alias, most, dry_run=True, only="queued"))) == LONGEST
    refused = post_job(host, jobId=most, only="queued", dryRun=True)
    assert (refused.status_code, "would have 104 characters" in refused.text) == (400, True)


def test_a_run_that_has_left_the_queue_meanwhile_is_left_alone(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(of(JOB, Row("QUEUED", reads=1), Row("RUNNING")))
    result = cancel_job(host, only="queued")
    (run,) = result["runs"]
    assert (run["outcome"], run["error"]["code"], run["finalLifeCycleState"]) == (
        "rejected",
        "NoLongerQueued",
        "RUNNING",
    )
    assert (result["outcome"], cancels(workspace)) == ("notStopped", [])
    assert workspace.state_of(run_id) == "RUNNING"


def test_runs_that_end_by_themselves_and_two_that_never_stop(host: LocalHost, workspace: JobsApi) -> None:
    half = [workspace.add_run(of(JOB, Row("RUNNING", seconds=1.0), Row("TERMINATED", result="SUCCESS"))) for _ in "abc"]
    stuck = [workspace.add_run(of(after_cancel=NEVER)) for _ in range(2)]
    others = [workspace.add_run(of()) for _ in range(3)]
    result = cancel_job(host, waitTimeoutSeconds=4)
    outcomes = {run["runId"]: run["outcome"] for run in result["runs"]}
    assert {outcomes[run_id] for run_id in stuck} == {"timedOut"}
    assert {outcomes[run_id] for run_id in [*half, *others]} <= {"canceled", "endedFirst", "alreadyEnded"}
    assert (result["outcome"], result["stopped"], result["startedMeanwhile"]) == ("notStopped", False, [])


def test_a_run_that_starts_meanwhile_is_told_and_left_alone(host: LocalHost, workspace: JobsApi) -> None:
    workspace.add_run(of(after_cancel=SLOW))
    post_job(host)
    workspace.wait_for(lambda seen: seen.count("cancel") == 1)
    late = workspace.add_run(of())
    result = job_result(host)
    assert (result["outcome"], result["startedMeanwhile"]) == ("notStopped", [late])
    assert workspace.state_of(late) == "RUNNING"


def test_there_are_at_most_so_many_as_were_asked_for_the_queued_ones_first(host: LocalHost, workspace: JobsApi) -> None:
    running = [workspace.add_run(of()) for _ in range(3)]
    queued = [workspace.add_run(of(JOB, Row("QUEUED"))) for _ in range(2)]
    result = cancel_job(host, maxRuns=3)
    assert (result["truncated"], result["stopped"], len(result["runs"])) == (True, False, 3)
    assert set(queued) <= {run["runId"] for run in result["runs"]}
    assert sum(workspace.state_of(run_id) == "RUNNING" for run_id in running) == 2


def test_a_run_that_may_not_be_canceled_is_told_beside_those_that_were(host: LocalHost, workspace: JobsApi) -> None:
    may_not = workspace.add_run(of(may_manage=False))
    workspace.add_run(of())
    result = cancel_job(host)
    errors = {run["runId"]: (run["error"] or {}).get("code") for run in result["runs"]}
    assert errors.pop(may_not) == "PermissionDenied"
    assert set(errors.values()) == {None}
    assert result["stopped"] is False


def test_an_instance_that_an_operator_terminates_says_so_and_its_cancellations_go_on(
    host: LocalHost, workspace: JobsApi
) -> None:
    workspace.add_run(of())  # the oldest, and one too many
    run_id = workspace.add_run(of(after_cancel=SLOW))
    stuck = workspace.add_run(of(after_cancel=NEVER))
    asked = post_job(host, reason="over budget", requestedBy="cost-guard", maxRuns=2)
    instance_id = asked.json()["instanceId"]
    workspace.wait_for(lambda seen: seen.count("cancel") == 2)
    under_way = look_at_job(host, instance_id).json()
    host.engine.terminate(instance_id, "enough")
    host.engine.wait_until_ended(f"prod-{run_id}", 20)
    result = job_result(host, instance_id)
    assert (result["reason"], result["requestedBy"]) == ("over budget", "cost-guard")
    assert result["startedAt"] == under_way["startedAt"]
    assert result["startedAt"][:19] <= result["endedAt"][:19]  # the task hub tells the end in whole seconds
    assert (result["found"], result["truncated"]) == (3, True)
    told = {run["runId"]: run for run in result["runs"]}
    assert told[run_id]["outcome"] == "canceled"
    assert (told[stuck]["error"]["code"], told[stuck]["reason"]) == ("StillUnderWay", "over budget")
    assert (result["outcome"], result["error"]["code"]) == ("failed", "InstanceTerminated")
    assert look_at_job(host, instance_id, "?returnInternalServerErrorOnFailure=true").status_code == 500
    assert cancel(host, run_id)["outcome"] == "canceled"


def test_a_protected_job_is_rejected_before_it_is_listed(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    run_id = workspace.add_run(of())
    table = f'{{"prod": {{"host": "{workspace.url}", "protectedJobs": [{JOB}]}}}}'
    host = start_host(environ | {"DATABRICKS_WORKSPACES": table})
    result = cancel_job(host)
    assert (result["outcome"], result["error"]["code"], result["runs"]) == ("rejected", "ProtectedJob", [])
    assert (workspace.count("list"), workspace.state_of(run_id)) == (0, "RUNNING")


def test_a_rehearsal_says_what_it_would_do_and_sends_nothing(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of()) for _ in range(3)]
    result = job_result(host, post_job(host, dryRun=True).json()["instanceId"])
    assert (result["outcome"], result["stopped"], result["dryRun"]) == ("wouldCancel", False, True)
    assert {run["runId"]: run["outcome"] for run in result["runs"]} == dict.fromkeys(runs, "wouldCancel")
    assert (workspace.count("cancel"), host.engine.get(f"prod-{runs[0]}")) == (0, None)
    assert cancel_job(host)["stopped"] is True


def test_runs_of_a_job_are_never_canceled_with_cancel_all(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of()) for _ in range(3)]
    asked: list[str] = []
    workspace.jobs.on_cancel_all = asked.append
    assert cancel_job(host)["stopped"] is True
    assert (asked, sorted(cancels(workspace))) == ([], runs)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"jobId": 0}, "jobId must be"),
        ({"only": "running"}, "only must be 'queued'"),
        ({"maxRuns": 0}, "maxRuns must be"),
        ({"maxRuns": True}, "maxRuns must be"),
        ({"dryRun": "yes"}, "dryRun must be"),
        ({"runId": 1}, "'runId' is not a known key"),
        ({"token": "x"}, "secrets do not travel"),
        ({"workspace": "elsewhere"}, "No workspace is called 'elsewhere'"),
    ],
)
def test_what_cannot_be_taken_is_told(order: dict[str, Any], said: str, host: LocalHost) -> None:
    refused = post_job(host, **order)
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")
    assert any(said in problem for problem in refused.json()["problems"])


@pytest.mark.parametrize(
    "instance_id", ["prod-5", "prod~job-5", "prod~job-0", "prod~job-5~else", "~job-5", "a~b~job-5"]
)
def test_an_instance_that_nobody_started_is_not_found(instance_id: str, host: LocalHost) -> None:
    assert look_at_job(host, instance_id).status_code == 404


def test_a_run_and_a_job_of_confusable_names_are_two_instances(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    table = f'{{"prod": {{"host": "{workspace.url}"}}, "prod-job": {{"host": "{workspace.url}"}}}}'
    host = start_host(environ | {"DATABRICKS_WORKSPACES": table, "DEFAULT_WORKSPACE": "prod"})
    workspace.add_run(Life(), run_id=JOB)
    run = post(host, {"runId": JOB, "workspace": "prod-job"}).json()["instanceId"]
    job = post_job(host).json()["instanceId"]
    assert (run, job) == ("prod-job-5", "prod~job-5")
    host.engine.wait_until_ended(run, 20)
    assert job_result(host)["stopped"] is True


def test_the_list_has_the_orders_for_jobs_beside_the_cancellations_of_their_runs(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(of())
    result = cancel_job(host)
    listed = requests.get(f"{host.url}/api/cancel-active-run?code=a-key", timeout=10).json()
    assert [one["runId"] for one in listed["cancellations"]] == [run_id]
    (job,) = listed["jobs"]
    assert (job["jobId"], job["outcome"], job["startedAt"]) == (JOB, "stopped", result["startedAt"])
    assert requests.get(job["statusUrl"], timeout=10).json() == result
    assert requests.get(f"{host.url}/api/cancel-active-run?status=active", timeout=10).json()["jobs"] == []
