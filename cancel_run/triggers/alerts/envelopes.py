"""What a message is wrapped in: base64, a byte order mark, an Event Grid event, a CloudEvent, a list of them."""

from __future__ import annotations

import base64
import codecs
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import parse_json
from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.alert import identity
from cancel_run.triggers.alerts.limits import ALERT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHIN_EACH_OTHER = 3

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decoded(message: bytes) -> Any:
    """The JSON value in the message, which is plain or base64 of it, because senders differ.

    Raises:
        RequestError: it is neither.
    """
    try:
        return parse_json(without_mark(message), ALERT_LIMIT)
    except RequestError as as_it_came:
        if len(message) > ALERT_LIMIT:
            raise
        line = b"".join(without_mark(message).split()).rstrip(b"=").translate(_URL_SAFE)
        try:
            plain = base64.b64decode(line + b"=" * (-len(line) % 4), validate=True)
        except ValueError:
            raise as_it_came from None
        return parse_json(without_mark(plain), ALERT_LIMIT)


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for a CloudEvent and for an event of Event Grid's own schema."""
    return "specversion" in data or "eventType" in data


def payload(envelope: Mapping[str, Any]) -> Any:
    """What an Event Grid event or a CloudEvent carries.

    Raises:
        RequestError: it is a text that cannot be read.
    """
    encoded = envelope.get("data_base64")
    data = encoded if isinstance(encoded, str) else envelope.get("data")
    return decoded(data.encode("utf-8", "replace")) if isinstance(data, str) else data


def event_of(envelope: Mapping[str, Any]) -> str | None:
    """The identity of the event: a CloudEvent's source and id, or Event Grid's topic and id."""
    if "specversion" in envelope:
        return identity("cloud-event", envelope.get("source"), envelope.get("id"))
    return identity("event-grid", envelope.get("topic") or "-", envelope.get("id"))


def without_mark(text: bytes) -> bytes:
    """``text`` in UTF-8 without a byte order mark, which some libraries put before it."""
    for mark, encoding in _MARKS:
        if text.startswith(mark):
            return text.decode(encoding, "replace").encode("utf-8", "replace")
    return text
