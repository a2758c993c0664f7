"""An app for the tests of the local host: HTTP functions, a timer, orchestrators without activities."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import azure.functions as func
import requests

if TYPE_CHECKING:
    from local_host.host import LocalHost

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

    @app.orchestration_trigger(context_name="context")
    def delegate(context: Any) -> Any:
        seen = yield context.call_activity("beginAnother", context.get_input())
        return seen

    @app.function_name("beginAnother")
    @app.activity_trigger(input_name="instance")
    @app.durable_client_input(client_name="client")
    async def begin_another(instance: str, client: df.DurableOrchestrationClient) -> Any:
        try:
            await client.start_new("give_back", instance)
        except Exception as error:  # noqa: BLE001  # the SDK raises bare ones
            return {"refused": str(error)}
        status = await client.get_status(instance)
        return {"seen": status.name}

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
    def blob(req: func.HttpRequest, blob: func.Out[str]) -> func.HttpResponse:
        if req.params:
            blob.set("nobody takes it")
        return func.HttpResponse("nothing was written")

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    @app.durable_client_input(client_name="client")
    async def each_hour(timer: str, client: df.DurableOrchestrationClient) -> None:
        await client.start_new("give_back", "from-the-timer", timer)

    return app


WRITTEN: list[tuple[str, Any]] = []  # what functions have written to queues


def call(method: str, host: LocalHost, path: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{host.url}{path}", timeout=SECONDS, allow_redirects=False, **options)
