"""Which jobs' runs may be canceled: what the settings may say of it, and what follows for a run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.errors import SettingsError
from cancel_run.job_lists import JobLists
from cancel_run.settings import Settings

VAULT = {"KEY_VAULT_URI": "https://v.vault.azure.net"}
SOLE = {**VAULT, "DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net"}
JOB_IDS = st.integers(1, 2**63 - 1)


def several(**entries: Any) -> dict[str, str]:
    hosts = {alias: {"host": f"https://{alias}.example", **entry} for alias, entry in entries.items()}
    return {**VAULT, "DATABRICKS_WORKSPACES": json.dumps(hosts)}


def problems(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    return str(caught.value)


def test_the_lists_of_a_workspace_and_of_a_sole_one_say_the_same() -> None:
    expected = JobLists(frozenset({5, 2**63 - 1}), frozenset({7}))
    listed = {"protectedJobs": [5, str(2**63 - 1)], "cancelableJobs": [7, 7]}
    assert Settings.from_environ(several(prod=listed)).workspace("prod").jobs == expected
    sole = {**SOLE, "DATABRICKS_PROTECTED_JOBS": f" 5,{2**63 - 1} ", "DATABRICKS_CANCELABLE_JOBS": "7"}
    assert Settings.from_environ(sole).workspace(None).jobs == expected
    assert not Settings.from_environ(SOLE).workspace(None).jobs


@pytest.mark.parametrize("key", ["protectedJobs", "cancelableJobs"])
@pytest.mark.parametrize("wrong", [0, -1, 2**63, 1.0, True, None, "x", " 1", "1,,2", [5], {}])
def test_what_is_no_list_of_job_ids_is_named_and_not_repeated(key: str, wrong: Any) -> None:
    said = problems(several(prod={key: [wrong]}))
    assert f"DATABRICKS_WORKSPACES['prod'].{key} must be a list of job ids" in said
    assert f"'{wrong}'" not in said


@pytest.mark.parametrize("text", ["x", "1;2", "1,", "[1]", "0", "1.5", "dapi0123456789abcdef"])
def test_a_text_of_other_things_than_job_ids_is_named(text: str) -> None:
    said = problems({**SOLE, "DATABRICKS_PROTECTED_JOBS": text, "DATABRICKS_CANCELABLE_JOBS": text})
    assert "DATABRICKS_PROTECTED_JOBS must be" in said
    assert "DATABRICKS_CANCELABLE_JOBS must be" in said
    assert text not in said or len(text) == 1


def test_a_job_cannot_be_protected_and_cancelable() -> None:
    said = problems(several(prod={"protectedJobs": [5, 6], "cancelableJobs": [6, 7]}))
    assert "cancelableJobs both name 6: a job is the one or the other" in said


def test_the_lists_of_a_sole_workspace_are_not_ignored_beside_a_table() -> None:
    said = problems({**several(prod={}), "DATABRICKS_PROTECTED_JOBS": "5"})
    assert "DATABRICKS_PROTECTED_JOBS is for a sole workspace" in said


def test_two_names_of_one_host_protect_the_same_jobs() -> None:
    one, two = {"host": "https://a.example", "protectedJobs": [5]}, {"host": "https://A.example.:443"}
    assert "one host at 'one' and 'two'" in problems(several(one=one, two=two))
    assert Settings.from_environ(several(one=one, two={**two, "protectedJobs": ["5"]}))
    region = [{"host": "https://r.azuredatabricks.net", "workspaceId": number} for number in (1, 2)]
    assert Settings.from_environ(several(one={**region[0], "protectedJobs": [5]}, two=region[1]))


@given(JOB_IDS, st.frozensets(JOB_IDS), st.none() | st.frozensets(JOB_IDS))
def test_a_run_of_a_job_that_is_protected_or_not_cancelable_is_objected_to(
    job_id: int, protected: frozenset[int], cancelable: frozenset[int] | None
) -> None:
    objected = JobLists(protected, cancelable).objection([job_id]) is not None
    assert objected == (job_id in protected or (cancelable is not None and job_id not in cancelable))


def test_a_task_is_judged_by_its_own_job_and_by_that_of_the_whole_run() -> None:
    lists = JobLists(frozenset({5}), frozenset({7}))
    assert lists.objection([9, 7]) is None
    assert "protected" in str(lists.objection([5, 7]))
    assert "protected" in str(lists.objection([9, 5]))
    assert "not one of those" in str(lists.objection([7, 9]))


@pytest.mark.parametrize("lists", [JobLists(frozenset({5})), JobLists(cancelable=frozenset())])
@pytest.mark.parametrize("job_ids", [[], [None], [7, None]])
def test_a_run_whose_job_nobody_tells_is_objected_to(lists: JobLists, job_ids: list[int | None]) -> None:
    assert "does not tell" in str(lists.objection(job_ids))
    assert JobLists().objection(job_ids) is None
