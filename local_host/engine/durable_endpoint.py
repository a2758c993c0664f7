"""The endpoint that the SDK's durable client talks to.

In Azure the extension serves it to the worker alone; here it has a port of its own on loopback, apart from the app's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.engine.client_binding import PREFIX
from local_host.engine.engine import Engine, InstanceExistsError, UnknownOrchestratorError
from local_host.engine.instance import ENDED, Instance
from local_host.engine.journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

STORAGE_AWAY = {
    "Message": "Something went wrong while processing your request",
    "ExceptionMessage": "Connection refused",
    "ExceptionType": "Azure.RequestFailedException",
}
CONTINUATION = "x-ms-continuation-token"
LONGEST_ID = 100  # characters
PAGE = 100  # instances in one answer, where nobody asks for another number
PAYLOAD_LIMIT = 100 * 1024 * 1024  # bytes; more does not come through the app's own HTTP triggers

logger = logging.getLogger("local_host")


class DurableEndpoint:
    """``orchestrators`` and ``instances`` over an engine.

    Attributes:
        app: the endpoint as an aiohttp application.
        out_of_order: while it is a status code every call is answered with it, and with the extension's words for a
            storage that is away; while it is 0 connections are cut.
        conflicts_are_500: a start of an id that runs is answered as older extensions do, with 500 instead of 409.
        starts_race: a start of an id that runs is answered as one that began it, and dropped: so it goes in Azure for
            most of many starts at the same moment.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.out_of_order: int | None = None
        self.conflicts_are_500 = False
        self.starts_race = False
        self.app = web.Application(middlewares=[self._break_when_told], client_max_size=PAYLOAD_LIMIT)
        instance = PREFIX + "/instances/{instance_id}"
        self.app.add_routes(
            [
                web.post(PREFIX + "/orchestrators/{name}", self._start),
                web.post(PREFIX + "/orchestrators/{name}/{instance_id}", self._start),
                web.get(PREFIX + "/instances/", self._list),
                web.delete(PREFIX + "/instances/", self._purge_chosen),
                web.get(instance, self._look),
                web.delete(instance, self._purge),
                web.post(instance + "/terminate", self._ordered(engine.terminate)),
                web.post(instance + "/suspend", self._ordered(engine.suspend)),
                web.post(instance + "/resume", self._ordered(engine.resume)),
                web.post(instance + "/raiseEvent/{event_name}", self._raise_event),
            ]
        )

    @web.middleware
    async def _break_when_told(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.out_of_order is None:
            try:
                answer: web.StreamResponse = await handler(request)
            except JournalError as error:
                logger.error("%s", error)  # noqa: TRY400  # there is nothing to trace
                return web.json_response({**STORAGE_AWAY, "ExceptionMessage": str(error)}, status=500)
            return answer
        if self.out_of_order == 0 and request.transport is not None:
            request.transport.abort()
        return web.json_response(STORAGE_AWAY, status=self.out_of_order or 500)

    async def _start(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        instance_id = request.match_info.get("instance_id") or uuid.uuid4().hex
        if len(instance_id) > LONGEST_ID:
            said = f"Instance ID lengths must not exceed {LONGEST_ID} characters."
            return web.json_response({"ExceptionMessage": said}, status=400)
        try:
            await asyncio.to_thread(self._engine.start, name, instance_id, await _payload(request))
        except InstanceExistsError as error:
            if self.starts_race:
                return web.json_response({"id": instance_id}, status=202)
            said = f"An Orchestration instance with the status {error.runtime_status} already exists."
            if self.conflicts_are_500:
                return web.json_response({"Message": "Something went wrong.", "ExceptionMessage": said}, status=500)
            return web.json_response({"Message": said}, status=409)
        except UnknownOrchestratorError:
            said = f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."
            return web.json_response({"ExceptionMessage": said}, status=400)
        return web.json_response({"id": instance_id}, status=202)

    async def _look(self, request: web.Request) -> web.Response:
        instance = await asyncio.to_thread(self._engine.get, request.match_info["instance_id"])
        if instance is None:
            return _unknown()
        shown = _shown(instance, request)
        if _flag(request, "showHistory", default=False):
            shown["historyEvents"] = await asyncio.to_thread(self._engine.history_events, instance.instance_id)
        return web.json_response(shown, status=200 if instance.runtime_status in ENDED else 202)

    async def _list(self, request: web.Request) -> web.Response:
        """One page, in the order of the ids; a header tells what to ask the next one with, where there is one."""
        chosen = sorted(await self._chosen(request), key=lambda instance: instance.instance_id)
        after, size = request.headers.get(CONTINUATION, ""), int(request.query.get("top", PAGE))
        left = [instance for instance in chosen if instance.instance_id > after]
        page = left[:size]
        following = {CONTINUATION: page[-1].instance_id} if len(left) > size else {}
        return web.json_response([_shown(instance, request) for instance in page], headers=following)

    async def _purge_chosen(self, request: web.Request) -> web.Response:
        chosen = await self._chosen(request)
        purged = [await asyncio.to_thread(self._engine.purge, instance.instance_id) for instance in chosen]
        return _purged(sum(purged))

    async def _purge(self, request: web.Request) -> web.Response:
        return _purged(int(await asyncio.to_thread(self._engine.purge, request.match_info["instance_id"])))

    async def _chosen(self, request: web.Request) -> list[Instance]:
        """The instances that the query is about."""
        query = request.query
        began, ended = (_moment(query.get(key)) for key in ("createdTimeFrom", "createdTimeTo"))
        statuses = set(filter(None, query.get("runtimeStatus", "").split(",")))
        return [
            instance
            for instance in await asyncio.to_thread(self._engine.instances)
            if instance.instance_id.startswith(query.get("instanceIdPrefix", ""))
            and (not statuses or instance.runtime_status in statuses)
            and (began is None or instance.created_at >= began)
            and (ended is None or instance.created_at <= ended)
        ]

    def _ordered(self, order: Callable[[str, str], Instance | None]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            reason = request.query.get("reason", "")
            return _taken(await asyncio.to_thread(order, request.match_info["instance_id"], reason))

        return handle

    async def _raise_event(self, request: web.Request) -> web.Response:
        instance_id, event_name = request.match_info["instance_id"], request.match_info["event_name"]
        return _taken(
            await asyncio.to_thread(self._engine.raise_event, instance_id, event_name, await _payload(request))
        )


async def _payload(request: web.Request) -> Any:
    """The JSON value in the body; the client encodes it twice, and sends no body for None."""
    body = await request.read()
    try:
        value = json.loads(body) if body else None
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        said = json.dumps({"ExceptionMessage": "The body is not JSON."})
        raise web.HTTPBadRequest(text=said, content_type="application/json") from None


def _taken(found: Instance | None) -> web.Response:
    """The answer to an order: gone for an instance that had ended."""
    if found is None:
        return _unknown()
    return web.Response(status=410 if found.runtime_status in ENDED else 202)


def _unknown() -> web.Response:
    """Nobody started it: no body, which is how the SDK tells it from an error."""
    return web.Response(status=404)


def _purged(count: int) -> web.Response:
    return web.json_response({"instancesDeleted": count}) if count else _unknown()


def _shown(instance: Instance, request: web.Request) -> dict[str, Any]:
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.runtime_status,
        "input": instance.input if _flag(request, "showInput", default=True) else None,
        "customStatus": instance.custom_status,
        "output": instance.output,
        "createdTime": _wire(instance.created_at),
        "lastUpdatedTime": _wire(instance.last_updated_at),
    }


def _flag(request: web.Request, name: str, *, default: bool) -> bool:
    return request.query.get(name, str(default)).lower() == "true"


def _wire(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
