"""The local host as a whole: a trigger that is attached to it, and a port that is taken."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from local_host.background import LOOPBACK
from local_host.host import LocalHost
from tests.support.http_app import SECONDS, create_app

if TYPE_CHECKING:
    from local_host.background import BackgroundServers


def test_another_trigger_calls_a_function_through_the_host_and_is_closed_with_it(servers: BackgroundServers) -> None:
    class Timer:
        def __init__(self, host: LocalHost) -> None:
            self.host, self.ended = host, ""
            function = next(one for one in host.functions if one.get_function_name() == "each_hour")
            servers.run(host.call(function, "tick"))

        def close(self) -> None:
            self.ended = self.host.engine.wait_until_ended("from-the-timer", SECONDS).runtime_status

    with contextlib.closing(LocalHost(create_app(), servers)) as host:
        timer = Timer(host)
        host.attach(timer)
    assert timer.ended == "Completed", "the engine still ran when the trigger was closed"


@pytest.mark.parametrize("which", ["port", "endpoint_port"])
def test_a_taken_port_raises_and_leaves_no_thread_that_keeps_the_process_alive(
    which: str, servers: BackgroundServers
) -> None:
    before = set(threading.enumerate())
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(OSError):  # noqa: PT011  # the system's text
        LocalHost(create_app(), servers, **{which: taken.getsockname()[1]})
    # but for those of the servers, and gRPC's, which ends within its grace
    left = [thread for thread in set(threading.enumerate()) - before if not thread.name.startswith("asyncio_")]
    for thread in left:
        thread.join(0 if thread.daemon else SECONDS)
    assert [thread for thread in left if thread.is_alive() and not thread.daemon] == []
