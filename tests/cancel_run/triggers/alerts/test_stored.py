"""An alert that is larger than a queue message is stored as its orders, and none is lost or done twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.request import BODY_LIMIT, CancelRequest
from cancel_run.errors import RequestError
from cancel_run.settings import Settings
from cancel_run.triggers.alerts.alert import Alert, EventRequest, Refusal
from cancel_run.triggers.alerts.limits import ALERT_LIMIT
from cancel_run.triggers.alerts.reading import read_alert, split
from cancel_run.triggers.alerts.stored import MESSAGE_SIZE, messages
from tests.support.alerts import SETTINGS, TWO_WORKSPACES, log_alert, read, runs

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [{"runId": str(number), "workspace": "test", "query": "x" * 2000} for number in range(1, 61)]


def no_settings() -> Settings:
    raise AssertionError("an alert that a message can hold is not read before the queue")


def test_an_alert_that_a_message_can_hold_is_stored_as_it_came() -> None:
    body = b' {"x":\n1.10}'
    assert split(body, no_settings) == [body]
    assert split(b"\xef\xbb\xbf" + body, no_settings) == [body]
    with pytest.raises(RequestError):
        split(b"hello", no_settings)


def test_a_larger_one_is_stored_as_the_orders_that_it_makes() -> None:
    data = log_alert(*ROWS)
    body = json.dumps(data).encode()
    assert BODY_LIMIT < len(body) < ALERT_LIMIT
    stored = split(body, lambda: SETTINGS)
    assert all(len(message) <= MESSAGE_SIZE for message in stored)
    found = [order for message in stored for order in read_alert(message, SETTINGS).requests]
    assert found == list(read(data).requests)
    assert len(found) == 60
    assert {order.event for order in found} == {read(data).requests[0].event}


def test_what_is_refused_of_a_larger_one_is_stored_beside_its_orders() -> None:
    *good, bad = split(json.dumps(log_alert(*ROWS, {"runId": "61", "workspace": "no"})).encode(), lambda: SETTINGS)
    assert sum(len(read_alert(message, SETTINGS).requests) for message in good) == 60
    assert not any(read_alert(message, SETTINGS).refusals for message in good)
    alert = read_alert(bad, SETTINGS)
    assert alert.requests == ()
    assert alert.refused().startswith("row 61: no workspace is called 'no'")


def test_a_larger_one_that_names_too_many_or_nothing_is_one_message_that_says_so() -> None:
    (message,) = split(
        json.dumps(log_alert(*ROWS)).encode(),
        lambda: Settings.from_environ({**TWO_WORKSPACES, "MAX_RUNS_PER_ALERT": "59"}),
    )
    assert "it names 60 runs" in read_alert(message, SETTINGS).refused()
    (message,) = split(json.dumps(log_alert(*ROWS, monitorCondition="Resolved")).encode(), lambda: SETTINGS)
    assert read_alert(message, SETTINGS) == Alert(nothing="the alert is not fired but resolved")


def test_what_nobody_may_send_is_refused() -> None:
    with pytest.raises(RequestError, match=str(ALERT_LIMIT)):
        split(b" " * (ALERT_LIMIT + 1), lambda: SETTINGS)


@pytest.mark.parametrize("data", [{"orders": [7]}, {"orders": [{"request": {"runId": 1, "schedule": {}}}]}])
def test_a_stored_order_is_judged_as_any_request(data: Any) -> None:
    alert = read(data)
    assert alert.requests == ()
    assert alert.refusals


@given(
    st.lists(
        st.builds(
            EventRequest,
            st.builds(
                CancelRequest,
                st.integers(1, 2**63 - 1),
                st.sampled_from(["prod", "test"]),
                st.none() | st.sampled_from(["\U0001f600" * 1000, "é" * 1000, "a"]),
                st.none() | st.just("b" * 1000),
            ),
            st.none() | st.just("e" * 300),
        ),
        max_size=40,
        unique_by=lambda order: order.target,
    ),
    st.lists(st.builds(Refusal, st.text(max_size=5), st.text(min_size=1, max_size=300)), max_size=60),
)
def test_orders_of_any_size_fit_and_come_back_in_their_order(
    orders: list[EventRequest], refusals: list[Refusal]
) -> None:
    stored = messages(Alert(tuple(orders), tuple(refusals)))
    assert all(len(message) <= MESSAGE_SIZE for message in stored)
    assert [order for message in stored for order in read_alert(message, SETTINGS).requests] == orders


def test_the_runs_of_one_message_are_those_of_the_alert() -> None:
    make: Callable[[int], EventRequest] = lambda number: EventRequest(CancelRequest(number, "prod"), "e")  # noqa: E731
    (message,) = messages(Alert(tuple(map(make, range(1, 100)))))
    assert runs(read_alert(message, SETTINGS)) == [(number, "prod") for number in range(1, 100)]
