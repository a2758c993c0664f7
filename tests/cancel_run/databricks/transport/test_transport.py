"""One request, one answer: what is kept between two of them, what is sent again, and what is not looked at.

It is longer than most: one small class, and everything that a server can do to it.
"""

from __future__ import annotations

import gzip
import threading
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.databricks.transport.session import Session, takes_a_proxy
from cancel_run.databricks.transport.transport import ANSWER_LIMIT, Answer, NoAnswerError, Transport
from tests.support.raw_server import RawConnection, RawServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

    from local_host.emulators.certificates import Certificates

TOKEN = "dapi-a-token"


def ok(body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def saying(answer: bytes) -> Callable[[RawConnection], None]:
    """The same answer to every request on a connection."""

    def script(connection: RawConnection) -> None:
        while True:
            connection.read_request()
            connection.send(answer)

    return script


def bearer(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    return request


def send(transport: Transport, url: str, method: str = "GET", **options: Any) -> Answer:
    return transport.send(method, url, Deadline(20), authorize=bearer, **options)


@pytest.fixture
def transport() -> Transport:
    return Transport("test/1")


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, certificates: Certificates) -> ssl.SSLContext | None:
    return certificates.server_context() if request.param == "https" else None


def test_a_request_arrives_as_it_was_meant(transport: Transport, tls: ssl.SSLContext | None) -> None:
    with RawServer(saying(ok(b'{"a": 1}', b"X-Request: 7")), tls=tls) as server:
        answer = send(transport, f"{server.url}/api", params={"run_id": 3})
        assert answer == Answer(200, {"Content-Length": "8", "X-Request": "7"}, b'{"a": 1}', cut=False)
        assert answer.headers["x-request"] == "7"
        send(transport, f"{server.url}/api", "POST", json={"run_id": 3})
        get, post = server.requests
    assert get.startswith(b"GET /api?run_id=3 HTTP/1.1\r\n")
    assert b"\r\nUser-Agent: test/1\r\n" in get
    assert b"\r\nAuthorization: Bearer dapi-a-token\r\n" in get
    assert post.startswith(b"POST /api HTTP/1.1\r\n")
    assert post.endswith(b'\r\n\r\n{"run_id": 3}')


# -- connections -----------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_for_the_next_request(transport: Transport, tls: ssl.SSLContext | None) -> None:
    with RawServer(saying(ok()), tls=tls) as server:
        for _ in range(5):
            send(transport, server.url)
        assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_through_a_proxy_is_kept_and_the_proxy_sees_no_token(
    transport: Transport, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificates.server_context("workspace.example")

    def proxy(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.start_tls(context)
        saying(ok())(connection)

    with RawServer(proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        for _ in range(3):
            assert send(transport, "https://workspace.example/api").status_code == 200
        assert server.connections == 1
        connect, *through = server.requests
    assert connect.startswith(b"CONNECT workspace.example:443 ")
    assert TOKEN.encode() not in connect
    assert [request.partition(b" HTTP")[0] for request in through] == [b"GET /api"] * 3


def closing_after(
    first: bytes, end: Callable[[RawConnection], None], connections: int = 1
) -> Callable[[RawConnection], None]:
    """The first so many connections, open at once, end so at their second request; later ones answer all."""
    open_at_once = threading.Barrier(connections)

    def script(connection: RawConnection) -> None:
        connection.read_request()
        if connection.number <= connections:
            open_at_once.wait(20)
            connection.send(ok())
            connection.read_request()
            connection.send(first)
            end(connection)
        else:
            connection.send(ok())

    return script


@pytest.mark.parametrize("end", [RawConnection.close, RawConnection.reset], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_on_a_connection_that_was_closed_under_it_is_sent_once_more_on_a_new_one(
    method: str, end: Callable[[RawConnection], None], transport: Transport, tls: ssl.SSLContext | None
) -> None:
    with RawServer(closing_after(b"", end, connections=2), tls=tls) as server:
        with ThreadPoolExecutor(2) as threads:  # two connections are kept, and neither is of any use
            list(threads.map(lambda _: send(transport, server.url), range(2)))
        assert send(transport, server.url, method, json={"run_id": 1}).body == b"{}"
        assert (server.connections, len(server.requests)) == (3, 4)


def test_a_request_is_sent_no_third_time(transport: Transport, tls: ssl.SSLContext | None) -> None:
    def script(connection: RawConnection) -> None:
        connection.read_request()
        if connection.number == 1:
            connection.send(ok())
            connection.read_request()

    with RawServer(script, tls=tls) as server:
        send(transport, server.url)
        with pytest.raises(NoAnswerError) as caught:
            send(transport, server.url)
        assert not caught.value.timed_out
        assert (server.connections, len(server.requests)) == (2, 3)


@pytest.mark.parametrize("end", [RawConnection.close, RawConnection.reset], ids=["closed", "reset"])
def test_a_request_that_was_answered_in_part_is_not_sent_again(
    end: Callable[[RawConnection], None], transport: Transport, tls: ssl.SSLContext | None
) -> None:
    with RawServer(closing_after(b"HTTP/1.1 2", end), tls=tls) as server:
        send(transport, server.url)
        with pytest.raises(NoAnswerError):
            send(transport, server.url)
        assert len(server.requests) == 2


def test_a_new_connection_that_is_closed_is_no_reason_to_send_again(
    transport: Transport, tls: ssl.SSLContext | None
) -> None:
    with RawServer(lambda connection: [connection.read_request()].clear(), tls=tls) as server:
        with pytest.raises(NoAnswerError):
            send(transport, server.url)
        assert len(server.requests) == 1


# -- what is not kept and not looked at ------------------------------------------------------------------------------


def test_no_cookie_is_sent_back(transport: Transport, tls: ssl.SSLContext | None) -> None:
    with RawServer(saying(ok(b"{}", b"Set-Cookie: nonce=1; Path=/", b"Set-Cookie2: a=b")), tls=tls) as server:
        for _ in range(3):
            send(transport, server.url)
        assert len(set(server.requests)) == 1
        assert b"cookie" not in server.requests[-1].lower()


@pytest.mark.parametrize(
    "location", [b"http://[::", b"//[", b"\xff\xfe", b"", b"http://:x/", b"%", b"https://elsewhere.example/", b"\x00"]
)
@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_like_any_other_wherever_it_leads(
    status_code: int, location: bytes, transport: Transport
) -> None:
    with RawServer(saying(ok(b"", b"Location: " + location, status=b"%d No" % status_code))) as server:
        assert send(transport, server.url).status_code == status_code
        assert len(server.requests) == 1


def test_a_netrc_file_adds_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawServer(saying(ok())) as server, Session() as session:
        session.get(server.url)
        assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://adb-1.2.azuredatabricks.net/api", True),
        ("https://10.0.0.4", True),
        ("http://adb-1.2.azuredatabricks.net", False),
        ("HTTP://10.0.0.4", False),
        ("https://127.0.0.1:8443", False),
        ("https://[::1]:8443", False),
        ("https://LOCALHOST:8443", False),
        ("https://vault.localhost.", False),
        ("https://169.254.169.254/metadata", False),
        ("https://localhost.example", True),
    ],
)
def test_a_proxy_is_for_https_to_another_machine(url: str, taken: bool) -> None:
    assert takes_a_proxy(url) is taken


def test_the_error_leads_to_no_request(transport: Transport) -> None:
    with RawServer(lambda connection: [connection.read_request()].clear()) as server:
        with pytest.raises(NoAnswerError) as caught:
            send(transport, server.url)
        assert TOKEN.encode() in server.requests[0]
    assert caught.value.__context__ is None
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


# -- bodies ----------------------------------------------------------------------------------------------------------


def raw_deflate(body: bytes) -> bytes:
    compressing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressing.compress(body) + compressing.flush()


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [0, 100_000, ANSWER_LIMIT, ANSWER_LIMIT + 1, 64 * 1024 * 1024])
def test_a_body_is_decompressed_and_cut_at_the_limit(size: int, encoding: str, transport: Transport) -> None:
    encoded = b"Content-Encoding: " + encoding.rsplit(maxsplit=1)[-1].encode()
    with RawServer(saying(ok(ENCODINGS[encoding](b" " * size), encoded))) as server:
        answer = send(transport, server.url)
        assert len(answer.body) == min(size, ANSWER_LIMIT)
        assert answer.cut is (size > ANSWER_LIMIT)
        assert send(transport, server.url).status_code == 200  # and the next call finds no rest of it


def test_a_body_that_ends_before_its_length_is_no_answer(transport: Transport, tls: ssl.SSLContext | None) -> None:
    def script(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(ok(b'{"run_id": 12345}')[:-3])

    with RawServer(script, tls=tls) as server, pytest.raises(NoAnswerError) as caught:
        send(transport, server.url)
    assert not caught.value.timed_out


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"SSH-2.0-x\r\n"],
)
def test_what_is_no_final_answer_of_http_is_none(answer: bytes, transport: Transport) -> None:
    with RawServer(saying(answer)) as server, pytest.raises(NoAnswerError):
        send(transport, server.url)


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Whatever"])
def test_the_answer_after_interim_ones_is_read(interim: str, transport: Transport) -> None:
    said = f"HTTP/1.1 {interim}\r\nLink: </x>\r\n\r\n".encode()
    with RawServer(saying(2 * said + ok(b"{}"))) as server:
        for _ in range(2):
            assert send(transport, server.url).body == b"{}"


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "nowhere.invalid", "127.0.0.1:1"])
def test_a_host_that_cannot_be_reached_gives_no_answer(host: str, transport: Transport) -> None:
    with pytest.raises(NoAnswerError):
        send(transport, f"http://{host}")


