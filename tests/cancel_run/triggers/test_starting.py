"""Whether an instance is unknown, or the task hub cannot tell: by what the SDK's own client makes of an answer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest
from aiohttp import web

from cancel_run.errors import TaskHubError
from cancel_run.triggers.starting import runtime_status, status_of
from local_host.engine.client_binding import client_binding
from local_host.engine.durable_endpoint import STORAGE_AWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.background import BackgroundServers

KNOWN = b'{"runtimeStatus": "Running", "createdTime": "2026-01-01T00:00:00Z", "instanceId": "prod-1"}'


@pytest.fixture
def asked(servers: BackgroundServers) -> Callable[[int, bytes], Any]:
    """The status of an instance, from a task hub that answers so."""
    answers: list[web.Response] = []

    async def answer(_: web.Request) -> web.Response:
        return answers.pop()

    app = web.Application()
    app.router.add_get("/durabletask/instances/{instance_id}", answer)
    client = df.DurableOrchestrationClient(client_binding(servers.serve(app)))

    def ask(status_code: int, body: bytes) -> Any:
        answers.append(web.Response(status=status_code, body=body, content_type="application/json"))
        return servers.run(status_of(client, "prod-1"))

    return ask


def test_an_instance_is_unknown_when_the_task_hub_says_so(asked: Callable[[int, bytes], Any]) -> None:
    assert asked(404, b"") is None


@pytest.mark.parametrize("status_code", [200, 202, 400, 404, 500])
def test_an_instance_is_known_by_its_runtime_status(status_code: int, asked: Callable[[int, bytes], Any]) -> None:
    assert runtime_status(asked(status_code, KNOWN)) == "Running"


@pytest.mark.parametrize(
    ("status_code", "body"),
    [
        *((code, json.dumps(STORAGE_AWAY).encode()) for code in (200, 400, 404, 500, 503)),
        (500, b"{}"),
        (500, b'{"message": "out of order"}'),
        (500, b'{"message": "", "more": 1}'),
        (500, b'{"name": "out of order"}'),
        (500, b'{"runtimeStatus": null}'),
        (500, b'{"runtimeStatus": "New"}'),
        (500, b'"out of order"'),
        (500, b"[]"),
        (500, b"<html>"),
        (503, b""),
    ],
)
def test_whatever_else_comes_leaves_it_open(status_code: int, body: bytes, asked: Callable[[int, bytes], Any]) -> None:
    with pytest.raises(TaskHubError) as raised:
        asked(status_code, body)
    assert raised.value.instance_id == "prod-1"


@pytest.mark.parametrize(("state", "unknown"), [(None, True), (object(), False)])
def test_the_sdks_next_version_says_it_with_a_state_that_is_none(state: Any, *, unknown: bool) -> None:
    class Status:  # as 2.0's: it raises for errors, so that what it returns is sure
        def __init__(self) -> None:
            self._state, self._include_input, self._history = state, True, None

        orchestration_state = property(lambda self: self._state)
        runtime_status = property(lambda self: self._state and df.OrchestrationRuntimeStatus.Running)

    class Client:
        async def start_new(self, *_: Any) -> str:
            raise NotImplementedError

        async def get_status(self, instance_id: str, *, show_input: bool = False) -> Any:  # noqa: ARG002  # the SDK's
            return Status()

    assert (asyncio.run(status_of(Client(), "prod-1")) is None) is unknown
