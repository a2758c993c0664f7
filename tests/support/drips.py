"""Answers that come for ever, a few bytes now and then: each is told by what comes at once and what drips then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.raw_server import RawConnection, Script

_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_GZIP = _HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b\x08"


@dataclass(frozen=True)
class Drip:
    """What is sent at once, and what again and again."""

    at_once: bytes
    drop: bytes

    def script(self, seconds: float) -> Script:
        """For a server: a drop each so many seconds, after a request."""

        def answer(connection: RawConnection) -> None:
            connection.read_request()
            connection.send(self.at_once)
            connection.drip(self.drop, seconds)

        return answer


DRIPS = {
    "status line": Drip(b"HTTP/1.1 200 ", b"x"),
    "header": Drip(_HEAD + b"X-Long: ", b"x"),
    "headers": Drip(_HEAD, b"X: y\r\n"),
    "endless 100 Continue": Drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": Drip(_HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "body of HTTP/1.0": Drip(b"HTTP/1.0 200 OK\r\n\r\n", b" "),
    "chunked body": Drip(_CHUNKED, b"1\r\n \r\n"),
    "size of a chunk": Drip(_CHUNKED, b"0"),
    "extension of a chunk": Drip(_CHUNKED + b"5;a", b"b"),
    "trailers": Drip(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "gzip of empty blocks": Drip(_GZIP + b"\0\0\0\0\0\0\3", b"\0\0\0\xff\xff"),
    "file name in gzip": Drip(_GZIP + b"\x08\0\0\0\0\0\3", b"n"),
}
