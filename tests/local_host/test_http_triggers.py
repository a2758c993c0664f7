"""The local host over HTTP: an app's triggers with requests, the durable endpoint with the SDK's own client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import azure.durable_functions as df
import azure.functions as func
import pytest
import requests
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus

from local_host.background import LOOPBACK
from local_host.host import LocalHost
from local_host.http_triggers import HttpTriggers, UnsupportedRouteError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from local_host.background import BackgroundServers

SECONDS = 20.0  # the longest that anything here may take
HOUR = timedelta(hours=1)


def create_app() -> df.DFApp:  # noqa: C901  # an app is a list of functions
    app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.orchestration_trigger(context_name="context")
    def give_back(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime)
        context.set_custom_status({"nearly": "there"})
        return {"given": context.get_input()}

    @app.orchestration_trigger(context_name="context")
    def wait(context: Any) -> Any:
        timer = context.create_timer(context.current_utc_datetime + HOUR)
        first = yield context.task_any([timer, context.wait_for_external_event("go")])
        return first.result

    @app.orchestration_trigger(context_name="context")
    def fail(context: Any) -> Any:
        yield context.create_timer(context.current_utc_datetime)
        raise ValueError("as it was meant to")

    @app.route(route="echo/{first}/and/{second}")
    async def echo(req: func.HttpRequest) -> func.HttpResponse:
        told = {
            "method": req.method,
            "url": req.url,
            "header": req.headers.get("x-asked"),
            "params": dict(req.params),
            "routeParams": dict(req.route_params),
            "body": req.get_body().decode(),
        }
        return func.HttpResponse(json.dumps(told), mimetype="application/json")

    @app.route(route="start/{instanceId}", methods=["POST"])
    @app.durable_client_input(client_name="client")
    async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        await client.start_new("give_back", req.route_params["instanceId"], req.get_json())
        response: func.HttpResponse = client.create_check_status_response(req, req.route_params["instanceId"])
        return response

    @app.route(route="same", methods=[func.HttpMethod.GET])
    def get_same(req: func.HttpRequest) -> str:
        return str(req.method)

    @app.route(route="same", methods=["PUT"])
    def put_same(req: func.HttpRequest) -> str:
        return f"{req.method} of {len(req.get_body())}"

    @app.route()
    def headers(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the trigger's parameter
        response = func.HttpResponse(b"\xff\x00", status_code=418, headers={"X-One": "1"}, mimetype="image/png")
        response.headers.add("Link", "<a>")
        response.headers.add("Link", "<b>")
        return response

    @app.route()
    def text(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the same
        return func.HttpResponse("ä", charset="latin-1")

    @app.route()
    def problem(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the same
        return func.HttpResponse("{}", headers={"Content-Type": "application/problem+json"})

    @app.route()
    def nothing(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the same
        return func.HttpResponse(status_code=204)

    @app.route()
    def wrong(req: func.HttpRequest) -> Any:  # noqa: ARG001  # the same
        return {"a": "dict"}

    @app.route()
    def broken(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001  # the same
        raise RuntimeError("a secret of the function")

    @app.route()
    @app.queue_output(arg_name="message", queue_name="orders", connection="Storage")
    def write(req: func.HttpRequest, message: func.Out[Any]) -> func.HttpResponse:
        message.set(req.get_json())
        return func.HttpResponse("written")

    @app.route()
    @app.blob_output(arg_name="blob", path="nobody/takes.this", connection="Storage")
    def blob(req: func.HttpRequest, blob: func.Out[str]) -> func.HttpResponse:  # noqa: ARG001  # the same
        return func.HttpResponse("never")

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    @app.durable_client_input(client_name="client")
    async def each_hour(timer: str, client: df.DurableOrchestrationClient) -> None:
        await client.start_new("give_back", "from-the-timer", timer)

    return app


WRITTEN: list[tuple[str, Any]] = []


@pytest.fixture(scope="module")
def local(servers: BackgroundServers) -> Iterator[LocalHost]:
    outputs = {"queue": lambda binding, value: WRITTEN.append((binding["queueName"], value))}
    with contextlib.closing(LocalHost(create_app(), servers, outputs=outputs)) as host:
        yield host


@pytest.fixture(scope="module")
def client(local: LocalHost) -> df.DurableOrchestrationClient:
    """The SDK's own client, as a function is given it."""
    return df.DurableOrchestrationClient(local.client_binding)


def call(method: str, host: LocalHost, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{host.url}{path}", timeout=SECONDS, allow_redirects=False, **options)


# -- HTTP triggers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_function_gets_the_request_as_it_was_sent(method: str, local: LocalHost) -> None:
    path = "/api/echo/one/and/t%20wo?code=a%2Bb&empty="
    answer = call(method, local, path, data="body ä".encode(), headers={"X-Asked": "yes"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "method": method,
        "url": f"{local.url}{path}",
        "header": "yes",
        "params": {"code": "a+b", "empty": ""},
        "routeParams": {"first": "one", "second": "t wo"},
        "body": "body ä",
    }


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"Host": "cancel.example:8443"}, "http://cancel.example:8443"),
        ({"DISGUISED-HOST": "cancel.example", "X-Forwarded-Proto": "https"}, "https://cancel.example"),
    ],
)
def test_the_url_that_a_function_sees_is_the_one_that_the_caller_used(
    headers: dict[str, str], origin: str, local: LocalHost
) -> None:
    assert call("GET", local, "/api/echo/a/and/b", headers=headers).json()["url"] == f"{origin}/api/echo/a/and/b"


def test_head_is_answered_without_a_body(local: LocalHost) -> None:
    answer = call("HEAD", local, "/api/echo/a/and/b")
    assert (answer.status_code, answer.content) == (200, b"")


