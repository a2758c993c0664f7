"""What is under way and what has ended, listed through the SDK's own client: the newest first, whole and bounded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.triggers.windows import CALLS, ENOUGH, PAGE, Span, newest
from local_host.emulators.run_life import Life, Row
from tests.support.caller import SECONDS, cancel, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FOR_EVER = Life(after_cancel=(Row("TERMINATING"),))


def asked(host: LocalHost, query: str = "", **options: Any) -> requests.Response:
    return requests.get(f"{host.url}/api/cancel-active-run{query}", timeout=SECONDS, **options)


def ids(answer: requests.Response) -> list[str]:
    return [one["instanceId"] for one in answer.json()["cancellations"]]


def test_what_is_under_way_and_what_has_ended_are_told_apart(host: LocalHost, workspace: JobsApi) -> None:
    active, ended = workspace.add_run(FOR_EVER), workspace.add_run()
    post(host, {"runId": active, "reason": "over budget", "requestedBy": "cost-guard"})
    cancel(host, ended, reason="over time")
    assert sorted(ids(asked(host))) == sorted([f"prod-{active}", f"prod-{ended}"])
    (under_way,) = asked(host, "?status=active").json()["cancellations"]
    assert (under_way["runId"], under_way["reason"], under_way["requestedBy"], under_way["outcome"]) == (
        active,
        "over budget",
        "cost-guard",
        None,
    )
    (done,) = asked(host, "?status=ended").json()["cancellations"]
    assert (done["runId"], done["reason"], done["outcome"], done["stopped"]) == (ended, "over time", "canceled", True)
    assert requests.get(done["statusUrl"], timeout=SECONDS).json()["runId"] == ended


def test_a_workspace_whose_name_begins_like_another_one_hides_nothing_of_it(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    table = f'{{"prod": {{"host": "{workspace.url}"}}, "prod2": {{"host": "{workspace.url}"}}}}'
    host = start_host(environ | {"DATABRICKS_WORKSPACES": table})
    run_id = workspace.add_run(FOR_EVER)
    post(host, {"runId": run_id, "workspace": "prod"})
    for _ in range(ENOUGH):
        post(host, {"runId": workspace.add_run(FOR_EVER), "workspace": "prod2", "dryRun": True})
    assert ids(asked(host, "?workspace=prod")) == [f"prod-{run_id}"]
    assert asked(host, "?workspace=prod").json()["more"] is False


def test_no_input_is_in_the_list_and_a_key_of_the_caller_stays_in_its_urls(host: LocalHost, workspace: JobsApi) -> None:
    cancel(host, workspace.add_run())
    answer = asked(host, "?code=a-key")
    assert "schedule" not in answer.text
    assert all(one["statusUrl"].endswith("?code=a-key") for one in answer.json()["cancellations"])


def test_a_drained_app_still_lists(start_host: Callable[..., LocalHost], environ: dict[str, str]) -> None:
    host = start_host(environ)
    starts = {function.get_function_name(): function.get_trigger() for function in host.functions}
    assert not set(starts["startFromHttp"].methods) & set(starts["listCancellations"].methods)
    assert starts["startFromHttp"].route == starts["listCancellations"].route


def test_wrong_settings_do_not_hide_what_is_under_way(start_host: Callable[..., LocalHost]) -> None:
    assert asked(start_host({"JOBS_API_VERSION": "3"}), "?workspace=prod").json()["cancellations"] == []


def test_every_problem_of_a_query_is_told_in_one_answer(host: LocalHost) -> None:
    refused = asked(host, "?status=running&workspace=a/b&since=yesterday&until=2026-13-01&colour=red&refresh=1")
    assert refused.status_code == 400
    assert len(refused.json()["problems"]) == 6


@pytest.mark.parametrize(
    "query",
    [
        "?since=31.01.2026",
        "?until=2026-02-29",
        "?since=2026-01-31+01:00",
        "?workspace=staging",
        "?workspace=",
        "?status=ACTIVE",
    ],
)
def test_a_query_that_nothing_can_answer_is_refused(query: str, host: LocalHost) -> None:
    assert asked(host, query).status_code == 400


@pytest.mark.parametrize("query", ["?since=9999-12-31T23:59:59-12:00", "?until=0001-01-01T00:00:00%2B12:00"])
def test_a_time_that_nobody_means_is_before_or_after_everything(query: str, host: LocalHost) -> None:
    assert asked(host, query).json() == {"cancellations": [], "jobs": [], "more": False, "next": None}


@pytest.mark.parametrize(
    "since", ["2026-01-31", "2026-01-31T12:00", "2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00+01:00"]
)
def test_a_time_is_iso_8601_and_its_plus_need_not_be_escaped(since: str, host: LocalHost, workspace: JobsApi) -> None:
    cancel(host, workspace.add_run())
    assert len(ids(asked(host, f"?since={since}&STATUS=ended&workspace=prod"))) == 1
    assert ids(asked(host, f"?until={since}")) == []


@pytest.mark.parametrize("out_of_order", [0, 500, 503])
def test_a_task_hub_that_cannot_be_reached_is_503(out_of_order: int, host: LocalHost) -> None:
    host.endpoint.out_of_order = out_of_order
    answer = asked(host)
    host.endpoint.out_of_order = None
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


class Hub:
    """A task hub with instances of these ages in seconds, which answers as the extension does."""

    def __init__(self, ages: list[float]) -> None:
        created = [NOW - timedelta(seconds=age) for age in ages]
        self.instances = [
            SimpleNamespace(instance_id=f"prod-{number + 1}", created_time=at) for number, at in enumerate(created)
        ]
        self.calls = 0

    async def get_status_by(
        self, created_time_from: datetime, created_time_to: datetime, runtime_status: list[Any], prefix: str | None
    ) -> list[Any]:
        assert (runtime_status, prefix) == ([], None)
        self.calls += 1
        inside = [one for one in self.instances if created_time_from <= one.created_time <= created_time_to]
        return sorted(inside, key=lambda one: one.instance_id)[:PAGE]


DAYS = 86_400.0


@given(
    st.lists(st.floats(0, 30 * DAYS), max_size=400),
    st.lists(st.floats(0, 600), max_size=400),
    st.sampled_from([None, timedelta(hours=1), timedelta(days=1)]),
)
def test_page_by_page_every_instance_is_found_the_newest_first(
    far: list[float], near: list[float], first: timedelta | None
) -> None:
    hub = Hub([*far, *near])
    seen: set[str] = set()
    until: datetime | None = None
    while True:
        found = asyncio.run(newest(hub, Span(None, until, [], first_window=first), NOW))
        seen |= {one.instance_id for one in found.statuses}
        left = {one.instance_id for one in hub.instances} - seen
        assert len(found.statuses) < ENOUGH + PAGE
        if found.reached is None:
            break
        until = found.reached
        assert all(one.created_time <= until for one in hub.instances if one.instance_id in left)
    assert left == set()


@pytest.mark.parametrize(("count", "calls"), [(0, 6), (99, 6), (5000, 14)])
def test_a_list_costs_few_calls(count: int, calls: int) -> None:
    hub = Hub([number * 30 * DAYS / max(1, count) for number in range(count)])
    asyncio.run(newest(hub, Span(None, None, []), NOW))
    assert hub.calls <= calls


def test_what_is_under_way_is_one_call_where_it_is_less_than_a_page() -> None:
    hub = Hub([number * DAYS / 10 for number in range(99)])
    found = asyncio.run(newest(hub, Span(None, None, [], first_window=None), NOW))
    assert (hub.calls, len(found.statuses), found.reached) == (1, 99, None)


def test_more_at_one_instant_than_a_page_holds_do_not_keep_it_from_going_on() -> None:
    hub = Hub([5.0] * 300 + [DAYS] * 3)
    found = asyncio.run(newest(hub, Span(None, None, []), NOW))
    assert found.reached is not None
    older = asyncio.run(newest(hub, Span(None, found.reached, []), NOW))
    assert len(older.statuses) >= 3


@pytest.mark.parametrize("first", [None, timedelta(days=1)])
@pytest.mark.parametrize("width", [0.005, 0.3, 5.0])
def test_the_newest_of_many_that_were_begun_at_once_are_found_and_none_is_lost(
    width: float, first: timedelta | None
) -> None:
    hub = Hub([7200 + width * (number * 211 % 500) / 500 for number in range(500)])
    seen: set[str] = set()
    until: datetime | None = None
    while True:
        hub.calls = 0
        found = asyncio.run(newest(hub, Span(None, until, [], first_window=first), NOW))
        seen |= {one.instance_id for one in found.statuses}
        assert hub.calls <= CALLS or found.reached is None
        if found.reached is None:
            break
        assert found.statuses
        until = found.reached
    assert len(seen) == 500
