"""A server that sends whatever bytes a script tells it to: what no HTTP library would let a test say."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Script = Callable[["RawConnection"], None]

DROP_SECONDS = 0.05  # between two drops


class RawConnection:
    """One accepted connection; ``number`` counts from 1."""

    def __init__(self, accepted: socket.socket, number: int, requests: list[bytes]) -> None:
        self.number = number
        self._socket = accepted
        self._requests = requests

    def start_tls(self, context: ssl.SSLContext) -> None:
        """From here on the connection is encrypted."""
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def read_request(self) -> bytes:
        """One request, head and body; the script ends where the client has gone."""
        request = b""
        while b"\r\n\r\n" not in request:
            request += self._received()
        head, _, body = request.partition(b"\r\n\r\n")
        named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while named and len(body) < int(named[0].split(b":")[1]):
            body += self._received()
        self._requests.append(head + b"\r\n\r\n" + body)
        return self._requests[-1]

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError
        return data

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def drip(self, drop: bytes, seconds: float = DROP_SECONDS) -> None:
        """The same again and again, until the client goes."""
        while True:
            self._socket.sendall(drop)
            time.sleep(seconds)

    def hang(self) -> None:
        """Nothing, until the client goes."""
        while self._received():
            pass

    def reset(self) -> None:
        """The connection is cut, unread bytes and all."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


class RawServer:
    """Listens on loopback and runs the script for each connection, closing it at the script's end.

    Attributes:
        url: where it is, with the scheme of what it speaks.
        connections: how many were accepted so far; ``connected`` is set with the first.
        requests: all that were read, in order.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, handshake: bool = True) -> None:
        self.connections = 0
        self.connected = threading.Event()
        self.requests: list[bytes] = []
        self.script = script
        self._tls = tls if handshake else None
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                accepted, _ = self._listening.accept()
                self.connections += 1
                self.connected.set()
                connection = RawConnection(accepted, self.connections, self.requests)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: RawConnection) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._tls is not None:
                connection.start_tls(self._tls)
            self.script(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
