"""The lookup that every format shares: spellings, precedence, contradictions, and numbers of every make."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cancel_run.cancellation.request import LARGEST_RUN_ID
from cancel_run.settings import Settings
from cancel_run.triggers.alerts.lookup import RUN_ID, WORKSPACE, WORKSPACE_ID, Row, Source, fact, judged
from tests.support.alerts import PROD_ID, SETTINGS, TEST_ID, TWO_WORKSPACES, runs

WORDS = {RUN_ID: ("run", "id"), WORKSPACE: ("workspace",), WORKSPACE_ID: ("workspace", "id")}
IDS = {"prod": PROD_ID, "test": TEST_ID}
SOURCE = Source("tester", "a test", "the rows of a test")


def spellings(name: str) -> st.SearchStrategy[str]:
    """The fact's name, its words written and joined in any way, perhaps with a column's suffix."""
    written = st.sampled_from([str.lower, str.upper, str.capitalize])
    words = st.tuples(*(st.builds(lambda write, word: write(word), written, st.just(word)) for word in WORDS[name]))
    return st.tuples(words, st.sampled_from(["", "_", "-", " "]), st.sampled_from(["", "_s", "_g"])).map(
        lambda told: told[1].join(told[0]) + told[2]
    )


def look(*levels: list[tuple[str, Any]], settings: Settings = SETTINGS) -> tuple[list[tuple[int, str | None]], str]:
    alert = judged([Row(levels)], SOURCE, settings)
    return runs(alert), alert.refused()


@given(st.sampled_from(list(WORDS)).flatmap(lambda name: st.tuples(st.just(name), spellings(name))))
def test_a_fact_is_found_whatever_its_spelling(told: tuple[str, str]) -> None:
    assert fact(told[1]) == told[0]


@pytest.mark.parametrize("name", ["parent_run_id", "job_id", "jobRunId", "TenantId", "ids", "runIds", "id", "", "_d"])
def test_another_fact_is_not_taken_for_one(name: str) -> None:
    assert fact(name) is None


SAID_OF_WORKSPACE = st.sampled_from(["prod", "test"]).flatmap(
    lambda alias: st.tuples(
        st.just(alias),
        spellings(WORKSPACE).map(lambda name: (name, alias))
        | st.tuples(spellings(WORKSPACE_ID), st.sampled_from([IDS[alias], int(IDS[alias]), float(IDS[alias])])),
    )
)


@given(
    spellings(RUN_ID),
    st.lists(st.none() | SAID_OF_WORKSPACE, min_size=1, max_size=3),
    st.lists(st.none() | st.integers(1, LARGEST_RUN_ID), min_size=3, max_size=3),  # None: nothing is said there
)
def test_the_first_level_that_says_anything_of_a_fact_decides(
    run_id: str, workspaces: list[tuple[str, tuple[str, Any]] | None], numbers: list[int | None]
) -> None:
    assume(any(numbers))
    levels: list[list[tuple[str, Any]]] = []
    for workspace, number in itertools.zip_longest(workspaces, numbers):
        levels.append([("Computer", "x"), *([(run_id, number)] if number else [])])
        if workspace:
            levels[-1].append(workspace[1])
    expected = next((told[0] for told in workspaces if told), "prod")
    assert look(*levels) == ([(next(number for number in numbers if number), expected)], "")


@given(SAID_OF_WORKSPACE, SAID_OF_WORKSPACE, st.permutations([("runId", 1), None, None]))
def test_two_workspaces_in_one_level_refuse_the_row_and_one_said_twice_does_not(
    first: tuple[str, tuple[str, Any]], second: tuple[str, tuple[str, Any]], order: list[Any]
) -> None:
    said = iter([first[1], second[1]])
    found, refused = look([fact or next(said) for fact in order])
    if first[0] == second[0]:
        assert (found, refused) == ([(1, first[0])], "")
    else:
        assert found == []
        assert "it contradicts itself" in refused
        assert f"prod (id {PROD_ID})" in refused


@given(spellings(RUN_ID), spellings(RUN_ID), st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_two_run_ids_refuse_the_row_and_one_in_two_makes_does_not(
    one: str, other: str, run_id: int, second: int
) -> None:
    assert look([(one, run_id), (other, f"{run_id}.0")]) == ([(run_id, "prod")], "")
    assume(run_id != second)
    found, refused = look([(one, run_id), (other, str(second))])
    assert found == []
    assert str(run_id) in refused
    assert str(second) in refused


@given(
    st.integers(1, 2**53 - 1),
    st.sampled_from([str, float, lambda n: f"{n}.000", lambda n: f" {n}e0 ", "{:.15E}".format]),
)
def test_a_whole_number_below_the_limit_of_reals_is_a_run_in_any_make(run_id: int, make: Any) -> None:
    value = make(run_id)
    assume(float(value) == run_id)  # fifteen decimals cannot hold the longest ones
    assert look([("runId", value)]) == ([(run_id, "prod")], "")


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 2**63, "0", "-5", "007", "1.5", "9.1E+17", float(2**53), "9007199254740992.0", "1e400", "NaN",
        "1e-3", "inf", "0.5e1", "١٢٣", "0x10", "1,000", "run 7", True, [], {}, "", " ",
        "1" * 5000, 10**4000, "9223372036854775808", None,
    ],
)  # fmt: skip
def test_what_is_no_run_id_refuses_the_row_and_says_where_it_stood(value: Any) -> None:
    found, refused = look([("runId", value)])
    assert found == []
    assert "in the rows of a test cannot be used" in refused
    assert len(refused) < 400


def test_a_whole_number_in_a_column_of_reals_is_judged_as_a_real() -> None:
    assert look([("runId_d", "273988794563328")]) == ([(273988794563328, "prod")], "")
    for name in ("runId_d", "run_id_d ", "RUN_ID_D", "run_id_d_s", "runId_s_d", "run.id_d"):
        assert look([(name, 2**53 + 1)])[0] == []


def test_what_cannot_be_used_is_not_replaced_by_what_holds_for_all_rows() -> None:
    assert look([("runId", "x")], [("runId", "1")])[0] == []
    assert look([("runId", "1"), ("workspace", "")], [("workspace", "test")])[0] == []
    assert look([("runId", "1"), ("workspace", "elsewhere")], [("workspaceId", TEST_ID)])[0] == []
    assert look([("runId", None)], [("runId", "1")])[0] == []
    assert look([("runId", "1"), ("workspaceId", None)], [("workspace", "test")])[0] == []


@pytest.mark.parametrize(
    "name",
    [
        "workspaceUrl", "WORKSPACE_HOST_s", "workspace.url", "databricks_workspace_id", "DatabricksHost", "workspaces",
        "databricks-instance", "adb_workspace", "azureDatabricksWorkspaceUrl", "workspaceHostName", "workspaceNumber",
    ],
)  # fmt: skip
def test_a_workspace_in_words_that_are_not_read_is_refused_and_no_default_stands_in(name: str) -> None:
    found, refused = look([("runId", "1"), (name, TEST_ID)], [("workspace", "prod")])
    assert found == []
    assert f"'{name}', which is not read: say workspace or workspaceId" in refused
    assert look([("runId", "1"), (name, "x"), ("workspaceId", TEST_ID)]) == ([(1, "test")], "")


@pytest.mark.parametrize(
    "name", ["WorkspaceResourceId", "workspaceLocation", "LogAnalyticsWorkspaceId", "host", "url", "databricks_run_id"]
)
def test_what_is_said_of_something_else_leaves_the_default_workspace(name: str) -> None:
    assert look([("runId", "1"), (name, "x")]) == ([(1, "prod")], "")


@pytest.mark.parametrize("name", ["Workspace.Id", "workspace/id", "[Workspace Id]", "WORKSPACE:ID_s"])
def test_any_mark_may_stand_between_the_words_of_a_name(name: str) -> None:
    assert look([("run.id", "1"), (name, TEST_ID)]) == ([(1, "test")], "")


def test_an_empty_value_beside_another_says_nothing() -> None:
    assert look([("runId", "1"), ("workspace", ""), ("workspaceId", TEST_ID)]) == ([(1, "test")], "")


def test_a_name_whose_id_the_settings_do_not_know_does_not_vouch_for_the_id_beside_it() -> None:
    found, refused = look([("runId", "1"), ("workspace", "prod"), ("workspaceId", "999")])
    assert found == []
    assert "workspaceId in DATABRICKS_WORKSPACES" in refused
    assert "DATABRICKS_WORKSPACE_ID" in refused


def test_without_a_default_workspace_a_row_has_to_name_one() -> None:
    none = Settings.from_environ({**TWO_WORKSPACES, "DEFAULT_WORKSPACE": ""})
    found, refused = look([("runId", "1")], settings=none)
    assert found == []
    assert "set DEFAULT_WORKSPACE" in refused
