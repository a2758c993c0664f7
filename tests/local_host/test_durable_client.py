"""The SDK's own durable client against the endpoint of the local host."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus

from tests.support.http_app import HOUR, SECONDS

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import azure.durable_functions as df

    from local_host.background import BackgroundServers
    from local_host.host import LocalHost


def test_the_client_sees_an_instance_from_its_start_to_its_end(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert servers.run(client.start_new("give_back", "seen", {"b": 1})) == "seen"
    local.engine.wait_until_ended("seen", SECONDS)
    status = servers.run(client.get_status("seen", show_input=True, show_history=True))
    assert status
    assert (status.name, status.instance_id) == ("give_back", "seen")
    assert status.runtime_status is OrchestrationRuntimeStatus.Completed
    assert (status.input_, status.output, status.custom_status) == (
        {"b": 1},
        {"given": {"b": 1}},
        {"nearly": "there"},
    )
    assert before <= status.created_time <= status.last_updated_time
    assert "TimerFired" in [event["EventType"] for event in status.historyEvents]


def test_an_instance_without_id_or_input_is_given_an_id(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    instance_id = servers.run(client.start_new("give_back"))
    assert local.engine.wait_until_ended(instance_id, SECONDS).output == {"given": None}


def test_an_activity_with_a_client_begins_instances_and_cannot_replace_one_that_runs(local: LocalHost) -> None:
    local.engine.start("wait", "is-there")
    local.engine.start("delegate", "first", "by-an-activity")
    local.engine.start("delegate", "second", "is-there")
    assert local.engine.wait_until_ended("first", SECONDS).output == {"seen": "give_back"}
    assert "already exists" in local.engine.wait_until_ended("second", SECONDS).output["refused"]
    local.engine.terminate("is-there", "enough")


def test_an_input_of_megabytes_passes(local: LocalHost) -> None:
    given = "x" * 3_000_000
    url = json.loads(local.client_binding)["rpcBaseUrl"]
    started = requests.post(f"{url}orchestrators/give_back/large", json=json.dumps(given), timeout=SECONDS)
    assert (started.status_code, started.json()) == (202, {"id": "large"})
    assert local.engine.wait_until_ended("large", SECONDS).output == {"given": given}


@pytest.mark.parametrize("conflicts_are_500", [False, True])
def test_a_start_on_an_id_that_runs_raises_and_changes_nothing(
    *, conflicts_are_500: bool, local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    instance_id = f"running-{conflicts_are_500}"
    servers.run(client.start_new("wait", instance_id, 1))
    local.endpoint.conflicts_are_500 = conflicts_are_500
    try:
        with pytest.raises(Exception, match="already exists"):
            servers.run(client.start_new("wait", instance_id, 2))
    finally:
        local.endpoint.conflicts_are_500 = False
    assert servers.run(client.get_status(instance_id, show_input=True)).input_ == 1


def test_an_unknown_orchestrator_raises_by_name(
    client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    with pytest.raises(Exception, match="'nobody' doesn't exist"):
        servers.run(client.start_new("nobody", "of-nobody", {}))


def test_an_instance_id_that_is_too_long_is_refused_as_azure_does(
    client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    with pytest.raises(Exception, match="must not exceed 100 characters"):
        servers.run(client.start_new("wait", "x" * 101, 1))
    servers.run(client.start_new("wait", "x" * 100, 1))


def test_the_status_of_an_unknown_instance_is_falsy(
    client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    status = servers.run(client.get_status("unknown"))
    assert not status
    assert status.runtime_status is None


def test_a_failed_instance_is_failed_with_its_message(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    servers.run(client.start_new("fail", "failing"))
    local.engine.wait_until_ended("failing", SECONDS)
    status = servers.run(client.get_status("failing"))
    assert status.runtime_status is OrchestrationRuntimeStatus.Failed
    assert status.output == "as it was meant to"


def test_the_client_suspends_resumes_terminates_and_purges(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    def until(wanted: OrchestrationRuntimeStatus) -> Any:
        while True:
            status = servers.run(client.get_status("ordered"))
            if status.runtime_status is wanted:
                return status
            threading.Event().wait(0.005)

    servers.run(client.start_new("wait", "ordered"))
    servers.run(client.suspend("ordered", "a pause"))
    until(OrchestrationRuntimeStatus.Suspended)
    servers.run(client.resume("ordered", "go on"))
    until(OrchestrationRuntimeStatus.Running)
    assert servers.run(client.purge_instance_history("ordered")).instances_deleted == 0
    servers.run(client.terminate("ordered", "because & so"))
    local.engine.wait_until_ended("ordered", SECONDS)
    assert until(OrchestrationRuntimeStatus.Terminated).output is None
    servers.run(client.terminate("ordered", "again is no error"))
    assert servers.run(client.purge_instance_history("ordered")).instances_deleted == 1
    for order in (client.terminate, client.suspend, client.resume):
        with pytest.raises(Exception, match="No instance with ID 'ordered' found"):
            servers.run(order("ordered", "too late"))


def test_the_client_raises_events(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    servers.run(client.start_new("wait", "listening"))
    servers.run(client.raise_event("listening", "go", {"now": True}))
    assert local.engine.wait_until_ended("listening", SECONDS).output == {"now": True}
    with pytest.raises(Exception, match="gone"):
        servers.run(client.raise_event("listening", "go", None))


def test_the_client_lists_and_purges_by_what_it_asks_for(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    began = datetime.now(UTC)
    for number in range(3):
        servers.run(client.start_new("give_back" if number else "wait", f"listed-{number}"))
    for number in (1, 2):
        local.engine.wait_until_ended(f"listed-{number}", SECONDS)
    completed, running = (
        [OrchestrationRuntimeStatus.Completed],
        [
            OrchestrationRuntimeStatus.Running,
            OrchestrationRuntimeStatus.Pending,
        ],
    )

    def ids(work: Coroutine[Any, Any, Any]) -> list[str]:
        return [status.instance_id for status in servers.run(work)]

    assert ids(client.get_status_by(began)) == ["listed-0", "listed-1", "listed-2"]
    assert ids(client.get_status_by(began, runtime_status=running)) == ["listed-0"]
    assert ids(client.get_status_by(began, began + HOUR, completed)) == ["listed-1", "listed-2"]
    assert ids(client.get_status_by(began - HOUR, began, instance_id_prefix="listed-")) == []
    assert ids(client.get_status_by(instance_id_prefix="listed-2")) == ["listed-2"]
    assert len(servers.run(client.get_status_all())) >= 3
    assert servers.run(client.purge_instance_history_by(began, None, completed)).instances_deleted == 2
    assert ids(client.get_status_by(began)) == ["listed-0"]


def test_a_list_comes_in_pages_by_instance_id_and_the_client_sees_the_first(
    local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    for number in range(3):
        servers.run(client.start_new("wait", f"paged-{2 - number}", {"a": 1}))
    url = f"{json.loads(local.client_binding)['rpcBaseUrl']}instances/?instanceIdPrefix=paged-&top=2&showInput=false"
    first = requests.get(url, timeout=SECONDS)
    after = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
    second = requests.get(url, headers=after, timeout=SECONDS)
    assert [one["instanceId"] for one in first.json()] == ["paged-0", "paged-1"]
    assert [(one["instanceId"], one["input"]) for one in second.json()] == [("paged-2", None)]
    assert "x-ms-continuation-token" not in second.headers
    assert len(servers.run(client.get_status_by(instance_id_prefix="paged-"))) == 3


def test_two_starts_of_one_id_at_the_same_moment_give_one_instance(
    client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    async def together() -> list[Any]:
        starts = (client.start_new("wait", "contested", number) for number in range(5))
        return await asyncio.gather(*starts, return_exceptions=True)

    results = servers.run(together())
    assert sum(result == "contested" for result in results) == 1
    assert sum("already exists" in str(result) for result in results) == 4


@pytest.mark.parametrize("out_of_order", [0, 500, 503])
def test_a_task_hub_that_is_out_of_order_raises_and_comes_back(
    out_of_order: int, local: LocalHost, client: df.DurableOrchestrationClient, servers: BackgroundServers
) -> None:
    instance_id = f"out-of-order-{out_of_order}"
    local.endpoint.out_of_order = out_of_order
    try:
        with pytest.raises(aiohttp.ClientError if out_of_order == 0 else Exception):
            servers.run(client.start_new("give_back", instance_id))
    finally:
        local.endpoint.out_of_order = None
    assert not servers.run(client.get_status(instance_id))
    assert servers.run(client.start_new("give_back", instance_id)) == instance_id


@pytest.mark.parametrize("body", [b"{", b'"{"', b"\xff"])
def test_a_start_whose_body_is_not_json_is_refused(body: bytes, local: LocalHost) -> None:
    url = json.loads(local.client_binding)["rpcBaseUrl"]
    answer = requests.post(f"{url}orchestrators/give_back/not-json", data=body, timeout=SECONDS)
    assert (answer.status_code, answer.json()) == (400, {"ExceptionMessage": "The body is not JSON."})
    assert local.engine.get("not-json") is None
