"""The KQL of infra/queries: it compiles, and what it reads is what the app writes."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cancel_run.cancellation import outcome_event
from cancel_run.cancellation.progress import Progress
from cancel_run.cancellation.result import CancelResult, Outcome
from cancel_run.job import outcome_event as job_event
from cancel_run.job.result import JobResult
from tests.support import ROOT
from tests.support.bicep import as_json, source
from tests.support.plain_bicep import INFRA
from tests.support.queries import CHARTS, OUTCOMES, QUERIES, RULES, SAMPLE

KUSTO = ROOT / ".kusto/node_modules/@kusto/language-service-next"
compiled = pytest.mark.skipif(
    not KUSTO.exists(), reason="The Kusto compiler is not installed (`make test` installs it where there is npm)"
)

# the columns that Azure's tables have, of those that are read
TABLES = {
    "traces": "(timestamp: datetime, message: string, severityLevel: int, customDimensions: dynamic)",
    "requests": "(timestamp: datetime, name: string, resultCode: string, itemCount: int)",
    "DatabricksJobs": "(TimeGenerated: datetime, ActionName: string, RequestParams: string, _ResourceId: string)",
}
EVENT = outcome_event.fields(
    "prod-7", datetime(2026, 1, 31, tzinfo=UTC), 0, CancelResult(outcome=Outcome.CANCELED, run_id=7)
)
IS_BLOCKED = outcome_event.blocked_fields(Progress.load({"runId": 7}, "prod-7", datetime(2026, 1, 31, tzinfo=UTC)))
# as tests/cancel_run/test_token_watch.py sees it written
TOKEN_EXPIRES = {"event": "tokenExpires", "workspace": "prod", "auth": "oauth", "expiresAt": "", "daysLeft": 3}
JOB_ENDED = job_event.fields("prod~job-5", JobResult(job_id=5))
EVENTS = [
    (OUTCOMES, EVENT),
    (QUERIES["blocked"], IS_BLOCKED),
    (QUERIES["token-expires"], TOKEN_EXPIRES),
    (QUERIES["job-not-stopped"], JOB_ENDED),
]


@pytest.fixture(scope="module")
def judged() -> dict[str, Any]:
    """What the compiler says of each query."""
    done = subprocess.run(  # noqa: S603  # installed by the Makefile
        ["node", str(Path(__file__).with_name("kusto.js")), str(KUSTO)],  # noqa: S607
        input=json.dumps(
            {"tables": TABLES, "queries": {**QUERIES, "wrong": f"{OUTCOMES}outcomes | where outcom == ''"}}
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@compiled
@pytest.mark.parametrize("name", QUERIES)
def test_a_query_compiles(name: str, judged: dict[str, Any]) -> None:
    assert judged[name]["problems"] == []


@compiled
def test_the_compiler_tells_a_column_that_is_not_there(judged: dict[str, Any]) -> None:
    assert "outcom" in " ".join(judged["wrong"]["problems"])


@compiled
@pytest.mark.parametrize("name", RULES)
def test_a_rule_splits_by_columns_of_its_query(name: str, judged: dict[str, Any]) -> None:
    assert set(RULES[name]["dimensions"]) <= set(judged[name]["columns"])


@compiled
def test_the_sample_rule_splits_by_the_run(judged: dict[str, Any]) -> None:
    assert [dimension["name"] for dimension in SAMPLE["dimensions"]] == ["runId"]
    assert "runId" in judged["sample"]["columns"]


@compiled
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_over_time_where_it_is_not_a_table(name: str, judged: dict[str, Any]) -> None:
    kind = CHARTS[name]["visualization"]
    assert kind in {"table", "timechart", "barchart"}
    assert kind == "table" or "timestamp" in judged[name]["columns"]


@pytest.mark.parametrize(("query", "event"), EVENTS, ids=["ended", "blocked", "token", "job"])
def test_every_field_of_an_event_that_is_read_is_written(query: str, event: dict[str, Any]) -> None:
    read = dict(re.findall(r"(\w+) = to\w+\(event\.(\w+)\)", query))
    assert len(read) == query.count("event.")
    assert set(read.values()) <= set(event)
    assert all(column == field for column, field in read.items())


@pytest.mark.parametrize(("query", "event"), EVENTS, ids=["ended", "blocked", "token", "job"])
def test_an_event_is_found_by_the_way_its_line_begins(query: str, event: dict[str, Any]) -> None:
    (begin,) = re.findall(r"startswith '([^']+)'", query)
    assert json.dumps(event, separators=(",", ":")).startswith(begin)


def test_the_same_line_twice_is_one_cancellation_and_two_cancellations_never_have_the_same_line() -> None:
    assert "by message" in OUTCOMES
    assert {"instanceId", "startedAt"} <= set(EVENT)


@pytest.mark.parametrize("name", QUERIES)
def test_an_outcome_that_a_query_asks_for_is_one(name: str) -> None:
    asked = re.findall(r"outcome [!=]= '(\w+)'", QUERIES[name])
    assert set(asked) <= {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("name", [*RULES, *CHARTS])
def test_a_line_is_known_by_how_it_begins_and_never_by_what_stands_in_it(name: str) -> None:
    assert set(re.findall(r"\bmessage (\S+)", QUERIES[name])) <= {"startswith"}
    assert all(pattern.startswith("^") for pattern in re.findall(r'extract\(@"(.*)", 1, message\)', QUERIES[name]))


def test_the_rules_are_for_what_an_operator_must_hear_of() -> None:
    in_the_log = {"timed-out", "rejected", "blocked", "expired", "instance-failed", "poison-message"}
    in_the_log |= {"job-not-stopped"}
    assert set(RULES) == in_the_log | {"token-expires", "request-failed", "queue-not-read", "no-heartbeat"}


def test_a_mail_about_one_cancellation_links_to_its_page_and_never_with_a_key() -> None:
    linking = {name for name, rule in RULES.items() if "page" in rule["dimensions"]}
    assert linking == {name for name in RULES if "strcat('APP_URL/api/" in QUERIES[name]}
    assert linking == {"timed-out", "expired", "instance-failed"}
    template = source("operators.bicep")
    assert "query: replace(rule.query, 'APP_URL', appUrl)" in template
    assert "${appUrl}/api/cancel-active-run," in template
    assert "code=" not in template + "".join(QUERIES.values()) + source("workflow.json")


def test_the_workbook_asks_for_the_time_range_that_its_charts_go_by() -> None:
    (asked,) = as_json("workbook-time-range.json")["content"]["parameters"]
    assert f"timeContextFromParameter: '{asked['name']}'" in source("operators.bicep")
    assert asked["type"] == 4  # a time range, in the workbooks' own numbering


def test_every_query_stands_in_its_folder_and_is_used() -> None:
    assert "| where" not in source("operators.bicep") + source("alerts.bicep")
    texts = "\n".join(QUERIES.values())
    assert all(path.read_text(encoding="utf-8") in texts for path in (INFRA / "queries").iterdir())
