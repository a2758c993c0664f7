"""What people met in public reports and payload samples, through the queue trigger: what is begun, told, and poison.

It is longer than most: it is mostly one table of messages.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from azure.functions.queue import QueueMessage

from cancel_run.clock import SystemClock
from cancel_run.errors import RequestError
from cancel_run.settings import Settings
from cancel_run.triggers import queue_trigger
from tests.support.alerts import (
    NOTIFICATION,
    PROD_ID,
    TEST_ID,
    TWO_WORKSPACES,
    VAULT,
    common,
    dimensions,
    log_alert,
)

LOGGER = "cancel_run.triggers.queue_trigger"


@dataclass
class TaskHub:
    """A durable client that takes every start."""

    begun: list[tuple[int, str]] = field(default_factory=list)

    async def start_new(self, _: str, instance_id: str, client_input: Any) -> str:
        self.begun.append((client_input["runId"], client_input["workspace"]))
        return instance_id

    async def get_status(self, instance_id: str, *, show_input: bool = False) -> Any:  # noqa: ARG002  # of none
        return SimpleNamespace(message="")  # as the SDK has it of an instance that nobody started


@dataclass(frozen=True)
class Case:
    message: Any
    right: list[tuple[int, str]]
    poison: str = ""  # words of the one line that tells what goes to the poison queue
    nothing: str = ""  # words of the one line that tells why there is nothing to do
    environ: dict[str, str] = field(default_factory=lambda: TWO_WORKSPACES)


def event(number: int, data: Any) -> dict[str, Any]:
    return {"id": str(number), "eventType": "x", "subject": "s", "data": data, "dataVersion": "1"}


def v1(**context: Any) -> dict[str, Any]:
    return common(
        # this WorkspaceId is that of the logs, and no workspace of Databricks
        {"SearchQuery": "q", "AlertType": "Metric measurement", "WorkspaceId": "a0a0-b1b1", **context},
        monitoringService="Log Analytics",
    )


def results(columns: dict[str, str], *rows: list[Any]) -> dict[str, Any]:
    named = [{"name": name, "type": kind} for name, kind in columns.items()]
    return {"tables": [{"name": "PrimaryResult", "columns": named, "rows": list(rows)}], "dataSources": []}


def backlog(**told: Any) -> dict[str, Any]:
    return {
        **NOTIFICATION, "event_type": "jobs.on_streaming_backlog_exceeded", "workspace_id": PROD_ID,
        "run": {"run_id": "1"}, **told
    }  # fmt: skip


CASES = {
    # -- a fact is found whatever its spelling
    "a workspace in another spelling": Case(log_alert({"RunId": "101", "Workspace": "test"}), [(101, "test")]),
    "a workspace as a custom property in another spelling": Case(
        log_alert({"runId": "101"}, properties={"Workspace": "test"}), [(101, "test")]
    ),
    "a workspace's id as a custom property beside the alert's context": Case(
        log_alert({"RUN_ID": "101"}, custom={"workspace_id": int(TEST_ID)}), [(101, "test")]
    ),
    "columns that Log Analytics suffixed": Case(
        log_alert({"run_id_s": "101", "workspaceId_d": "2.222222222222222E+15"}), [(101, "test")]
    ),
    "an Event Grid event with an alert's spelling in it": Case(
        [event(1, {"RunId": 101, "WorkspaceId": TEST_ID})], [(101, "test")]
    ),
    # -- the row beats the rule
    "the row's workspace id beats the rule's name": Case(
        log_alert({"RunId": "2", "WorkspaceId": TEST_ID}, properties={"workspace": "prod"}), [(2, "test")]
    ),
    "the rows' run ids beat the rule's": Case(
        log_alert({"RunId": "2"}, {"RunId": "3"}, properties={"runId": "1"}), [(2, "prod"), (3, "prod")]
    ),
    "an empty workspace in the row is not the rule's": Case(
        log_alert({"runId": "2", "workspaceId": ""}, {"runId": "3"}, properties={"workspace": "test"}),
        [(3, "test")],
        "row 1: no workspace of the settings has the workspace id ''",
    ),
    # -- every row stands alone
    "a row that contradicts itself": Case(
        log_alert({"runId": "4", "workspace": "prod", "workspaceId": TEST_ID}, {"runId": "5", "workspace": "test"}),
        [(5, "test")],
        f"row 1: it contradicts itself: workspace 'prod', workspaceId '{TEST_ID}' are not one workspace",
    ),
    "a row of two run ids": Case(
        common(
            {"condition": {"allOf": [
                {"dimensions": dimensions([("runId", "6"), ("RunId", "7")])},
                {"dimensions": dimensions([("runId", "8"), ("run_id_d", "8.0")])},
            ]}}
        ),
        [(8, "prod")],
        "row 1: it contradicts itself: it names the runs 6 and 7",
    ),
    "one row of an unknown workspace id": Case(
        log_alert({"runId": "201", "workspaceId": TEST_ID}, {"runId": "202", "workspaceId": "999"}),
        [(201, "test")],
        "row 2: no workspace of the settings has the workspace id '999'",
    ),
    "one row of an unknown workspace name": Case(
        log_alert({"runId": "201", "workspace": "elsewhere"}, {"runId": "202", "workspace": "test"}),
        [(202, "test")],
        "row 1: no workspace is called 'elsewhere'",
    ),
    "one row without a run id": Case(
        log_alert({"runId": "401"}, {"runId": ""}), [(401, "prod")], "row 2: the run id '' in the dimensions"
    ),
    "rows that are wrong for the same reason": Case(
        log_alert({"Computer": "a"}, {"runId": "1"}, {"Computer": "b"}),
        [(1, "prod")],
        "row 1, row 3: it names no run: a run id (runId, run_id ...) was looked for in the dimensions",
    ),
    "an Event Grid list with one event that asks for nothing known": Case(
        [event(1, {"runId": 1}), event(2, {"foo": 1})], [(1, "prod")], "event 2: 'foo' is not a known key"
    ),
    "a list whose second event is an alert with a bad row": Case(
        [event(1, {"runId": 1}), event(2, log_alert({"runId": "2"}, {"runId": "x"}))],
        [(1, "prod"), (2, "prod")],
        "event 2, row 2: the run id 'x'",
    ),
    # -- numbers out of real columns
    "a run id out of a real column": Case(log_alert({"runId": "273988794563328.0"}), [(273988794563328, "prod")]),
    "a run id in scientific notation": Case(
        log_alert({"run_id_d": "2.73988794563328E+14"}), [(273988794563328, "prod")]
    ),
    "a real number that is not whole, or too large to be exact": Case(
        log_alert({"runId": "1.5"}, {"runId": "9.1E+17"}, {"run_id_d": "910000000000000001"}),
        [],
        "row 1: the run id '1.5' in the dimensions",
    ),
    "a run id that only text can hold": Case(
        log_alert({"runId": "910000000000000001"}), [(910000000000000001, "prod")]
    ),
    # -- formats that name a run
    "a log alert V1": Case(v1(Dimensions=[{"name": "runId", "value": "455644833"}]), [(455644833, "prod")]),
    "a log alert V1 with its search results": Case(
        v1(SearchResults=results({"TimeGenerated": "datetime", "RunId_s": "string", "WorkspaceId_d": "real"},
                                 ["2026-01-01", "11", float(TEST_ID)], ["2026-01-01", "12", None])),
        [(11, "test")], "row 2: no workspace of the settings has the workspace id (null)",
    ),
    "a row of search results that is cut short": Case(
        v1(SearchResults=results({"runId": "string", "workspace": "string"}, ["11", "test"], ["12"])),
        [(11, "test")], "row 2: no workspace is called (null)",
    ),
    "a column of reals, however its type is written": Case(
        v1(SearchResults=results({"runId": "Real", "run_id ": "System.Double"}, [2**53 + 1, 2**53 + 1], [13, None])),
        [(13, "prod")], "row 1: the run id",
    ),
    "a real column of search results rounds": Case(
        v1(SearchResults=results({"runId": "real"}, [910000000000000000], [13])), [(13, "prod")], "row 1: the run id"
    ),
    "a log alert V1 whose results are those of other dimensions too": Case(
        v1(Dimensions=[{"name": "runId", "value": "1"}], SearchResults=results({"runId": "string"}, ["1"], ["2"])),
        [(1, "prod")],
    ),
    "the labels of a Prometheus alert": Case(
        common({"interval": "PT1M", "expression": "x > 0", "labels": {"run_id": "9", "workspace": "test"}},
               monitoringService="Prometheus"),
        [(9, "test")],
    ),
    # -- what asks for nothing by its nature
    "the portal's Test of an action group": Case(
        common({}, customKey="x"), [], nothing="it is the sample that an action group's"
    ),
    "the Test of a log alert V2": Case(
        log_alert({"Computer": "test-computer"}, properties={"customKey1": "value1"}, alertRule="test-logAlertRule-v2"),
        [],
        nothing="it is the sample that an action group's",
    ),
    "the Test of a log alert V1": Case(
        common({"SearchQuery": "Heartbeat", "SearchResults": results({"Computer": "string"}, ["test-computer"])},
               alertRule="test-logAlertRule-v1", alertTargetIDs=["/subscriptions/s/resourcegroups/test-RG/p"]),
        [],
        nothing="it is the sample that an action group's",
    ),
    "a budget alert": Case(
        common({"AlertCategory": "Budgets", "AlertData": {"Scope": "/s/0"}}, monitoringService="CostAlerts"),
        [],
        nothing="a budget can name no run",
    ),
    "a budget alert in its own schema": Case(
        {"schemaId": "AIP Budget Notification", "data": {}}, [], nothing="a budget can name no run"
    ),
    "a service health alert": Case(
        common({"channels": 1, "properties": {"title": "t", "service": "s"}}, monitoringService="ServiceHealth"),
        [],
        nothing="the health of an Azure service can name no run",
    ),
    "an activity log alert": Case(
        common({"channels": "Operation"}, monitoringService="Activity Log - Administrative", signalType="Activity Log"),
        [],
        nothing="an entry of the activity log can name no run",
    ),
    "an availability test": Case(
        common({"conditionType": "WebtestLocationAvailabilityCriteria", "condition": {"allOf": [{"dimensions": []}]}},
               monitoringService="Platform"),
        [],
        nothing="an availability test can name no run",
    ),
    "an alert that is resolved": Case(
        log_alert({"runId": "1"}, monitorCondition="Resolved"), [], nothing="not fired but resolved"
    ),
    "a log alert that should have named a run": Case(
        log_alert({"Computer": "vm"}), [], "it names no run: a run id (runId, run_id ...) was looked for in"
    ),
    # -- Databricks
    "a Databricks notification to a host without a number": Case(
        {**NOTIFICATION, "workspace_id": PROD_ID},
        [],
        "DATABRICKS_WORKSPACE_ID",
        environ={**VAULT, "DATABRICKS_HOST": "https://westeurope.azuredatabricks.net"},
    ),
    "a Databricks notification that does not tell its workspace": Case(
        {**NOTIFICATION, "workspace_id": None}, [], "the workspace id (null)"
    ),
    "a streaming backlog, by default": Case(backlog(), [], nothing="CANCEL_ON_EVENTS"),
    "a streaming backlog, where it is asked for": Case(
        backlog(), [(1, "prod")], environ={**TWO_WORKSPACES, "CANCEL_ON_EVENTS": "jobs.on_streaming_backlog_exceeded"}
    ),
    # -- envelopes
    "base64 in lines of 76": Case(base64.encodebytes(json.dumps({"runId": 455644833, "reason": "x" * 120}).encode()),
                                  [(455644833, "prod")]),
    "base64 of another alphabet, without padding": Case(
        base64.urlsafe_b64encode('{"runId": 1, "reason": "ÿþ>?"}'.encode()).rstrip(b"="), [(1, "prod")]
    ),
    "a byte order mark": Case(b'\xef\xbb\xbf{"runId": 5}', [(5, "prod")]),
    "UTF-16 with its mark": Case('{"runId": 5}'.encode("utf-16"), [(5, "prod")]),
    "a byte order mark within base64": Case(base64.b64encode(b'\xef\xbb\xbf{"runId": 5}'), [(5, "prod")]),
    # -- too many
    "more runs than an alert may name": Case(
        log_alert(*({"runId": str(number)} for number in range(1, 102))),
        [],
        "it names 101 runs, and MAX_RUNS_PER_ALERT is 100: none is canceled",
    ),
    "as many as it may": Case(
        log_alert({"runId": "1"}, {"runId": "2"}, {"RunId": "2"}), [(1, "prod"), (2, "prod")],
        environ={**TWO_WORKSPACES, "MAX_RUNS_PER_ALERT": "2"},
    ),
    "refused rows count": Case(
        log_alert({"runId": "1"}, {"runId": "2", "workspace": "no"}), [], "it names 2 runs",
        environ={**TWO_WORKSPACES, "MAX_RUNS_PER_ALERT": "1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_right_runs_are_begun_and_the_rest_is_told_in_one_line(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    hub = TaskHub()
    body = case.message if isinstance(case.message, bytes) else json.dumps(case.message).encode()
    message = QueueMessage(id="m-1", body=body, dequeue_count=1)  # type: ignore[no-untyped-call]  # untyped there

    def deliver() -> None:
        asyncio.run(queue_trigger.take(message, hub, lambda: Settings.from_environ(case.environ), SystemClock()))

    if case.poison:
        with pytest.raises(RequestError):
            deliver()
    else:
        deliver()

    assert hub.begun == case.right
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == bool(case.poison)
    assert all("m-1" in line and case.poison in line for line in lines)
    quiet = [record.getMessage() for record in caplog.records if "asks for nothing" in record.getMessage()]
    assert len(quiet) == bool(case.nothing)
    assert all("m-1" in line and case.nothing in line for line in quiet)
