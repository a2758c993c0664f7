"""The rules for an app that does not write what the other rules read: dead, drained, or with a broken door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.triggers import timer_trigger
from function_app import create_app
from tests.support.kusto import Request, Trace, carried_out
from tests.support.queries import QUERIES, RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

PURGE = "Function.purgeHistory.User"
WARM, LATE = 5, 40  # minutes ago


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def fired(rule: str, *, traces: Iterable[Trace] = (), requests: Iterable[Request] = ()) -> list[dict[str, Any]]:
    return carried_out(QUERIES[rule], traces, requests)


@pytest.mark.parametrize(
    ("hours", "fires"), [([], True), ([27], True), ([25], False), ([1, 25], False), ([100, 200], True)]
)
def test_a_timer_that_has_not_run_for_more_than_a_day_is_told(hours: list[float], *, fires: bool) -> None:
    lines = [Trace("Purged 3 cancellations begun over 30 days ago", PURGE, timestamp=ago(60 * one)) for one in hours]
    noise = [Trace("Purged by somebody", "Function.startFromQueue.User", timestamp=ago(WARM))]
    assert bool(fired("no-heartbeat", traces=[*lines, *noise])) is fires


@pytest.mark.parametrize(
    ("name", "code", "fires"),
    [
        ("startFromHttp", "202", False),
        ("startFromHttp", "400", False),
        ("startFromHttp", "500", True),
        ("getCancellation", "404", False),
        ("getCancellation", "503", True),
        ("enqueueAlert", "202", False),
        ("enqueueAlert", "413", True),
        ("enqueueAlert", "500", True),
        ("cancel-active-run", "0", False),
        ("readRun", "0", False),
    ],
)
def test_a_request_that_failed_is_told_and_any_alert_that_was_refused(name: str, code: str, *, fires: bool) -> None:
    found = fired("request-failed", requests=[Request(name, code)])
    assert [(row["functionName"], row["statusCode"]) for row in found] == ([(name, code)] if fires else [])


@pytest.mark.parametrize(
    ("requests", "fires"),
    [
        ([], False),
        ([("enqueueAlert", "202", WARM)], False),
        ([("enqueueAlert", "202", LATE)], True),
        ([("enqueueAlert", "500", LATE)], False),
        ([("enqueueAlert", "202", LATE), ("startFromQueue", "0", WARM)], False),
        ([("startFromQueue", "0", LATE)], False),
    ],
)
def test_alerts_that_nobody_takes_out_of_the_queue_are_told(
    requests: list[tuple[str, str, float]], *, fires: bool
) -> None:
    rows = [Request(name, code, ago(minutes)) for name, code, minutes in requests]
    assert bool(fired("queue-not-read", requests=rows)) is fires


def test_the_functions_and_the_line_that_the_rules_look_for_are_the_apps() -> None:
    names = {function.get_function_name() for function in create_app({}).get_functions()}
    asked = {"enqueueAlert", "startFromQueue", "purgeHistory"}
    assert asked <= names
    assert all(any(name in QUERIES[rule] for rule in RULES) for name in asked)
    hours = timer_trigger.SCHEDULE.split()[2]
    assert hours.isdigit()  # once a day: 26 hours without are one missed
