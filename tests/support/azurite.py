"""A real Storage queue: Azurite, the session's own, and a queue of the test's own in it."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from local_host.queue_client import queue_client
from local_host.queue_trigger import POISON, Rules
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.queue import QueueClient, QueueMessage

AZURITE = ROOT / ".azurite/node_modules/.bin/azurite-queue"

# the extension's, with waits short enough for a test
RULES = Rules(batch_size=16, max_dequeue_count=3, visibility_timeout=1, longest_pause=0.1)
needs_azurite = pytest.mark.skipif(
    not AZURITE.exists(), reason="Azurite is not installed (`make test` installs it where there is npm)"
)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """It holds; the service has no way to wait for anything, so it is asked again and again."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        threading.Event().wait(0.02)


def wait_for_message(queue: QueueClient) -> QueueMessage:
    """The next message of the queue, once there is one."""
    found: list[QueueMessage] = []

    def came() -> bool:
        message = queue.receive_message()
        found.extend([message] if message else [])
        return bool(found)

    wait_until(came)
    return found[0]


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The connection string of an Azurite of the session's own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(AZURITE), "--queueHost", "127.0.0.1", "--queuePort", str(port), "--inMemoryPersistence", "--silent"]
    with subprocess.Popen(  # noqa: S603  # installed by the Makefile
        [*command, "--skipApiVersionCheck", "--disableTelemetry"], stdout=subprocess.PIPE, text=True
    ) as azurite:
        assert azurite.stdout is not None
        for line in azurite.stdout:
            if "successfully" in line:
                break
        key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # everybody's
        endpoint = f"http://127.0.0.1:{port}/devstoreaccount1"
        yield (f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};QueueEndpoint={endpoint};")
        azurite.terminate()
        azurite.communicate()  # it writes a goodbye


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A queue of the test's own."""
    return f"q-{zlib.crc32(request.node.name.encode())}"


@pytest.fixture
def queue(storage: str, name: str) -> Iterator[QueueClient]:
    client = queue_client(storage, name)
    yield client
    client.close()


@pytest.fixture
def poison(storage: str, name: str) -> Iterator[QueueClient]:
    client = queue_client(storage, name + POISON)
    yield client
    client.close()
