"""A message of a Storage queue as the Functions host hands it to its worker.

Where the trigger takes its data as text, the host reads the text: the keys at the top of a JSON object become part of
the trigger's metadata, whatever the case of their letters, and replace the message's own. So the ``id`` that a function
sees may be anybody's, and what is no count or time raises in azure.functions before the function is called. Of binary
data the host makes nothing.
"""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter


def trigger_value(message: Any, trigger: dict[str, Any]) -> Any:
    """The ``QueueMessage`` that a function with this trigger is given, made by azure.functions as the worker does it.

    Raises:
        Exception: azure.functions cannot make one of what the message put into the metadata.
    """
    metadata = {
        "Id": _text(message.id),
        "DequeueCount": _json(message.dequeue_count),
        "PopReceipt": _text(message.pop_receipt),
        "InsertionTime": _json(message.inserted_on.isoformat()),
        "ExpirationTime": _json(message.expires_on.isoformat()),
        "NextVisibleTime": _json(message.next_visible_on.isoformat()),
    }
    if trigger.get("dataType") == func.DataType.BINARY:
        data = Datum(message.content.encode(), "bytes")
    else:
        data = _text(message.content)
        names = {name.lower(): name for name in metadata}
        for key, value in _keys_of(message.content).items():
            metadata[names.get(key.lower(), key)] = _text(value) if isinstance(value, str) else _json(value)
    return QueueMessageInConverter.decode(data, trigger_metadata=metadata)


def _keys_of(content: str) -> dict[str, Any]:
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(value: str) -> Datum:
    return Datum(value, "string")


def _json(value: Any) -> Datum:
    return Datum(json.dumps(value), "json")
