"""Every shape in which an alert reaches the queue, and what it asks for."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.request import CancelRequest
from cancel_run.errors import CancelRunError, RequestError, UnknownWorkspaceError
from cancel_run.settings import Settings
from cancel_run.triggers.alerts.reading import Alert, read_alert
from tests.support.json_values import JSON

SETTINGS = Settings.from_environ(
    {
        "DATABRICKS_WORKSPACES": json.dumps(
            {
                "prod": {"host": "https://adb-1234567890.5.azuredatabricks.net"},
                "test": {"host": "https://t", "workspaceId": 77},
            }
        ),
        "DEFAULT_WORKSPACE": "prod",
        "KEY_VAULT_URI": "https://v.vault.azure.net",
    }
)

NOTIFICATION = {
    "event_type": "jobs.on_duration_warning_threshold_exceeded",
    "workspace_id": "77",
    "run": {"run_id": "455"},
    "job": {"job_id": "11", "name": "nightly"},
}

MONITOR: dict[str, Any] = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {"alertRule": "runs over budget", "monitorCondition": "Fired", "severity": "Sev2"},
        "alertContext": {
            "properties": None,
            "condition": {"allOf": [{"dimensions": [{"name": "runId", "value": "455"}]}]},
        },
        "customProperties": None,
    },
}


def monitor(*rows: dict[str, str], condition: str = "Fired", **custom: Any) -> dict[str, Any]:
    alert = copy.deepcopy(MONITOR)
    alert["data"]["essentials"]["monitorCondition"] = condition
    alert["data"]["alertContext"]["condition"]["allOf"] = [
        {"dimensions": [{"name": name, "value": value} for name, value in row.items()]} for row in rows
    ]
    alert["data"]["customProperties"] = custom or None
    return alert


def read(data: Any) -> Alert:
    return read_alert(json.dumps(data).encode(), SETTINGS)


def test_the_canonical_request_is_taken_as_at_any_other_door() -> None:
    data = {"runId": 455, "workspace": "test", "reason": "r", "requestedBy": "b", "waitTimeoutSeconds": 60}
    assert read(data) == Alert((CancelRequest(455, "test", "r", "b", 60),))


def test_a_job_notification_finds_its_workspace_by_the_id_in_the_settings() -> None:
    expected = CancelRequest(455, "test", "event jobs.on_duration_warning_threshold_exceeded", "databricks")
    assert read(NOTIFICATION).requests == (expected,)


def test_a_workspaces_id_is_also_found_in_its_url() -> None:
    assert read({**NOTIFICATION, "workspace_id": 1234567890}).requests[0].workspace == "prod"


@pytest.mark.parametrize("event", ["jobs.on_failure", "jobs.on_success", "jobs.on_start", "jobs.brand_new", 7, None])
def test_an_event_that_does_not_cancel_asks_for_nothing_and_says_so(event: Any) -> None:
    alert = read({**NOTIFICATION, "event_type": event})
    assert alert.requests == ()
    assert "not one that cancels" in alert.nothing


def test_an_alert_of_a_task_cancels_the_task_that_it_is_about() -> None:
    task = {**NOTIFICATION, "task": {"task_key": "t"}, "run": {"run_id": "456", "parent_run_id": "455"}}
    assert read(task).requests[0].run_id == 456


def test_the_run_of_a_log_search_alert_is_in_its_dimensions() -> None:
    assert read(MONITOR).requests == (CancelRequest(455, None, "alert runs over budget", "azure-monitor"),)


def test_every_row_of_dimensions_is_a_run_and_a_repeated_one_is_one() -> None:
    rows = ({"RunId": "1", "workspace": "test"}, {"run_id": "2"}, {"RunId": "1", "workspace": "test"})
    assert [(one.run_id, one.workspace) for one in read(monitor(*rows)).requests] == [(1, "test"), (2, None)]


@pytest.mark.parametrize("where", ["customProperties", "properties"])
def test_the_run_may_stand_in_the_custom_properties_of_either_place(where: str) -> None:
    alert = monitor()
    custom = {"runId": "9", "workspaceId": "77"}
    if where == "properties":
        alert["data"]["alertContext"]["properties"] = custom
    else:
        alert["data"]["customProperties"] = custom
    assert [(one.run_id, one.workspace) for one in read(alert).requests] == [(9, "test")]


def test_custom_properties_hold_for_every_row() -> None:
    alert = monitor({"runId": "1"}, {"runId": "2"}, workspace="test")
    assert [(one.run_id, one.workspace) for one in read(alert).requests] == [(1, "test"), (2, "test")]


def test_a_resolved_alert_starts_nothing() -> None:
    alert = read(monitor({"runId": "1"}, condition="Resolved"))
    assert (alert.requests, alert.nothing) == ((), "the alert is not fired but resolved")


def test_a_rules_name_of_any_kind_becomes_one_line_of_reason() -> None:
    alert = copy.deepcopy(MONITOR)
    alert["data"]["essentials"]["alertRule"] = "two\nlines \u202e" + "x" * 5000
    reason = read(alert).requests[0].reason
    assert reason is not None
    assert reason.startswith("alert two lines x")
    assert len(reason) == 1000


ENVELOPES = {
    "cloud event": lambda data: {"specversion": "1.0", "type": "t", "source": "s", "id": "1", "data": data},
    "cloud event in base64": lambda data: {
        "specversion": "1.0", "data_base64": base64.b64encode(json.dumps(data).encode()).decode()
    },
    "event grid": lambda data: {"id": "1", "eventType": "t", "subject": "s", "data": data, "dataVersion": "1"},
    "event grid list": lambda data: [{"id": "1", "eventType": "t", "subject": "s", "data": data}],
    "data as text": lambda data: {"specversion": "1.0", "data": json.dumps(data)},
}  # fmt: skip


@pytest.mark.parametrize("wrap", ENVELOPES.values(), ids=ENVELOPES.keys())
@pytest.mark.parametrize("inner", [{"runId": 455}, NOTIFICATION, MONITOR], ids=["request", "databricks", "monitor"])
def test_any_of_them_may_be_in_an_envelope(wrap: Any, inner: dict[str, Any]) -> None:
    assert read(wrap(inner)) == read(inner)


def test_several_events_in_one_list_are_all_taken() -> None:
    events = [{"eventType": "t", "data": {"runId": number}} for number in (1, 2, 1)]
    assert [one.run_id for one in read(events).requests] == [1, 2]


@pytest.mark.parametrize("inner", [{"runId": 455}, NOTIFICATION, MONITOR], ids=["request", "databricks", "monitor"])
def test_a_message_may_be_base64(inner: dict[str, Any]) -> None:
    encoded = base64.b64encode(json.dumps(inner).encode())
    assert read_alert(encoded, SETTINGS) == read(inner)
    assert read_alert(encoded + b"\n", SETTINGS) == read(inner)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"hello", b"[]", b"1", b"null", b"{}", b'"runId"', b"bm90IGpzb24=", b'{"runId": 0}',
        b'{"schemaId": "AIP"}', (b'{"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": '
        b'{"monitorCondition": "Fired"}}}'), b'{"event_type": "jobs.on_duration_warning_threshold_exceeded"}',
        b'{"specversion": "1.0"}', b"\xff\xfe", b'{"specversion": "1.0", "data": "not json"}',
    ],
)  # fmt: skip
def test_a_message_that_can_never_work_is_a_request_error(message: bytes) -> None:
    with pytest.raises(RequestError):
        read_alert(message, SETTINGS)


def test_a_workspace_that_the_settings_do_not_know_is_named_by_its_id() -> None:
    with pytest.raises(UnknownWorkspaceError, match="workspace id 999"):
        read({**NOTIFICATION, "workspace_id": "999"})


def test_envelopes_within_envelopes_come_to_an_end() -> None:
    data: Any = {"runId": 1}
    for _ in range(50):
        data = {"specversion": "1.0", "data": data}
    with pytest.raises(RequestError):
        read(data)


KEYS = ["schemaId", "data", "event_type", "run", "run_id", "runId", "workspace_id", "specversion", "eventType"]
KEYS += ["essentials", "alertContext", "condition", "allOf", "dimensions", "name", "value", "data_base64"]
VALUES = st.sampled_from(["azureMonitorCommonAlertSchema", "Fired", "1.0", "runId", "455", NOTIFICATION["event_type"]])
SHAPES = st.recursive(
    VALUES | JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(SHAPES)
def test_any_json_is_an_alert_or_one_of_our_errors(data: Any) -> None:
    try:
        read(data)
    except CancelRunError:
        return
