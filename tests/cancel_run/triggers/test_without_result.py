"""The result of an instance that left none: what its custom status last told, in whichever version it was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from aiohttp import web

from cancel_run.clock import SystemClock
from cancel_run.triggers import http_trigger
from local_host.engine.client_binding import client_binding

if TYPE_CHECKING:
    from local_host.background import BackgroundServers

KNOWN = ("finalLifeCycleState", "cancelRequestedAt", "polls", "cancels", "retries")
FULL = {
    "lifeCycleState": "TERMINATING",
    "cancelRequestedAt": "2026-01-31T12:00:00.400Z",
    "polls": 3,
    "cancels": 1,
    "retries": 2,
}


@pytest.mark.parametrize("runtime_status", ["Terminated", "Failed", "Canceled"])
@pytest.mark.parametrize(
    ("custom_status", "known"),
    [
        (FULL, ["TERMINATING", "2026-01-31T12:00:00.400Z", 3, 1, 2]),
        ({"lifeCycleState": None, "polls": 0, "cancels": 0}, [None, None, 0, 0, 0]),
        (
            {"lifeCycleState": 1, "cancelRequestedAt": 2, "polls": "3", "cancels": True, "retries": -1},
            [None] * 2 + [0] * 3,
        ),
        ("text", [None, None, 0, 0, 0]),
        (None, [None, None, 0, 0, 0]),
    ],
)
def test_an_instance_without_a_result_tells_what_its_custom_status_knew(
    custom_status: Any, known: list[Any], runtime_status: str, servers: BackgroundServers
) -> None:
    async def answer(_: web.Request) -> web.Response:
        told = {"runtimeStatus": runtime_status, "createdTime": "2026-01-31T12:00:00Z", "output": None}
        return web.json_response({**told, "customStatus": custom_status})

    app = web.Application()
    app.router.add_get("/durabletask/instances/{instance_id}", answer)
    client = df.DurableOrchestrationClient(client_binding(servers.serve(app)))
    url = "https://app.example/api/cancel-active-run/prod-7"
    request = func.HttpRequest(method="GET", url=url, route_params={"instanceId": "prod-7"}, body=b"")
    reply = servers.run(http_trigger.look(request, client, SystemClock()))
    result = json.loads(reply.text())
    assert (reply.status_code, result["outcome"], result["stopped"]) == (200, "failed", False)
    assert [result[key] for key in KNOWN] == known
