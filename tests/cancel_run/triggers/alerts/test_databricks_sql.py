"""Databricks SQL alerts: the runs in the rendered body, in the workspace that the row or the alert's URL names."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.alerts import PROD_ID, TEST_ID, read, runs, sql_alert
from tests.support.page import Page

LEGACY = {
    "event": "alert_state_change",
    "url_base": "https://somewhere.example",
    "alert": {
        "id": "1a", "name": "n", "state": "triggered", "title": "t", "description": "runId: 5",
        "last_triggered_at": "2026-01-01T00:00:00Z", "options": {"custom_body": "{{x}}"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ("runId=101", [(101, "test")]),
        ("Too long: run_id: 101, workspaceId: " + PROD_ID + ". Please stop it.", [(101, "prod")]),
        ("RunId = 101 | Workspace = prod", [(101, "prod")]),
        ("runId=1 workspace=prod\nrunId=2 workspace=test\n\n", [(1, "prod"), (2, "test")]),
        ("runId=1 workspace=prod; runId=2 workspace=test", [(1, "prod"), (2, "test")]),
        ("runId: 1, runId: 2.0, runId: 2.73988794563328E+14", [(1, "test"), (2, "test"), (273988794563328, "test")]),
        ("workspace: prod\n- runId: 1\n- runId: 2, workspace: test", [(1, "prod"), (2, "test")]),
        ("<p>runId=1</p><br/>runId=<b>2</b><div>'run_id': '3'</div>", [(1, "test"), (2, "test"), (3, "test")]),
        ('{"runId": 1, "workspaceId": "' + PROD_ID + '"}', [(1, "prod")]),
        ('[{"run_id": "1"}, {"run_id": "2", "workspace_id": ' + PROD_ID + "}]", [(1, "test"), (2, "prod")]),
        ('{"workspace": "prod", "r": [{"runId": 1}, {"runId": 2, "workspace": "test"}]}', [(1, "prod"), (2, "test")]),
        ('{"runId": 1}{"runId": 2}', [(1, "test"), (2, "test")]),
        ('[{"runId": 1}, {"runId": 2}, ]', [(1, "test"), (2, "test")]),
        ("runId=1&amp;runId=2", [(1, "test"), (2, "test")]),
        ("runId=1 parent_run_id=2 parent.run_id=3 cost=500 started 2026-01-31 11:50 nightly-2", [(1, "test")]),
        ("job: nightly runId: 1 workspace: prod", [(1, "prod")]),
        ("Long runs: run id: 1 (since 11:50, v2.5), see https://example.net/8", [(1, "test")]),
        ("2026-01-31 11:50 runId=1", [(1, "test")]),
        ("runId=1 Workspace.Id=" + PROD_ID, [(1, "prod")]),
        ({"runId": 1}, [(1, "test")]),
    ],
)  # fmt: skip
def test_the_runs_are_read_out_of_the_rendered_body(body: Any, right: list[Any]) -> None:
    alert = read(sql_alert(body))
    assert (runs(alert), alert.refusals) == (right, ())


@pytest.mark.parametrize(
    ("body", "right", "words"),
    [
        ("nothing is named here, not even run 7", [], "the rendered custom body of the alert (alert.description)"),
        ("{{QUERY_RESULT_ROWS}}", [], "the rendered custom body"),
        (None, [], "the rendered custom body"),
        ("runId=1 name=a job called runId=999", [], "'called runId: 999'"),
        ("runId=1 job=runId=999", [], "it names the runs 1 and 999"),
        ("runId=1 workspace=prod runId=2", [], "it names the runs 1 and 2"),
        ("runId: 1, 2, 3", [], "(a list)"),
        ("runId=1\nrunId=x", [(1, "test")], "row 2: the run id 'x'"),
        ('[{"runId": 1}, {"name": "n"}]', [(1, "test")], "row 2: it names no run"),
        ("runId=1 workspaceId=999", [], "DATABRICKS_WORKSPACE_ID"),
        ("workspace: prod\nworkspace: test\nrunId: 1", [], "it contradicts itself"),
        *(
            (f"runId=273{mark}988{mark}794", [], "")
            for mark in (" ", "\N{NO-BREAK SPACE}", "\u202f", "'", "&nbsp;", ".")
        ),
        *(
            (f"runId=1{between}2", [], "")
            for between in ("; ", "|", " ", " and ", ", and also ", "&amp;", "/", "; run ")
        ),
        ("runId=1.0, 2.0", [], "(a list)"),
        ("runId=1\n2", [(1, "test")], "row 2"),
        ("runId=4<b>5</b>6", [], "(a list)"),
        ("runId=4&lt;b>5", [], ""),
        ("parent run id: 4", [], "'parent run id: 4'"),
        ("Too long: parent run id: 4", [], "'parent run id: 4'"),
        ("parent runId=4", [], "'parent runId: 4'"),
        ("parent.run_id=4", [], "it names no run"),
        ("runId=1, parent run id: 4", [], "'parent run id: 4'"),
        ("Do not cancel run id: 7", [], "'cancel run id: 7'"),
        ('{"runId": 1, "runId": 2}', [], "key given twice: 'runId'"),
        ('{"runId": 1, "runId": 2}, ', [], "it names the runs 1 and 2"),
        ('{"runId": 1, "rows": [{"runId": 2}]}', [], "within a row"),
        ('[{"runId": 1, "next": {"runId": 2}}]', [], "within a row"),
        ('{"rows": [{"runId": 1}], "one": {"runId": 2}}', [], "within a row"),
        (f"runId=1 workspaceUrl=https://adb-{PROD_ID}.7.azuredatabricks.net", [], "'workspaceUrl', which is not read"),
        ("databricks_workspace_id: 1\nrunId=1", [], "'databricks_workspace_id', which is not read"),
        ('{"runId": 1, "workspaceId": null}', [], "(null)"),
    ],
)
def test_what_is_not_named_exactly_is_refused(body: Any, right: list[Any], words: str) -> None:
    alert = read(sql_alert(body))
    assert runs(alert) == right
    assert words in alert.refused()


def test_the_workspace_is_the_one_that_the_alert_comes_from_before_the_default_one() -> None:
    assert runs(read({**sql_alert("runId=1"), "url_base": f"https://vanity.example/sql?o={PROD_ID}"})) == [(1, "prod")]
    assert runs(read({**sql_alert("runId=1"), "url_base": f"https://adb-{TEST_ID}.2.example"})) == [(1, "test")]
    assert runs(read(LEGACY)) == [(5, "prod")]
    assert read({**sql_alert("runId=1"), "url_base": "https://vanity.example/sql?o=999"}).refusals


@pytest.mark.parametrize(
    "url",
    [
        f"https://adb-{PROD_ID}.7.azuredatabricks.net/sql?o={TEST_ID}",
        f"https://vanity.example/sql?o={PROD_ID}&o={TEST_ID}",
        f"HTTPS://ADB-{PROD_ID}.7.azuredatabricks.net/?x=1#/sql?o={TEST_ID}",
    ],
)
def test_a_url_of_two_workspaces_refuses_the_rows_that_name_none(url: str) -> None:
    alert = read({**sql_alert("runId=1\nrunId=2 workspace=test"), "url_base": url})
    assert runs(alert) == [(2, "test")]
    assert "row 1: it contradicts itself" in alert.refused()


def test_a_long_body_of_any_make_is_read_in_time() -> None:
    for piece in ("a-", "_s", "run id ", "hostname", "a b ", "1 ", "=", "run id:", "'", "runId=1 ", "<", "&", "{"):
        alert = read(sql_alert(f"{piece * 9_000}=1\nrunId=7"))
        assert alert.requests or alert.refusals


def test_a_legacy_alert_is_read_and_has_an_identity() -> None:
    (order,) = read(LEGACY).requests
    assert order.event == "databricks-sql 1a 2026-01-01T00:00:00Z"
    assert (order.request.reason, order.request.requested_by) == ("alert n", "databricks-sql")


@pytest.mark.parametrize(
    "told",
    [
        {"state": "ok"},
        {"alert": {"id": "1", "state": "UNKNOWN"}},
        {"evaluations": [{"state": "OK"}]},
        {"title": 'Alert "all TRIGGERED ones" changed status to OK'},
    ],
)
def test_an_alert_that_is_not_triggered_asks_for_nothing(told: dict[str, Any]) -> None:
    alert = read(sql_alert("runId=1", **told))
    assert (alert.requests, alert.refusals) == ((), ())
    assert "not triggered but" in alert.nothing


@pytest.mark.parametrize(
    "told",
    [
        {"state": "ALERT_STATE_TRIGGERED"},
        {"evaluations": [{"state": "OK"}, {"state": "TRIGGERED"}]},
        {"alert": {"evaluation": {"state": "TRIGGERED", "empty_result_state": "OK"}}},
        {"title": "TRIGGERED: long runs"},
    ],
)
def test_the_state_is_found_where_versions_of_the_payload_have_it(told: dict[str, Any]) -> None:
    assert runs(read(sql_alert("runId=1", **{"title": "long runs", **told}))) == [(1, "test")]


def test_an_alert_that_does_not_tell_its_state_is_refused() -> None:
    alert = read(sql_alert("runId=1", title="long runs"))
    assert alert.requests == ()
    assert "TRIGGERED" in alert.refused()


def test_the_body_that_the_page_recommends_names_the_rows_of_the_query() -> None:
    template = re.findall(r"```\n(.*?)```", Page("docs/alerts.md").section("Databricks SQL alerts"), re.DOTALL)[0]
    begin, row, end = template.splitlines()
    assert (begin, end) == ("{{#QUERY_RESULT_ROWS}}", "{{/QUERY_RESULT_ROWS}}")
    values = (("1", PROD_ID), ("2", TEST_ID))
    filled = [row.replace("{{run_id}}", run).replace("{{workspace_id}}", workspace) for run, workspace in values]
    assert runs(read(sql_alert("\n".join(filled)))) == [(1, "prod"), (2, "test")]
