"""The Storage queue trigger by the rules of the Functions extension, over azure-storage-queue.

A batch of messages is taken and hidden from others for as long as the function has them; each is given to the function
and deleted when the function has returned. One that failed is hidden for ``visibilityTimeout`` and comes again until it
has come ``maxDequeueCount`` times; then it moves to ``<queue>-poison``. So does one that comes even after that: whoever
had it last was killed. The numbers are host.json's, and the extension's where it says nothing.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from concurrent import futures
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

from local_host import events
from local_host.queue_client import queue_client, why_no_queue
from local_host.queue_message import trigger_value
from local_host.start_error import StartError

if TYPE_CHECKING:
    from local_host.host import LocalHost

POISON = "-poison"
_OVERRIDES = "AzureFunctionsJobHost__extensions__queues__"

logger = logging.getLogger("local_host")


@dataclass(frozen=True)
class Rules:
    """``extensions.queues`` of host.json; times in seconds."""

    batch_size: int = 16
    max_dequeue_count: int = 5
    visibility_timeout: int = 0
    # while the function has the message, and renewed at half time; ten minutes in the extension, but whoever kills this
    # process wants to see the message again
    hidden: int = 10
    longest_pause: float = 1.0  # the extension waits up to a minute when the queue is empty; nobody here wants to

    @classmethod
    def from_host_json(cls) -> Rules:
        """The rules that Azure would go by; an app setting can override ``visibilityTimeout``, as it can there.

        Raises:
            StartError: it overrides it with what is no time.
        """
        host = json.loads((Path(__file__).parent.parent / "host.json").read_text(encoding="utf-8"))
        queues = host.get("extensions", {}).get("queues", {})
        if hidden_after_failure := os.environ.get(_OVERRIDES + "visibilityTimeout"):
            queues["visibilityTimeout"] = hidden_after_failure
        try:
            hours, minutes, seconds = queues.get("visibilityTimeout", "00:00:00").split(":")
            hidden = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))
        except ValueError as error:
            raise StartError(f"{_OVERRIDES}visibilityTimeout must be a time such as 00:00:30.") from error
        return cls(queues.get("batchSize", 16), queues.get("maxDequeueCount", 5), int(hidden.total_seconds()))


class QueueTrigger:
    """Feeds one function from its queue, in a thread of its own, until it is closed."""

    def __init__(self, host: LocalHost, function: Any, connection: str, rules: Rules) -> None:
        name = function.get_trigger().get_dict_repr()["queueName"]
        self._host, self._function, self._rules = host, function, rules
        self._queue = queue_client(connection, name)
        self._poison = queue_client(connection, name + POISON)
        self._stop = threading.Event()
        self._workers = futures.ThreadPoolExecutor(rules.batch_size, thread_name_prefix=f"queue-{name}")
        self._thread = threading.Thread(target=self._run, name=f"queue-{name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No message is taken any more; those that were have been dealt with."""
        self._stop.set()
        self._thread.join()
        self._workers.shutdown()
        self._queue.close()
        self._poison.close()

    def _run(self) -> None:
        pause, away = 0.0, False
        while not self._stop.wait(pause):
            try:
                size = self._rules.batch_size
                received = self._queue.receive_messages(
                    messages_per_page=size, max_messages=size, visibility_timeout=self._rules.hidden
                )
                batch = list(received)
                if away:
                    logger.warning("The queue %s answers again.", self._queue.queue_name)
                away = False
                list(self._workers.map(self._deal_with, batch))
            except AzureError as error:
                if not away:  # once is enough, it is asked again every second
                    logger.warning("The queue %s cannot be reached. %s", self._queue.queue_name, why_no_queue(error))
                away, batch = True, []
            pause = 0.0 if batch else min(self._rules.longest_pause, 2 * pause + 0.05)

    def _deal_with(self, message: Any) -> None:
        if message.dequeue_count > self._rules.max_dequeue_count:
            self._give_up(message)
            return
        began = time.perf_counter()
        call = self._host.servers.begin(self._called_with(message))
        while not futures.wait([call], self._rules.hidden / 2).done:
            message.pop_receipt = self._queue.update_message(message, visibility_timeout=self._rules.hidden).pop_receipt
        error = call.exception()
        if error is None:
            self._queue.delete_message(message)
            events.message(message.id, self._queue.queue_name, (time.perf_counter() - began) * 1000)
            return
        # whatever it was, the queue brings the message again
        logger.error("%s failed", self._function.get_function_name(), exc_info=error)
        hidden, most = self._rules.visibility_timeout, self._rules.max_dequeue_count
        events.message_failed(message.id, self._queue.queue_name, message.dequeue_count, most, hidden)
        if message.dequeue_count < most:
            self._queue.update_message(message, visibility_timeout=hidden)
        else:
            self._give_up(message)

    async def _called_with(self, message: Any) -> None:
        # what cannot be made a value of fails as a function that raises does, and is never called
        await self._host.call(self._function, trigger_value(message, self._function.get_trigger().get_dict_repr()))

    def _give_up(self, message: Any) -> None:
        self._poison.send_message(message.content)
        self._queue.delete_message(message)
        events.poisoned(message.id, self._queue.queue_name, self._rules.max_dequeue_count, self._poison.queue_name)


def attach_queues(host: LocalHost, connection: str, rules: Rules | None = None) -> list[str]:
    """Every queue trigger among the host's functions is fed; the names of their queues."""
    rules = rules or Rules.from_host_json()
    fed = [function for function in host.functions if function.get_trigger().type == "queueTrigger"]
    for function in fed:
        host.attach(QueueTrigger(host, function, connection, rules))
    return [function.get_trigger().get_dict_repr()["queueName"] for function in fed]
