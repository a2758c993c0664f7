"""The Storage queue output binding as the Functions host has it: bytes are a message, of a text it makes its own.

A text that is JSON is parsed and written anew, indented; a list becomes one message for each of its elements. What the
writer's spelling told is gone: ``1.10`` is ``1.1``, what is too large for a double is ``"Infinity"``, times are UTC.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError
from azure.functions.queue import QueueMessageOutConverter

from local_host.queue_client import queue_client, why_no_queue

DEEPEST = 64  # levels of a text that is JSON
LONGEST = 64 * 1024  # bytes of a message, which the service sets
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class NotWrittenError(Exception):
    """There is no queue, or it is away; the message says so, and what to do. The real host would not say."""


class UnwritableError(Exception):
    """No message can be made of it; over HTTP the function's answer is 500 then."""


def write_to_queue(connection: str, binding: dict[str, Any], value: Any) -> None:
    """The messages that the host makes of the value are in the queue that the output binding names.

    Raises:
        NotWrittenError: the storage does not answer, or says no.
        UnwritableError: the queue cannot hold one of them.
    """
    try:
        client = queue_client(connection, binding["queueName"])
        try:
            for message in messages(value):
                client.send_message(message)
        finally:
            client.close()
    except AzureError as error:
        raise NotWrittenError(why_no_queue(error)) from error


def no_queue(binding: dict[str, Any], _: Any) -> None:
    """What is done with a message where no storage is named.

    Raises:
        NotWrittenError: always.
    """
    raise NotWrittenError(
        f"There is no queue '{binding['queueName']}': set AzureWebJobsStorage (UseDevelopmentStorage=true for Azurite) "
        "and start again."
    )


def messages(value: Any) -> list[str]:
    """What is written for a value that a function has set.

    Raises:
        UnwritableError: the queue cannot hold one of them.
    """
    datum = QueueMessageOutConverter.encode(value, expected_type=None)  # as the worker does
    written = [datum.value.decode(errors="replace")] if datum.type == "bytes" else _rewritten(datum.value)
    for message in written:
        if len(message.encode()) > LONGEST:
            raise UnwritableError(f"The message has over {LONGEST} bytes.")
        if _NOT_XML.search(message):
            raise UnwritableError("The message has a character that XML cannot hold.")
    return written


def _rewritten(text: str) -> list[str]:
    try:
        # what the constants mean is for whoever writes them to find out on the real host
        parsed = json.loads(text)
        too_deep = _levels(parsed) > DEEPEST
    except RecursionError:
        too_deep = True
    except ValueError:
        return [text]
    if too_deep:
        raise UnwritableError(f"The JSON has over {DEEPEST} levels.")
    items = parsed if isinstance(parsed, list) else [parsed]
    return [item if isinstance(item, str) else json.dumps(_known(item), indent=2, ensure_ascii=False) for item in items]


def _levels(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_levels, inner), default=0)


def _known(value: Any) -> Any:
    """The value with what the host's JSON library takes for something else."""
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str) and _TIME.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
