"""The endpoint that the SDK's durable client talks to, and the binding that tells it where that is.

In Azure the extension serves it to the worker alone; here it has a port of its own on loopback, apart from the app's.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.background import LOOPBACK
from local_host.engine import ENDED, Engine, Instance, InstanceExistsError, UnknownOrchestratorError

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "/durabletask"


class DurableEndpoint:
    """``orchestrators`` and ``instances`` over an engine.

    While ``out_of_order`` is a status code every call is answered with it; while it is 0 connections are cut.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.out_of_order: int | None = None
        self.app = web.Application(middlewares=[self._break_when_told])
        self.app.add_routes(
            [
                web.post(PREFIX + "/orchestrators/{name}/{instance_id}", self._start),
                web.get(PREFIX + "/instances/{instance_id}", self._look),
                web.delete(PREFIX + "/instances/{instance_id}", self._purge),
                web.post(PREFIX + "/instances/{instance_id}/terminate", self._terminate),
            ]
        )

    @web.middleware
    async def _break_when_told(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.out_of_order is None:
            answer: web.StreamResponse = await handler(request)
            return answer
        if self.out_of_order == 0 and request.transport is not None:
            request.transport.abort()
        return web.json_response({"Message": "out of order"}, status=self.out_of_order or 500)

    async def _start(self, request: web.Request) -> web.Response:
        name, instance_id = request.match_info["name"], request.match_info["instance_id"]
        input_text = await request.json()  # the client encodes the input twice: this is still JSON text
        try:
            await asyncio.to_thread(self._engine.start, name, instance_id, json.loads(input_text or "null"))
        except InstanceExistsError as error:
            return web.json_response({"Message": str(error)}, status=409)
        except UnknownOrchestratorError:
            said = f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
            return web.json_response({"ExceptionMessage": said}, status=400)
        return web.json_response({"id": instance_id}, status=202)

    async def _look(self, request: web.Request) -> web.Response:
        instance = await asyncio.to_thread(self._engine.get, request.match_info["instance_id"])
        if instance is None:
            return web.json_response(None, status=404)
        shown = _shown(instance, with_input=request.query.get("showInput", "true").lower() != "false")
        return web.json_response(shown, status=200 if instance.runtime_status in ENDED else 202)

    async def _purge(self, request: web.Request) -> web.Response:
        purged = await asyncio.to_thread(self._engine.purge, request.match_info["instance_id"])
        return web.json_response({"instancesDeleted": int(purged)}, status=200 if purged else 404)

    async def _terminate(self, request: web.Request) -> web.Response:
        instance = await asyncio.to_thread(self._engine.get, request.match_info["instance_id"])
        if instance is None or instance.runtime_status in ENDED:
            return web.json_response(None, status=404 if instance is None else 410)
        await asyncio.to_thread(self._engine.terminate, instance.instance_id, request.query.get("reason", ""))
        return web.json_response(None, status=202)


def _shown(instance: Instance, *, with_input: bool) -> dict[str, Any]:
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.runtime_status,
        "input": instance.input if with_input else None,
        "customStatus": instance.custom_status,
        "output": instance.output,
        "createdTime": _wire(instance.created_at),
        "lastUpdatedTime": _wire(instance.last_updated_at),
    }


def _wire(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def client_binding(port: int) -> str:
    """What the host hands to a function for its durable client: a JSON text."""
    rpc = f"http://{LOOPBACK}:{port}{PREFIX}/"
    instance = f"{rpc}instances/INSTANCEID"
    operations = {
        "statusQueryGetUri": "",
        "sendEventPostUri": "/raiseEvent/{eventName}",
        "terminatePostUri": "/terminate?reason={text}",
        "rewindPostUri": "/rewind?reason={text}",
        "purgeHistoryDeleteUri": "",
        "restartPostUri": "/restart",
        "suspendPostUri": "/suspend?reason={text}",
        "resumePostUri": "/resume?reason={text}",
    }
    return json.dumps(
        {
            "taskHubName": "LocalHost",
            "creationUrls": {"createNewInstancePostUri": f"{rpc}orchestrators/{{functionName}}[/{{instanceId}}]"},
            "managementUrls": {"id": "INSTANCEID"} | {key: instance + path for key, path in operations.items()},
            "baseUrl": rpc,
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": rpc,
        }
    )