def test_functions_share_a_route_by_method_and_other_methods_are_refused(local: LocalHost) -> None:
    assert call("GET", local, "/api/same").text == "GET"
    assert call("PUT", local, "/api/same", data=b"x" * 3_000_000).text == "PUT of 3000000"
    refused = call("DELETE", local, "/api/same")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET,PUT")


@pytest.mark.parametrize("path", ["/", "/api", "/same", "/api/nobody", "/api/echo/a/and/", "/durabletask/instances/"])
def test_an_unknown_route_is_404(path: str, local: LocalHost) -> None:
    assert call("GET", local, path).status_code == 404


def test_a_response_keeps_its_status_code_bytes_type_and_every_header(local: LocalHost) -> None:
    answer = call("GET", local, "/api/headers")
    assert (answer.status_code, answer.content) == (418, b"\xff\x00")
    assert (answer.headers["Content-Type"], answer.headers["X-One"]) == ("image/png", "1")
    assert answer.raw.headers.getlist("Link") == ["<a>", "<b>"]


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/api/text", "text/plain; charset=latin-1", "ä".encode("latin-1")),
        ("/api/problem", "application/problem+json", b"{}"),
        ("/api/same", "text/plain; charset=utf-8", b"GET"),
    ],
)
def test_the_content_type_is_the_one_that_azures_worker_would_give(
    path: str, media_type: str, body: bytes, local: LocalHost
) -> None:
    answer = call("GET", local, path)
    assert (answer.headers["Content-Type"], answer.content) == (media_type, body)


def test_no_content_is_no_content(local: LocalHost) -> None:
    answer = call("GET", local, "/api/nothing")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("wrong", "wrong returned dict instead of an HttpResponse"),
        ("broken", "a secret of the function"),
        ("blob", "blob: blob"),
    ],
)
def test_a_function_that_fails_is_500_with_no_word_to_the_caller_and_one_in_the_log(
    name: str, logged: str, local: LocalHost, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call("GET", local, f"/api/{name}")
    assert (answer.status_code, answer.content) == (500, b"")
    record = next(record for record in caplog.records if record.name == "local_host")
    assert record.levelno == logging.ERROR
    assert logged in f"{record.getMessage()} {record.exc_text}"


@pytest.mark.parametrize(
    ("value", "messages"),
    [("one", ["one"]), (["one", "two"], ["one", "two"]), ({"a": 1}, [{"a": 1}]), ([], []), (None, [])],
)
def test_what_a_function_writes_to_a_queue_is_handed_on_one_by_one(
    value: Any, messages: list[Any], local: LocalHost
) -> None:
    WRITTEN.clear()
    assert call("POST", local, "/api/write", data=json.dumps(value)).text == "written"
    assert [message for _, message in WRITTEN] == messages
    assert {queue for queue, _ in WRITTEN} <= {"orders"}


def test_the_routes_have_the_prefix_that_host_json_gives_them() -> None:
    functions = [one for one in create_app().get_functions() if one.get_function_name() == "nothing"]

    async def nobody(*_: Any) -> None: ...

    for prefix, path in (("api", "/api/nothing"), ("", "/nothing"), ("/v1/x/", "/v1/x/nothing")):
        routes = HttpTriggers(functions, nobody, prefix=prefix).app.router.routes()
        assert {route.resource.canonical for route in routes if route.resource is not None} == {path}


@pytest.mark.parametrize("route", ["{id:int}", "{id?}", "{*rest}"])
def test_a_route_that_would_be_misunderstood_is_refused(route: str) -> None:
    app = df.DFApp()
    app.route(route=route)(lambda req: req)

    async def nobody(*_: Any) -> None: ...

    with pytest.raises(UnsupportedRouteError):
        HttpTriggers(app.get_functions(), nobody)


# -- the durable client ------------------------------------------------------------------------------------------------


def test_an_orchestration_is_started_over_http_and_ends(local: LocalHost) -> None:
    accepted = call("POST", local, "/api/start/over-http", json={"a": ["ä", None, 2**60]})
    assert accepted.status_code == 202
    assert accepted.headers["Location"].endswith("/instances/over-http")
    ended = local.engine.wait_until_ended("over-http", SECONDS)
    assert ended.input == {"a": ["ä", None, 2**60]}
    assert ended.output == {"given": ended.input}


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


# -- the host ----------------------------------------------------------------------------------------------------------


def test_another_trigger_calls_a_function_through_the_host_and_is_closed_with_it(servers: BackgroundServers) -> None:
    class Timer:
        def __init__(self, host: LocalHost) -> None:
            self.host, self.ended = host, ""
            function = next(one for one in host.functions if one.get_function_name() == "each_hour")
            servers.run(host.call(function, "tick"))

        def close(self) -> None:
            self.ended = self.host.engine.wait_until_ended("from-the-timer", SECONDS).runtime_status

    with contextlib.closing(LocalHost(create_app(), servers)) as host:
        timer = Timer(host)
        host.attach(timer)
    assert timer.ended == "Completed", "the engine still ran when the trigger was closed"


@pytest.mark.parametrize("which", ["port", "endpoint_port"])
def test_a_taken_port_raises_and_leaves_no_thread_that_keeps_the_process_alive(
    which: str, servers: BackgroundServers
) -> None:
    before = set(threading.enumerate())
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(OSError):  # noqa: PT011  # the system's text
        LocalHost(create_app(), servers, **{which: taken.getsockname()[1]})
    # but for those of the servers, and gRPC's, which ends within its grace
    left = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")]
    for thread in left:
        thread.join(0 if thread.daemon else SECONDS)
    assert [thread for thread in left if thread.is_alive() and not thread.daemon] == []
