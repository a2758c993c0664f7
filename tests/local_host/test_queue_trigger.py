"""The local host feeds a function from a real Azurite by the rules of the Storage Queues extension."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local_host.host import LocalHost
from local_host.queue_trigger import Rules, attach_queues
from tests.support.azurite import RULES, needs_azurite, wait_for_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.queue import QueueClient

    from local_host.background import BackgroundServers

SECONDS = 30.0

pytestmark = needs_azurite


@pytest.fixture
def feed(servers: BackgroundServers, storage: str, name: str) -> Iterator[Callable[..., None]]:
    """Feeds a function from the test's queue by rules."""
    hosts: list[LocalHost] = []

    def start(function: Callable[[func.QueueMessage], None], rules: Rules) -> None:
        app = func.FunctionApp()
        app.queue_trigger(arg_name="message", queue_name=name, connection="AzureWebJobsStorage")(function)
        hosts.append(LocalHost(app, servers))
        attach_queues(hosts[-1], storage, rules)

    yield start
    for host in hosts:
        host.close()


def test_a_message_stays_hidden_for_as_long_as_the_function_has_it(
    queue: QueueClient, feed: Callable[..., None]
) -> None:
    given: list[str | None] = []
    entered, may_return = threading.Event(), threading.Event()

    def slow(message: func.QueueMessage) -> None:
        given.append(message.id)
        entered.set()
        assert may_return.wait(SECONDS)

    rules = Rules(hidden=2)
    sent = queue.send_message("slow")
    feed(slow, rules)
    assert entered.wait(SECONDS)
    try:
        until = time.monotonic() + 2.5 * rules.hidden
        while time.monotonic() < until:
            assert not queue.peek_messages()
    finally:
        may_return.set()
    while queue.get_queue_properties().approximate_message_count:
        pass  # until it is deleted, which takes the receipt of the last renewal
    assert given == [sent.id]


def test_a_message_that_was_killed_with_its_process_too_often_is_poison(
    queue: QueueClient, poison: QueueClient, feed: Callable[..., None]
) -> None:
    given: list[str | None] = []

    def function(message: func.QueueMessage) -> None:
        given.append(message.id)

    queue.send_message("deadly")
    for _ in range(RULES.max_dequeue_count):
        taken = queue.receive_message()
        assert taken is not None
        queue.update_message(taken, visibility_timeout=0)  # as after a kill, only sooner
    feed(function, RULES)
    assert wait_for_message(poison).content == "deadly"
    assert given == []
