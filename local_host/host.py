"""One app on one machine: its functions, the engine, the durable client's endpoint and the HTTP triggers, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.durable_functions.models.utils import http_utils

from local_host.background import LOOPBACK, BackgroundServers, PortTakenError
from local_host.durable_endpoint import DurableEndpoint, client_binding
from local_host.engine import Engine
from local_host.http_triggers import HttpTriggers

if TYPE_CHECKING:
    from collections.abc import Callable


class LocalHost:
    """The app answers at ``url`` until it is closed.

    ``outputs`` says by an output binding's type (``queue`` ...) what is done with what a function writes to it: called
    with the binding's description and the value.
    """

    def __init__(
        self,
        app: Any,
        servers: BackgroundServers,
        *,
        port: int = 0,
        outputs: dict[str, Callable[..., None]] | None = None,
    ) -> None:
        self.functions: list[Any] = app.get_functions()  # once only: the library counts a second look as a second app
        self.engine = Engine(self.functions)
        self.endpoint = DurableEndpoint(self.engine)
        self.client_binding = client_binding(servers.serve(self.endpoint.app))
        triggers = HttpTriggers(self.functions, lambda: self.client_binding, outputs or {})
        self._servers = servers
        try:
            self.url = f"http://{LOOPBACK}:{servers.serve(triggers.app, port=port)}"
        except PortTakenError:
            self.close()  # its threads would keep the process alive
            raise

    def close(self) -> None:
        """No orchestration runs any more. The servers are the caller's to close, after this."""
        # the SDK keeps one client session for the process and never closes it; its loop ends with the servers
        self._servers.run(http_utils._close_session())  # noqa: SLF001
        self.engine.close()
