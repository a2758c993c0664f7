"""What is the same for every format: the shape of what is read, envelopes, identities of events, and hostile JSON.

It is longer than most: what all formats share is tried with each of them.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.request import CancelRequest
from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.alert import Alert, EventRequest, Refusal
from cancel_run.triggers.alerts.reading import read_alert
from tests.support.alerts import (
    ALERT_ID,
    FIRED_AT,
    NOTIFICATION,
    PROD_ID,
    SETTINGS,
    log_alert,
    read,
    runs,
    sql_alert,
)
from tests.support.json_values import JSON

MONITOR = log_alert({"runId": "455"})
SQL = sql_alert("runId=455")
INNER = {"request": {"runId": 455}, "databricks": NOTIFICATION, "monitor": MONITOR, "sql": SQL}


def test_the_canonical_request_is_taken_as_over_http_and_its_workspace_is_resolved() -> None:
    data = {"runId": 455, "workspace": "test", "reason": "r", "requestedBy": "b", "waitTimeoutSeconds": 60}
    assert read(data) == Alert((EventRequest(CancelRequest(455, "test", "r", "b", 60)),))
    assert runs(read({"runId": 455})) == [(455, "prod")]


def test_every_problem_of_a_request_is_told_at_once() -> None:
    (refusal,) = read({"runId": 0, "workspace": "test", "token": "t", "reason": 7}).refusals
    for word in ("run id '0'", "'token' is refused", "reason must be a string"):
        assert word in refusal.reason


def test_a_job_notification_finds_its_workspace_by_the_id_in_the_settings() -> None:
    expected = CancelRequest(455, "test", "event jobs.on_duration_warning_threshold_exceeded", "databricks")
    assert read(NOTIFICATION) == Alert((EventRequest(expected),))
    assert runs(read({**NOTIFICATION, "workspace_id": int(PROD_ID)})) == [(455, "prod")]


@pytest.mark.parametrize("event", ["jobs.on_failure", "jobs.on_success", "jobs.on_start", "jobs.brand_new", 7, None])
def test_an_event_that_does_not_cancel_asks_for_nothing_and_says_so(event: Any) -> None:
    alert = read({**NOTIFICATION, "event_type": event})
    assert (alert.requests, alert.refusals) == ((), ())
    assert "not one that cancels" in alert.nothing


def test_an_alert_of_a_task_cancels_the_task_that_it_is_about() -> None:
    task = {**NOTIFICATION, "task": {"task_key": "t"}, "run": {"run_id": "456", "parent_run_id": "455"}}
    assert runs(read(task)) == [(456, "test")]


def test_a_rules_name_of_any_kind_becomes_one_line_of_reason() -> None:
    (order,) = read(log_alert({"runId": "1"}, alertRule="two\nlines \u202e" + "x" * 5000)).requests
    assert (order.request.reason or "").startswith("alert two lines x")
    assert len(order.request.reason or "") == 1000
    assert order.request.requested_by == "azure-monitor"


def test_a_run_that_is_named_twice_is_ordered_once() -> None:
    assert runs(read(log_alert({"runId": "1"}, {"runId": "1.0", "workspace": "prod"}))) == [(1, "prod")]
    assert runs(read([{"eventType": "t", "data": {"runId": one}} for one in (1, 2, 1)])) == [(1, "prod"), (2, "prod")]


# -- envelopes ---------------------------------------------------------------------------------------------------------

ENVELOPES = {
    "cloud event": lambda data: {"specversion": "1.0", "type": "t", "source": "s", "id": "1", "data": data},
    "cloud event in base64": lambda data: {
        "specversion": "1.0", "source": "s", "id": "1",
        "data_base64": base64.encodebytes(json.dumps(data).encode()).decode(),
    },
    "event grid": lambda data: {"id": "1", "eventType": "t", "subject": "s", "data": data, "dataVersion": "1"},
    "event grid list": lambda data: [{"id": "1", "eventType": "t", "subject": "s", "data": data}],
    "data as text": lambda data: {"specversion": "1.0", "source": "s", "id": "1", "data": json.dumps(data)},
    "text": json.dumps,
}  # fmt: skip


@pytest.mark.parametrize("wrap", ENVELOPES.values(), ids=ENVELOPES.keys())
@pytest.mark.parametrize("inner", INNER.values(), ids=INNER.keys())
def test_any_of_them_may_be_in_an_envelope(wrap: Any, inner: dict[str, Any]) -> None:
    wrapped = read(wrap(inner))
    assert [order.request for order in wrapped.requests] == [order.request for order in read(inner).requests]
    assert (wrapped.refusals, wrapped.nothing) == ((), "")


@pytest.mark.parametrize("inner", INNER.values(), ids=INNER.keys())
def test_a_message_may_be_base64(inner: dict[str, Any]) -> None:
    encoded = base64.b64encode(json.dumps(inner).encode())
    assert read_alert(encoded, SETTINGS) == read_alert(encoded + b"\n", SETTINGS) == read(inner)


def test_envelopes_within_envelopes_come_to_an_end() -> None:
    data: Any = {"runId": 1}
    for _ in range(50):
        data = {"specversion": "1.0", "data": data}
    assert read(data).refusals


# -- identities --------------------------------------------------------------------------------------------------------


def test_the_event_that_asks_is_known_by_its_own_identity() -> None:
    def events(data: Any) -> set[str | None]:
        return {order.event for order in read(data).requests}

    monitor = {f"azure-monitor {ALERT_ID} {FIRED_AT}"}
    assert events(log_alert({"runId": "1"}, {"runId": "2"})) == monitor
    assert events({"specversion": "1.0", "source": "s", "id": "7", "data": MONITOR}) == monitor, "the innermost counts"
    assert events({"specversion": "1.0", "source": "s", "id": "7", "data": {"runId": 1}}) == {"cloud-event s 7"}
    assert events({"eventType": "t", "id": "7", "topic": "/t", "data": {"runId": 1}}) == {"event-grid /t 7"}
    assert events({"eventType": "t", "id": "7", "data": NOTIFICATION}) == {"event-grid - 7"}
    assert events(sql_alert("runId=1", timestamp=1767225600000)) == {"databricks-sql 987 1767225600000"}


@pytest.mark.parametrize(
    "data",
    [
        {"runId": 1}, NOTIFICATION, log_alert({"runId": "1"}, firedDateTime=None),
        log_alert({"runId": "1"}, alertId=[]),
        {"specversion": "1.0", "source": "s", "data": {"runId": 1}}, sql_alert("runId=1"),
    ],
)  # fmt: skip
def test_an_event_without_an_identity_of_its_own_has_none(data: Any) -> None:
    (order,) = read(data).requests
    assert order.event is None


def test_an_identity_of_any_kind_is_a_short_and_harmless_line() -> None:
    first, second, third = (
        read({"specversion": "1.0", "source": source, "id": "1", "data": {"runId": 1}}).requests[0].event
        for source in ("a\nb\ud800", "a b", "x" * 90_000)
    )
    assert len({first, second, third}) == 3
    assert all(one and len(one) < 100 and "\n" not in one for one in (first, second, third))


# -- what can never work -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [b"", b"hello", b"bm90IGpzb24=", b"\xff\xfe", b"\xef\xbb\xbf", b"%" * 300_000])
def test_a_message_that_is_no_json_is_a_request_error(message: bytes) -> None:
    with pytest.raises(RequestError):
        read_alert(message, SETTINGS)


@pytest.mark.parametrize(
    "message",
    [
        b"[]", b"1", b"null", b"{}", b'"runId"', b'{"runId": 0}', b'{"schemaId": "AIP"}', b'{"schemaId": ["AIP"]}',
        b'{"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"monitorCondition": "Fired"}}}',
        b'{"schemaId": "azureMonitorCommonAlertSchema"}', b'{"event": "alert_state_change"}', b'{"runId": 1e400}',
        b'{"event_type": "jobs.on_duration_warning_threshold_exceeded"}', b'{"orders": []}', b'{"refused": 7}',
        b'{"specversion": "1.0"}', b'{"specversion": "1.0", "data": "not json"}', b'{"runId": true}', b'{"runId": [1]}',
    ],
)  # fmt: skip
def test_a_message_that_can_never_work_is_refused_with_a_reason(message: bytes) -> None:
    alert = read_alert(message, SETTINGS)
    assert (alert.requests, alert.nothing) == ((), "")
    assert alert.refused().strip()


def test_many_refusals_are_told_by_reason_and_the_first_ten_of_each() -> None:
    refusals = tuple(Refusal(f"row {number}", "no") for number in range(1, 13))
    told = ", ".join(f"row {number}" for number in range(1, 11))
    assert Alert(refusals=(*refusals, Refusal("", "why"))).refused() == f"{told} and 2 more: no; why"


KEYS = ["schemaId", "data", "event_type", "run", "run_id", "runId", "workspace_id", "specversion", "eventType", "topic"]
KEYS += ["essentials", "alertContext", "condition", "allOf", "dimensions", "Dimensions", "name", "value", "data_base64"]
KEYS += [
    "event",
    "alert",
    "description",
    "title",
    "state",
    "url_base",
    "evaluations",
    "id",
    "orders",
    "request",
    "refused",
]
KEYS += [
    "SearchResults",
    "tables",
    "columns",
    "rows",
    "type",
    "labels",
    "monitorCondition",
    "alertTargetIDs",
    "nothing",
]
VALUES = st.sampled_from(
    [
        "azureMonitorCommonAlertSchema", "Fired", "1.0", "runId", "455", NOTIFICATION["event_type"], "real",
        "TRIGGERED", "alert_state_change", "runId=1, runId=2 workspace: x\nrun_id: 7", "https://[",
        "test-", "changed status to OK",
    ]
)  # fmt: skip
SHAPES = st.recursive(
    VALUES | JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=30,
)
SEEDS = st.sampled_from(
    [{}, {"schemaId": "azureMonitorCommonAlertSchema"}, {"event": "alert_state_change"}, {"orders": []}]
)


@given(SHAPES)
def test_any_json_is_an_alert_that_says_what_became_of_it(data: Any) -> None:
    judge(data)


@given(SEEDS, st.dictionaries(st.sampled_from(KEYS), SHAPES, max_size=6))
def test_any_json_in_a_known_format_is_one_too(seed: dict[str, Any], data: dict[str, Any]) -> None:
    judge({**data, **seed} if "orders" not in seed else {"orders": list(data.values())})


def judge(data: Any) -> None:
    try:
        alert = read(data)
    except RequestError:
        return
    assert alert.requests or alert.refusals or alert.nothing
