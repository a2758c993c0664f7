"""The HTTP triggers: the asynchronous request-reply pattern over one cancellation, and a clear refusal for all else.

``POST`` starts or joins and answers 202 with ``Location`` and ``Retry-After``; ``GET`` at that location answers 202
while it runs, then 200 with the result. Refusals are ``application/problem+json`` (RFC 9457) and name every problem.
It is longer than most by the description of the request that the Functions library hands over.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.request import BODY_LIMIT, CancelRequest, parse_json
from cancel_run.cancellation.stored import moment
from cancel_run.errors import ProblemsError, SettingsError
from cancel_run.page_lookup import aliases_of
from cancel_run.triggers import openapi
from cancel_run.triggers.alerts.limits import ALERT_LIMIT
from cancel_run.triggers.callers_url import base_url, status_url, wants_failure
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.replies import FORESEEN, Reply, begun, ended, nobody_started, problem, refused, reply_to
from cancel_run.triggers.results import result_of
from cancel_run.triggers.starting import ACTIVE, runtime_status, start_or_join, status_of
from cancel_run.triggers.summary import order_of, whose
from cancel_run.triggers.verified_caller import verified_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.starting import DurableClient

ROUTE = "cancel-active-run"
ALERTS_ROUTE = "alerts"
# the Functions host hands a body over only when the request tells its length
_LENGTH_REQUIRED = "The request must have a Content-Length header; a chunked body is not taken."
POLL_TAKES_SECONDS = 0.5  # a poll that is due, until its answer is to be seen


class HttpRequest(Protocol):
    """What is used of ``azure.functions.HttpRequest``."""

    @property
    def method(self) -> str: ...  # noqa: D102  # Azure's, and documented there

    @property
    def url(self) -> str: ...  # noqa: D102

    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def route_params(self) -> Mapping[str, str]: ...  # noqa: D102

    def get_body(self) -> bytes: ...  # noqa: D102


async def start(request: HttpRequest, client: DurableClient, settings: Callable[[], Settings], clock: Clock) -> Reply:
    """202 with ``{"instanceId", "runId", "workspace", "joined", "statusUrl"}``: the run is being canceled."""
    refusal = refusal_by_its_head(request, allowed="GET, POST")
    if refusal is not None:
        return refusal
    try:
        wants_failure(request.url)
        order = CancelRequest.from_json(
            parse_json(request.get_body()), lambda page: aliases_of(page, settings().workspaces)
        )
        started = await start_or_join(
            client, settings(), order, clock.now(), started_by=verified_caller(request.headers, settings())
        )
    except FORESEEN as error:
        return reply_to(error)
    location = status_url(request.url, ROUTE, started.instance_id)
    return begun(location, started, {"runId": started.run_id})


def refusal_by_its_head(request: HttpRequest, limit: int = BODY_LIMIT, allowed: str = "POST") -> Reply | None:
    """What is wrong before anything in the body is looked at."""
    if request.method != "POST":
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"This takes {' and '.join(allowed.split(', '))}.", Allow=allowed)
    media_type = request.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    body = request.get_body()
    if not body and "Content-Length" not in request.headers:
        return problem(HTTPStatus.LENGTH_REQUIRED, _LENGTH_REQUIRED)
    if len(body) > limit:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body must have at most {limit} bytes.")
    return None


def enqueue(request: HttpRequest, write: Callable[[Any], None], settings: Callable[[], Settings]) -> Reply:
    """202 with ``{"queued": true}``: the body is in the queue as it came. Only its size and that it is JSON are judged.

    A webhook must be answered within seconds, so what the alert means is found out behind the queue. One that no
    message of the queue can hold is read here, and in the queue are the orders that it makes. ``write`` gets bytes, or
    a list of texts.
    """
    refusal = refusal_by_its_head(request, ALERT_LIMIT)
    if refusal is not None:
        return refusal
    # imported by the first alert: a cancellation after a cold start does not wait for it
    from cancel_run.triggers.alerts.reading import split  # noqa: PLC0415

    try:
        messages = split(request.get_body(), settings)
    except ProblemsError as error:
        return refused(error)
    # one as bytes: of a text that is JSON the host makes its own; a list has to be of texts, and those stay as they are
    write(messages[0] if len(messages) == 1 else [message.decode() for message in messages])
    return Reply(HTTPStatus.ACCEPTED, {"queued": True})


async def look(request: HttpRequest, client: DurableClient, clock: Clock) -> Reply:
    """202 with the progress while it runs, then 200 (or, when asked for, 500 if not stopped) with the result."""
    if request.method not in {"GET", "HEAD"}:
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, "A cancellation is looked at with GET.", Allow="GET")
    try:
        return await _seen(request, client, clock, wants_failure=wants_failure(request.url))
    except FORESEEN as error:
        return reply_to(error)


async def _seen(request: HttpRequest, client: DurableClient, clock: Clock, *, wants_failure: bool) -> Reply:
    instance_id = request.route_params.get("instanceId", "")
    known = InstanceId.read(instance_id)
    status: Any = await status_of(client, instance_id) if known else None
    if known is None or status is None:
        return nobody_started()
    name = runtime_status(status)
    if name in ACTIVE:
        return running(request, ROUTE, status, clock.now(), _asked(known, status))
    result = result_of(status, known)
    return ended(result, wants_failure=wants_failure)


def _asked(known: InstanceId, status: Any) -> dict[str, Any]:
    """What was asked for, by whom, and when it began."""
    return {
        "runId": known.run_id,
        **whose(known, order_of(status, Order), status),
    }


def describe(request: HttpRequest, settings: Callable[[], Settings]) -> Reply:
    """200 with the OpenAPI document of these endpoints, for an app that is found where this request found it."""
    if request.method not in {"GET", "HEAD"}:
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, "The document is read with GET.", Allow="GET")
    try:
        known = settings()
        workspaces, behind_entra = {one.alias: one.host for one in known.workspaces.values()}, known.behind_entra
    except SettingsError:
        # the document is needed before the settings are right, and tells no less without the names
        workspaces, behind_entra = {}, False
    url = base_url(request.url, openapi.ROUTE)
    return Reply(HTTPStatus.OK, openapi.document(url, workspaces, workspaces.values(), behind_entra=behind_entra))


def running(
    request: HttpRequest, route: str, status: Any, now: datetime, asked: Mapping[str, Any], **more: Any
) -> Reply:
    """202 for an instance below ``route`` that has not ended; ``more`` stands in its progress."""
    instance_id = status.instance_id
    name = runtime_status(status)
    progress = status.custom_status if isinstance(status.custom_status, dict) else {}
    # an instance that nobody has taken up yet has been due since it was begun
    next_at = moment(progress.get("nextPollAt")) or moment(progress.get("nextLookAt"))
    due = next_at or moment(str(status.created_time)) or now
    seconds = (due - now).total_seconds()
    progress = {**progress, "overdueSeconds": max(0, int(-seconds)), **more}
    location = status_url(request.url, route, instance_id)
    return Reply(
        HTTPStatus.ACCEPTED,
        {
            "instanceId": instance_id,
            "runtimeStatus": name,
            "statusUrl": location,
            **asked,
            "progress": progress,
        },
        # after the next poll, with the time that it takes: its answer is what the caller comes back for
        {"Location": location, "Retry-After": str(max(1, math.ceil(seconds + POLL_TAKES_SECONDS)))},
    )
