"""Activities with a durable client, on an engine whose endpoint comes late or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import azure.durable_functions as df

from local_host.engine.client_binding import ActivityClient, client_binding
from local_host.engine.engine import Engine
from tests.support.engine_app import SECONDS


def functions() -> list[Any]:
    app = df.DFApp()

    @app.orchestration_trigger(context_name="context")
    def ask(context: Any) -> Any:
        hub = yield context.call_activity("hub", None)
        return hub

    @app.activity_trigger(input_name="nothing")
    @app.durable_client_input(client_name="client")
    async def hub(nothing: None, client: df.DurableOrchestrationClient) -> str:  # noqa: ARG001  # the trigger's parameter
        name: str = client._orchestration_bindings.task_hub_name  # noqa: SLF001  # it shows which client it is
        return name

    return app.get_functions()  # type: ignore[no-any-return]  # the library leaves it untyped


def test_an_activity_waits_for_the_client_of_a_host_that_comes_up() -> None:
    client = ActivityClient(asyncio.run)
    with contextlib.closing(Engine(functions(), client=client)) as engine:
        engine.start("ask", "early")
        threading.Timer(0.1, client.serve, [client_binding(1)]).start()
        assert engine.wait_until_ended("early", SECONDS).output == "LocalHost"


def test_an_engine_without_a_client_says_so() -> None:
    with contextlib.closing(Engine(functions())) as engine:
        engine.start("ask", "alone")
        assert "this engine has none to give" in engine.wait_until_ended("alone", SECONDS).output
