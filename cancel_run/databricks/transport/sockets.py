"""Sockets that keep the deadline of the call they are used for, plain ones and those of TLS.

A socket's own timeout is for one operation: who sends a byte now and then is waited for without end. These set it to
what is left of the deadline before every operation, so that it does not matter what drips: the handshake, a proxy's
answer, the status line, a header, the size of a chunk, the body. (A single operation on a TLS socket, which may take
many packets, ends within the timeout as a whole: CPython's ``_ssl`` sees to that.)

There is no thread that watches, and a connection that is kept open carries nothing over from one call to the next: the
deadline is the thread's, not the socket's.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from urllib3.util.ssl_ import create_urllib3_context

from cancel_run.databricks.transport.deadline import Deadline, seconds_left
from cancel_run.databricks.transport.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = Names()


class BoundedSocket(socket.socket):
    """A socket whose every operation ends at the deadline that governs the thread, with a ``TimeoutError``.

    Attributes:
        received: how many bytes have come so far.
    """

    received = 0

    def bound(self) -> None:
        """The next operation ends at the deadline; where none governs, the socket's own timeout stays."""
        left = seconds_left()
        if left is not None:
            self.settimeout(left)

    # makefile(), which http.client reads from, comes down to recv_into()
    def recv_into(self, *args: Any, **kwargs: Any) -> int:  # noqa: D102
        self.bound()
        count = super().recv_into(*args, **kwargs)
        self.received += count
        return count

    def recv(self, *args: Any, **kwargs: Any) -> bytes:  # noqa: D102
        self.bound()
        data = super().recv(*args, **kwargs)
        self.received += len(data)
        return data

    def send(self, *args: Any, **kwargs: Any) -> int:  # noqa: D102
        self.bound()
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        self.bound()
        super().sendall(*args, **kwargs)


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):
    """The same for TLS, its handshake included. Made by :func:`tls_context`."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: D102, FBT001, FBT002
        self.bound()
        super().do_handshake(block)


def tls_context() -> ssl.SSLContext:
    """As urllib3 makes its own (the server is verified), with sockets that keep the deadline; it trusts nobody yet."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.sslsocket_class = BoundedTlsSocket
    return context


def connect(
    host: str, port: int, options: Iterable[tuple[int, int, int | bytes]], seconds: float, names: Names = _NAMES
) -> BoundedSocket:
    """A connection to the first of the host's addresses that takes one; ``options`` are for ``setsockopt``.

    The first address that keeps silent does not take all of the time: each has its share of what is left.

    Raises:
        OSError: there is no such host (``socket.gaierror``), no address takes a connection, or not within the seconds.
        UnicodeError: it is no name that a host could have.
    """
    deadline = Deadline(seconds)
    addresses = names.addresses(host, port, seconds)
    failure = OSError(f"{host} has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = BoundedSocket(family, kind, protocol)
        try:
            for option in options:
                connection.setsockopt(*option)
            connection.settimeout(deadline.remaining() / (len(addresses) - number))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure
