"""The addresses of a host, asked for no longer than the caller may wait.

``getaddrinfo`` takes no timeout, so it runs in a thread of its own and the caller stops waiting for it. What remains is
that thread, until the system's resolver gives up by itself (some seconds for each of its servers). All who ask for the
same name meanwhile wait for the same thread: there is never more than one for each host in the settings.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# (family, type, protocol, canonical name, address), as getaddrinfo tells it
Address = tuple[Any, Any, int, str, tuple[Any, ...]]


class Names:
    """Host names and their addresses; any number of threads may share it."""

    def __init__(self, look_up: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, int], Future[list[Address]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[Address]:
        """Where to connect to, the best first.

        Raises:
            OSError: there is no such host (``socket.gaierror``), or not within the seconds (``TimeoutError``).
            UnicodeError: it is no name that a host could have.
        """
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass  # a name, not an address
        with self._lock:
            answer = self._asked.get((host, port))
            if answer is None:
                answer = self._asked[host, port] = Future()
                threading.Thread(
                    target=self._ask, args=(host, port, answer), name="look up a host", daemon=True
                ).start()
        return answer.result(seconds)

    def _ask(self, host: str, port: int, answer: Future[list[Address]]) -> None:
        try:
            found = self._look_up(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001  # whatever it was is the waiting callers' to judge
            self._forget(host, port)
            answer.set_exception(error)
        else:
            self._forget(host, port)
            answer.set_result(found)

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            del self._asked[host, port]
