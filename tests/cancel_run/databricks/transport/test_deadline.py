"""A call ends at its deadline, whatever drips, and leaves no thread behind.

It is longer than most: each drip is one case of the same scene.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cancel_run.databricks.transport.deadline import Deadline, seconds_left
from cancel_run.databricks.transport.names import Names
from cancel_run.databricks.transport.session import Session
from cancel_run.databricks.transport.sockets import connect
from cancel_run.databricks.transport.transport import NoAnswerError, Transport
from tests.support.drips import DRIPS
from tests.support.raw_server import DROP_SECONDS, RawConnection, RawServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from local_host.emulators.certificates import Certificates
    from tests.support.raw_server import Script

SECONDS = 0.8
SLACK = 2.0  # a machine under load; without the deadline none of these would end
FULL_SPEED = ("endless 100 Continue", "trailers", "gzip of empty blocks", "chunked body")


def handshake(connection: RawConnection) -> None:
    """A record of TLS that is announced and comes byte by byte."""
    connection.send(b"\x16\x03\x03\x40\x00")
    connection.drip(b"\0")


SCRIPTS: dict[str, Script] = {
    **{f"a drop of the {name}": drip.script(DROP_SECONDS) for name, drip in DRIPS.items()},
    **{f"the {name} at full speed": DRIPS[name].script(0) for name in FULL_SPEED},
    "no byte": RawConnection.hang,
}


def send(transport: Transport, url: str, seconds: float = SECONDS, method: str = "GET", **options: Any) -> Any:
    return transport.send(method, url, Deadline(seconds), authorize=lambda request: request, **options)


def seconds_until_given_up(url: str, seconds: float = SECONDS) -> float:
    started = time.monotonic()
    with pytest.raises(NoAnswerError) as caught:
        send(Transport("test"), url, seconds)
    assert caught.value.timed_out
    return time.monotonic() - started


@pytest.fixture(scope="module")
def server_context(certificates: Certificates) -> ssl.SSLContext:
    return certificates.server_context()


@pytest.fixture(scope="module")
def given_up(server_context: ssl.SSLContext) -> dict[str, float]:
    """After how many seconds each of the answers was given up, in plain http and over TLS: all of them at once."""
    cases = {f"{name} ({kind})": (script, kind) for name, script in SCRIPTS.items() for kind in ("http", "https")}

    def measured(case: tuple[Script, str]) -> float:
        script, kind = case
        with RawServer(script, tls=server_context if kind == "https" else None) as server:
            return seconds_until_given_up(server.url)

    with ThreadPoolExecutor(len(cases)) as threads:
        return dict(zip(cases, threads.map(measured, cases.values()), strict=True))


@pytest.mark.parametrize("kind", ["http", "https"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_an_answer_without_end_is_given_up_at_the_deadline(name: str, kind: str, given_up: dict[str, float]) -> None:
    assert SECONDS <= given_up[f"{name} ({kind})"] < SECONDS + SLACK + 2  # they share the machine


def test_a_handshake_without_end_is_given_up_at_the_deadline(server_context: ssl.SSLContext) -> None:
    with RawServer(handshake, tls=server_context, handshake=False) as server:
        assert SECONDS <= seconds_until_given_up(server.url) < SECONDS + SLACK


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("at_once", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX: "], ids=["status line", "header"])
def test_a_proxy_that_drips_is_given_up_at_the_deadline(
    at_once: bytes, scheme: str, server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def proxy(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(at_once)
        connection.drip(b"x")

    with RawServer(proxy, tls=server_context if scheme == "https" else None) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        assert SECONDS <= seconds_until_given_up("https://workspace.example") < SECONDS + SLACK
        assert server.requests[0].startswith(b"CONNECT workspace.example:443 ")


def test_a_request_that_nobody_reads_is_given_up_at_the_deadline() -> None:
    def deaf(connection: RawConnection) -> None:
        time.sleep(SECONDS + SLACK)
        connection.close()

    started = time.monotonic()
    with RawServer(deaf) as server, pytest.raises(NoAnswerError) as caught:
        send(Transport("test"), server.url, method="POST", json="x" * 20_000_000)
    assert caught.value.timed_out
    assert time.monotonic() - started < SECONDS + SLACK


def test_calls_that_were_given_up_leave_no_thread_behind() -> None:
    with RawServer(RawConnection.hang) as server:
        transport = Transport("test")
        with contextlib.suppress(NoAnswerError):
            send(transport, server.url, 0.05)
        before = set(threading.enumerate())
        for _ in range(20):
            with pytest.raises(NoAnswerError):
                send(transport, server.url, 0.05)
        ours = {thread for thread in set(threading.enumerate()) - before if "(_serve)" not in thread.name}
    assert not ours  # those of the server are its own


def test_a_deadline_governs_the_thread_that_entered_it_and_no_longer_than_that() -> None:
    assert seconds_left() is None
    with Deadline(60).governing():
        assert 59 < (seconds_left() or 0) <= 60
        with ThreadPoolExecutor(1) as other:
            assert other.submit(seconds_left).result() is None
        with Deadline(0).governing(), pytest.raises(TimeoutError):
            seconds_left()
        assert seconds_left() is not None
    assert seconds_left() is None


# -- names and addresses ---------------------------------------------------------------------------------------------


class Resolver:
    """Hangs until it is released, and then tells one address."""

    def __init__(self) -> None:
        self.asked = 0
        self.released = threading.Event()

    def __call__(self, _: str, port: int, **__: Any) -> list[Any]:
        self.asked += 1
        self.released.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    hanging = Resolver()
    yield hanging
    hanging.released.set()


def test_a_resolver_that_hangs_is_given_up_and_holds_one_thread_for_each_name(resolver: Resolver) -> None:
    names = Names(resolver)
    before = set(threading.enumerate())
    for host in ("a.example", "b.example", "a.example", "b.example", "a.example"):
        with pytest.raises(TimeoutError):
            names.addresses(host, 443, 0.05)
    assert (resolver.asked, len(set(threading.enumerate()) - before)) == (2, 2)
    resolver.released.set()
    assert names.addresses("a.example", 443, 10)[0][4] == ("127.0.0.1", 443)


def test_a_name_is_asked_for_anew_once_it_was_told(resolver: Resolver) -> None:
    resolver.released.set()
    names = Names(resolver)
    for asked in (1, 2):
        names.addresses("a.example", 443, 10)
        assert resolver.asked == asked


def test_what_the_resolver_says_of_an_unknown_name_reaches_the_caller() -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(socket.gaierror):
        Names(unknown).addresses("a.example", 443, 10)


def test_an_address_needs_no_resolver(resolver: Resolver) -> None:
    assert Names(resolver).addresses("127.0.0.1", 80, 0.05)[0][4] == ("127.0.0.1", 80)
    assert Names(resolver).addresses("::1", 80, 0.05)[0][4][:2] == ("::1", 80)
    assert resolver.asked == 0


@contextlib.contextmanager
def silence() -> Iterator[tuple[str, int]]:
    """An address where a connection is neither taken nor refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(4):  # with its queue full the kernel answers nobody
            waiter = waiting.enter_context(socket.socket())
            waiter.setblocking(False)
            waiter.connect_ex(full.getsockname())
        yield full.getsockname()


def test_a_first_address_that_keeps_silent_leaves_time_for_the_next() -> None:
    with silence() as silent, socket.create_server(("127.0.0.1", 0)) as answering:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in (silent, answering.getsockname())]
        with connect("a.example", 443, (), 2, Names(lambda *_, **__: addresses)) as connected:
            assert connected.getpeername() == answering.getsockname()


def test_an_address_that_keeps_silent_is_given_up_at_the_deadline() -> None:
    with silence() as (host, port):
        assert SECONDS <= seconds_until_given_up(f"http://{host}:{port}") < SECONDS + SLACK


def test_a_timeout_for_connecting_that_is_shorter_than_the_deadline_counts() -> None:
    with silence() as (host, port), Session() as session, Deadline(60).governing():
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"http://{host}:{port}", timeout=(0.1, 60))
        assert (seconds_left() or 0) > 60 - SLACK