@pytest.fixture(scope="module")
def babbling() -> Iterator[RawServer]:
    with RawServer(saying(b"")) as server:
        yield server


_LINE = st.binary(max_size=30) | st.sampled_from(
    [
        b"Content-Length: -1",
        b"Content-Length: 3, 4",
        b"Content-Length: \xb2",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Encoding: gzip, gzip, gzip, gzip, gzip, gzip",
        b"Content-Encoding: deflate",
        b"Content-Type: ;charset=",
        b"Location: http://[::",
        b"Set-Cookie: ; =;; Expires=Thu, 99 Foo 0000",
        b" folded",
        b"Connection: close",
    ]
)
_BODY = st.binary(max_size=60) | st.sampled_from(
    [b"-1\r\n", b"fffffffffffffffff\r\n{}", b"2\r\n{}\r\n0\r\n\r\n", b"5\r\n{}"]
)


@given(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 302", b"HTTP/1.1 -1 x", b"HTTP/9 200", b"ICY 200"]) | st.binary(),
    st.lists(_LINE, max_size=5),
    _BODY,
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_an_answer_or_none(
    babbling: RawServer, status_line: bytes, headers: list[bytes], body: bytes
) -> None:
    def babble(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"\r\n".join([status_line, *headers, b"", body]))

    babbling.script = babble
    try:
        answer = send(Transport("test/1"), babbling.url)
    except NoAnswerError as error:
        assert not error.timed_out  # both ends are looked at
    else:
        assert 200 <= answer.status_code <= 999
