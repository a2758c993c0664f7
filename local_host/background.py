"""Servers that run beside the caller: one event loop in a thread, any number of aiohttp applications on it."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
FIRST_FREE_PORT = 1024  # those below are the system's
GOODBYE_SECONDS = 0.1  # how long a TLS connection waits at its end for the other side's goodbye


class PortTakenError(OSError):
    """Nobody can listen at the port: somebody else does, it is kept for others, or it is no port."""


@dataclass
class _Running:
    """One server: its listener can go and come back while its runner stays."""

    listener: asyncio.Server
    runner: web.AppRunner
    port: int
    tls: ssl.SSLContext | None
    place: socket.socket | None = None  # what keeps the port while the listener is away


class BackgroundServers:
    """An event loop in a daemon thread, and the servers on it. Everything listens on loopback alone."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-host-servers", daemon=True)
        self._thread.start()
        self._running: list[_Running] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, run on the servers' loop; never call it from that loop."""
        return self.begin(work).result()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """What will have the result of ``work``, which has begun on the servers' loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def serve(
        self,
        app: web.Application,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        place: socket.socket | None = None,
    ) -> int:
        """The port on which ``app`` now answers: the one asked for, that of the ``place``, or a free one for 0.

        Raises:
            PortTakenError: nobody can listen there.
        """
        return self.run(self._serve(app, place or place_at(port), tls))

    async def _serve(self, app: web.Application, place: socket.socket, tls: ssl.SSLContext | None) -> int:
        port: int = place.getsockname()[1]
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            listener = await self._listener(runner, place, tls)
        except OSError as error:  # somebody who has taken the place too was faster
            await runner.cleanup()
            raise _taken(port, error) from error
        self._running.append(_Running(listener, runner, port, tls))
        return port

    async def _listener(
        self, runner: web.AppRunner, place: socket.socket, tls: ssl.SSLContext | None
    ) -> asyncio.Server:
        assert runner.server is not None  # noqa: S101  # it has been set up
        goodbye = GOODBYE_SECONDS if tls else None
        return await self._loop.create_server(runner.server, sock=place, ssl=tls, ssl_shutdown_timeout=goodbye)

    async def refuse(self, port: int) -> None:
        """Whoever connects to the port is refused, as if nobody had ever served there; open connections go on."""
        running = self._at(port)
        running.listener.close()
        # bound and not listening, so that nobody else is given the port meanwhile; the option lets it share the port
        # with connections that are still open, and would let others share it
        running.place = socket.socket()
        running.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        running.place.bind((LOOPBACK, port))
        running.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    async def accept(self, port: int) -> None:
        """The port that was refused answers again."""
        running = self._at(port)
        assert running.place is not None  # noqa: S101  # it was refused
        running.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        running.listener = await self._listener(running.runner, running.place, running.tls)
        running.place = None

    async def refuses(self, port: int) -> bool:
        """True when nobody listens at the port."""
        return self._at(port).place is not None

    def _at(self, port: int) -> _Running:
        return next(running for running in self._running if running.port == port)

    async def _stop(self) -> None:
        # all at once: each gives its open connections half a second
        for running in self._running:
            running.listener.close()
            if running.place is not None:
                running.place.close()
        await asyncio.gather(*(running.runner.cleanup() for running in self._running))
        self._running.clear()

    def close(self) -> None:
        """Every server has stopped listening and the thread has ended."""
        self.run(self._stop())
        self.run(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def place_at(port: int) -> socket.socket:
    """The port (a free one for 0) is this process's, and whoever connects is refused until something serves there.

    Raises:
        PortTakenError: nobody can listen there.
    """
    place = socket.socket()
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is left of old connections does not matter
        place.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        place.close()
        raise _taken(port, error) from error
    return place


def _taken(port: int, error: OSError | OverflowError) -> PortTakenError:
    return PortTakenError(f"Port {port} {_why(port, error)}. Name another, or 0 for a free one.")


def _why(port: int, error: OSError | OverflowError) -> str:
    if not isinstance(error, OSError):
        return f"is none: a port is a number from 0 to {LAST_PORT}"
    if error.errno == errno.EADDRINUSE:
        return "is taken: another program listens there"
    if error.errno == errno.EACCES:
        return "may not be used without more rights" if port < FIRST_FREE_PORT else "is kept for others here"
    return f"cannot be used ({error.strerror})"


async def _settle() -> None:
    """What was under way is canceled, and connections that were cut are closed."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(2 * GOODBYE_SECONDS)
