"""One app on one machine: its functions, the engine, the durable client's endpoint and the HTTP triggers, wired."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any, Protocol

import azure.functions as func
from azure.durable_functions.models.utils import http_utils
from azure.functions.decorators.core import BindingDirection

from local_host.background import LOOPBACK, BackgroundServers, place_at
from local_host.engine.client_binding import ActivityClient, client_binding
from local_host.engine.durable_endpoint import DurableEndpoint
from local_host.engine.engine import Engine
from local_host.engine.journaled_engine import JournaledEngine
from local_host.engine.versioning import Versioning
from local_host.http_triggers import HttpTriggers
from local_host.web_pages import refuse_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local_host.keys import Keys


class UnsupportedBindingError(Exception):
    """A function has a binding for which there is nobody here."""


class Trigger(Protocol):
    """Something beside HTTP that calls functions of a host, as a queue or a timer does, until it is closed."""

    def close(self) -> None:
        """It calls nothing any more."""


class Output(func.Out[Any]):
    """An output binding: what the function sets is handed on when it has returned."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """The value is what the binding writes."""
        self._value = val

    def get(self) -> Any:
        """What was set last, or None."""
        return self._value


class LocalHost:
    """The app answers at ``url`` until it is closed.

    ``outputs`` says by an output binding's type (``queue`` ...) what is done with what a function writes to it: called
    with the binding's description and the value. ``state`` is the file of a journal, for orchestrations that are to
    outlive the process, and ``places`` where what their inputs name is. With ``keys``, callers over HTTP must show one;
    without, they must be programs of this machine, and no web page.

    Raises:
        PortTakenError: nobody can listen at a port.
        JournalError: the file cannot be used.
        StartError: a setting of the host is wrong.
    """

    def __init__(
        self,
        app: Any,
        servers: BackgroundServers,
        *,
        port: int = 0,
        endpoint_port: int = 0,
        outputs: dict[str, Callable[[dict[str, Any], Any], None]] | None = None,
        state: Path | None = None,
        places: Mapping[str, str] | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.functions: list[Any] = app.get_functions()  # once only: the library counts a second look as a second app
        self.servers = servers
        self._outputs = outputs or {}
        self._attached: list[Trigger] = []
        triggers = HttpTriggers(self.functions, self.call, keys=keys)
        client = ActivityClient(servers.run)
        options: dict[str, Any] = {"versioning": Versioning.of_host_json(), "client": client}
        with contextlib.ExitStack() as undo:
            # before what a journal holds begins again, which would be cut off once more if the port were taken
            place = undo.enter_context(place_at(port))
            self.engine = (
                JournaledEngine(self.functions, state, places=places, **options)
                if state
                else Engine(self.functions, **options)
            )
            undo.callback(self.engine.close)  # its threads would keep the process alive
            self.endpoint = DurableEndpoint(self.engine)
            self.endpoint.app.middlewares.append(refuse_pages)
            self.client_binding = client_binding(servers.serve(self.endpoint.app, port=endpoint_port))
            client.serve(self.client_binding)
            self.url = f"http://{LOOPBACK}:{servers.serve(triggers.app, place=place)}"
            undo.pop_all()

    async def call(self, function: Any, value: Any) -> Any:
        """What the function returns for its trigger's value, called as the worker does; what it wrote is handed on.

        Every call is awaited on the servers' loop: the SDK has one client session for all of them, bound to one loop.

        Raises:
            UnsupportedBindingError: nobody here gives or takes what one of its bindings needs.
        """
        trigger, user_function = function.get_trigger().name, function.get_user_function()
        arguments: dict[str, Any] = {}
        written: list[tuple[dict[str, Any], Output]] = []
        for binding in (binding.get_dict_repr() for binding in function.get_bindings()):
            if binding["name"] == trigger:
                arguments[trigger] = value
            elif binding["type"] == "durableClient":
                arguments[binding["name"]] = self.client_binding
            elif binding["name"] != "$return":
                if binding["direction"] != BindingDirection.OUT:
                    raise UnsupportedBindingError(f"{function.get_function_name()}: {binding['type']}")
                arguments[binding["name"]] = output = Output()
                written.append((binding, output))
        if inspect.iscoroutinefunction(user_function):
            returned = await user_function(**arguments)
        else:
            returned = await asyncio.to_thread(user_function, **arguments)
        for binding, output in written:
            if output.get() is not None:
                if binding["type"] not in self._outputs:
                    raise UnsupportedBindingError(f"{function.get_function_name()}: {binding['type']}")
                await asyncio.to_thread(self._outputs[binding["type"]], binding, output.get())
        return returned

    def attach(self, trigger: Trigger) -> None:
        """The trigger belongs to the host from now on: it is closed with it, before the engine is."""
        self._attached.append(trigger)

    def close(self) -> None:
        """No orchestration runs any more. The servers are the caller's to close, after this."""
        while self._attached:
            self._attached.pop().close()
        self.engine.close()
        # the SDK keeps one client session for the process and never closes it; its loop ends with the servers
        self.servers.run(http_utils._close_session())  # noqa: SLF001
