"""``runs/list`` of the emulated workspace, as the Jobs API has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from local_host.emulators.run_life import Life, Row
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi

SECONDS = 10.0
JOB, OTHER = 5, 6
ENDED = Life((Row("TERMINATED", result="SUCCESS"),), facts={"job_id": JOB})


def of(job_id: int, state: str = "RUNNING") -> Life:
    return Life((Row(state),), facts={"job_id": job_id})


def ask(workspace: JobsApi, **query: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.get(f"{workspace.url}/api/2.1/jobs/runs/list", params=query, headers=headers, timeout=SECONDS)


def test_the_active_runs_of_a_job_come_page_by_page_the_newest_first(workspace: JobsApi) -> None:
    runs = [workspace.add_run(of(JOB)) for _ in range(5)]
    workspace.add_run(ENDED)
    workspace.add_run(of(OTHER))
    query = {"job_id": JOB, "active_only": "true", "limit": 2}
    pages = [ask(workspace, **query).json()]
    while "next_page_token" in pages[-1]:
        pages.append(ask(workspace, **query, page_token=pages[-1]["next_page_token"]).json())
    assert [run["run_id"] for page in pages for run in page["runs"]] == runs[::-1]
    assert [page["has_more"] for page in pages] == [True, True, False]


def test_there_are_no_runs_where_there_are_none(workspace: JobsApi) -> None:
    workspace.add_run(ENDED)
    assert ask(workspace, job_id=JOB, active_only="true").json() == {"has_more": False}
    assert len(ask(workspace, job_id=JOB).json()["runs"]) == 1


def test_each_filter_leaves_out_what_it_is_not_about(workspace: JobsApi) -> None:
    ended, active = workspace.add_run(ENDED), workspace.add_run(of(OTHER))
    submitted = workspace.add_run(
        Life((Row("RUNNING"),), facts={"job_id": 7, "run_type": "SUBMIT_RUN"}), tasks=["load"]
    )
    began = ask(workspace).json()["runs"][0]["start_time"]

    def found(**query: Any) -> list[int]:
        return [run["run_id"] for run in ask(workspace, **query).json().get("runs", [])]

    assert found() == [submitted, active, ended]
    assert found(completed_only="true") == [ended]
    assert found(active_only="true") == [submitted, active]
    assert found(run_type="SUBMIT_RUN") == [submitted]
    assert found(run_type="JOB_RUN") == [active, ended]
    assert found(start_time_from=began + 60_000) == found(start_time_to=1) == []
    assert found(start_time_from=1, start_time_to=began + 60_000) == found()
    assert [found(limit=1, offset=number) for number in range(4)] == [[submitted], [active], [ended], []]
    assert "tasks" not in ask(workspace).json()["runs"][0]
    assert [task["task_key"] for task in ask(workspace, expand_tasks="true").json()["runs"][0]["tasks"]] == ["load"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 26},
        {"job_id": "x"},
        {"page_token": "made-up"},
        {"active_only": "true", "completed_only": "true"},
        {"active_only": "yes"},
        {"start_time_from": "abc"},
        {"run_type": "ANY"},
        *({key: "9" * 5000} for key in ("limit", "job_id", "page_token", "offset")),
    ],
    ids=lambda query: next(iter(query)),
)
def test_what_is_no_query_is_a_bad_request(query: dict[str, Any], workspace: JobsApi) -> None:
    assert ask(workspace, **query).status_code == 400
