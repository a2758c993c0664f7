"""Servers that run beside the caller: one event loop in a thread, any number of aiohttp applications on it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
GOODBYE_SECONDS = 0.1  # how long a TLS connection waits at its end for the other side's goodbye


class PortTakenError(OSError):
    """Somebody else listens at the port."""


class BackgroundServers:
    """An event loop in a daemon thread, and the servers on it. Everything listens on loopback alone."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-host-servers", daemon=True)
        self._thread.start()
        self._running: list[tuple[asyncio.Server, web.AppRunner]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, run on the servers' loop; never call it from that loop."""
        return self.begin(work).result()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """What will have the result of ``work``, which has begun on the servers' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def serve(self, app: web.Application, *, port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """The port on which ``app`` now answers (the one asked for, or a free one for 0).

        Raises:
            PortTakenError: somebody else listens there.
        """
        return self.run(self._serve(app, port, tls))

    async def _serve(self, app: web.Application, port: int, tls: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        assert runner.server is not None  # noqa: S101  # it has been set up
        try:
            server = await self._loop.create_server(
                runner.server, LOOPBACK, port, ssl=tls, ssl_shutdown_timeout=GOODBYE_SECONDS if tls else None
            )
        except OSError as error:
            await runner.cleanup()
            raise PortTakenError(
                f"Port {port} is taken ({error.strerror}). Name another, or 0 for a free one."
            ) from error
        self._running.append((server, runner))
        bound: tuple[str, int] = server.sockets[0].getsockname()
        return bound[1]

    def close(self) -> None:
        """Every server has stopped listening and the thread has ended."""
        for server, runner in reversed(self._running):
            self._loop.call_soon_threadsafe(server.close)
            self.run(runner.cleanup())
        self._running.clear()
        self.run(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _settle() -> None:
    """What was under way is canceled, and connections that were cut are closed."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(2 * GOODBYE_SECONDS)
