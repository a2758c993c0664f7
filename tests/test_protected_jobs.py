"""A protected job survives every way to ask for a cancel of its runs, and every place from which one may be sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.activities import Activities, Question
from cancel_run.clock import SystemClock
from cancel_run.settings import Settings
from local_host.emulators.faults import json_fault
from local_host.emulators.run_life import Life, Row
from tests.support.caller import cancel

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

PROTECTED, OTHER = 11223344, 5  # the emulated runs are of the first, unless they say otherwise


def of_job(job_id: int | None, **facts: Any) -> Life:
    return Life(facts={"job_id": job_id, **facts})


def with_lists(environ: dict[str, str], **lists: list[int]) -> dict[str, str]:
    table = json.loads(environ["DATABRICKS_WORKSPACES"])
    table["prod"].update(lists)
    return {**environ, "DATABRICKS_WORKSPACES": json.dumps(table)}


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return with_lists(environ, protectedJobs=[PROTECTED])


def asked(environ: dict[str, str]) -> Activities:
    return Activities(lambda: Settings.from_environ(environ), SystemClock())


def just_seen(run_id: int, **question: Any) -> Question:
    """A cancel that was decided on a sight of the run so fresh that it would not be looked at again."""
    seen = datetime.now(UTC).isoformat()
    return Question(runId=run_id, workspace="prod", repairId=None, seenActiveAt=seen, again=False) | question  # type: ignore[return-value]


def test_a_run_of_a_protected_job_is_rejected_and_gets_no_cancel(host: LocalHost, workspace: JobsApi) -> None:
    result = cancel(host, workspace.add_run())
    assert (result["outcome"], result["stopped"], result["cancels"]) == ("rejected", False, 0)
    assert (result["jobId"], result["finalLifeCycleState"], result["runName"]) == (PROTECTED, "RUNNING", "nightly")
    assert (result["error"]["code"], result["error"]["statusCode"]) == ("ProtectedJob", None)
    assert str(PROTECTED) in result["error"]["message"]
    assert workspace.count("cancel") == 0


def test_a_run_of_another_job_is_canceled(host: LocalHost, workspace: JobsApi) -> None:
    assert cancel(host, workspace.add_run(of_job(OTHER)))["outcome"] == "canceled"


def test_a_run_of_a_protected_job_that_has_ended_has_already_ended(host: LocalHost, workspace: JobsApi) -> None:
    ended = Life((Row("TERMINATED", result="SUCCESS"),))
    assert cancel(host, workspace.add_run(ended))["outcome"] == "alreadyEnded"


@pytest.mark.parametrize(("job_id", "outcome"), [(OTHER, "canceled"), (PROTECTED, "rejected"), (None, "rejected")])
def test_with_cancelable_jobs_no_others_are_canceled(
    job_id: int | None,
    outcome: str,
    environ: dict[str, str],
    start_host: Callable[..., LocalHost],
    workspace: JobsApi,
) -> None:
    host = start_host(with_lists(environ, protectedJobs=[], cancelableJobs=[OTHER]))
    assert cancel(host, workspace.add_run(of_job(job_id)))["outcome"] == outcome
    assert workspace.count("cancel") == (outcome == "canceled")


@pytest.mark.parametrize("own", [PROTECTED, OTHER, None])
def test_a_task_of_a_protected_job_is_not_canceled_whichever_job_it_tells(
    own: int | None, host: LocalHost, workspace: JobsApi
) -> None:
    whole = workspace.add_run(of_job(PROTECTED))
    result = cancel(host, workspace.add_run(of_job(own, job_run_id=whole)))
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "ProtectedJob")
    assert workspace.count("cancel") == 0


def test_a_whole_run_that_is_told_as_0_is_none(host: LocalHost, workspace: JobsApi) -> None:
    assert cancel(host, workspace.add_run(of_job(OTHER, job_run_id=0)))["outcome"] == "canceled"


def test_a_task_whose_whole_run_cannot_be_found_is_not_canceled(host: LocalHost, workspace: JobsApi) -> None:
    result = cancel(host, workspace.add_run(of_job(OTHER, job_run_id=77)))
    assert (result["error"]["code"], workspace.count("cancel")) == ("ProtectedJob", 0)


def test_a_task_of_another_job_is_canceled(host: LocalHost, workspace: JobsApi) -> None:
    whole = workspace.add_run(of_job(OTHER))
    assert cancel(host, workspace.add_run(of_job(OTHER, job_run_id=whole)))["outcome"] == "canceled"


@pytest.mark.parametrize("question", [{}, {"again": True}, {"seenActiveAt": None}, {"jobId": OTHER}, {"repairId": 0}])
def test_whatever_has_decided_a_cancel_none_is_sent_to_a_protected_job(
    question: dict[str, Any], environ: dict[str, str], workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    answer = asked(environ).cancel_run(just_seen(run_id, **question))
    assert (answer["error"]["code"], answer["error"]["mendable"]) == ("ProtectedJob", False)
    assert workspace.count("cancel") == 0


def test_a_workspace_without_lists_is_not_read_once_more_before_a_cancel(
    environ: dict[str, str], workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    answer = asked(with_lists(environ, protectedJobs=[])).cancel_run(just_seen(run_id))
    assert (answer["accepted"], workspace.count("get")) == (True, 0)


def test_a_job_that_is_protected_between_the_look_and_the_cancel_gets_none(
    environ: dict[str, str], workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    question = Question(runId=run_id, workspace="prod")
    assert "run" in asked(with_lists(environ, protectedJobs=[])).read_run(question)
    assert asked(environ).cancel_run(just_seen(run_id))["error"]["code"] == "ProtectedJob"
    assert asked(with_lists(environ, protectedJobs=[])).cancel_run(just_seen(run_id))["accepted"]


def test_while_the_job_cannot_be_told_nothing_is_sent(environ: dict[str, str], workspace: JobsApi) -> None:
    run_id = workspace.add_run(of_job(OTHER))
    workspace.faults.fail("get", json_fault(503, {"error_code": "TEMPORARILY_UNAVAILABLE"}))
    answer = asked(environ).cancel_run(just_seen(run_id))
    assert (answer["passing"]["statusCode"], workspace.count("cancel")) == (503, 0)


def test_a_cancel_decided_long_ago_is_looked_at_again(environ: dict[str, str], workspace: JobsApi) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    answer = asked(environ).cancel_run(just_seen(workspace.add_run(), seenActiveAt=long_ago))
    assert (answer["error"]["code"], workspace.count("cancel")) == ("ProtectedJob", 0)
