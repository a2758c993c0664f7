"""An alert that no queue message can hold, stored as the orders that it makes.

Azure Monitor sends up to 256 KiB and a message of a Storage queue holds 64: such an alert is read before the queue, and
what it came to is stored in as many messages as it needs, ``{"orders": [{"request": {...}, "event": "..."}]}`` each.
What was refused of it is in one of its own, ``{"refused": "...", "nothing": "..."}``, which ends in the poison queue.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import TEXT_LIMIT
from cancel_run.errors import RequestError
from cancel_run.text import one_line
from cancel_run.triggers.alerts import canonical, job_request
from cancel_run.triggers.alerts.alert import Alert, Refusal, together
from cancel_run.triggers.alerts.lookup import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings

MESSAGE_SIZE = 48 * 1024  # bytes: an order of the largest size fits beside others, and the queue's XML may escape some
_REFUSED_LIMIT = 8000  # characters


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for what :func:`messages` makes."""
    return bool(data) and set(data) <= {"orders", "refused", "nothing"}


def messages(alert: Alert) -> list[bytes]:
    """The alert as queue messages of at most ``MESSAGE_SIZE`` bytes; :func:`read` takes each of them."""
    made: list[bytes] = []
    listed: list[str] = []
    for order in alert.requests:
        written = json.dumps({"request": order.request.to_json(), "event": order.event})
        if listed and sum(len(one) + 2 for one in [*listed, written]) > MESSAGE_SIZE - 100:
            made.append(_orders(listed))
            listed = []
        listed.append(written)
    if listed:
        made.append(_orders(listed))
    if alert.refusals or alert.nothing:
        rest = {"refused": one_line(alert.refused(), _REFUSED_LIMIT), "nothing": one_line(alert.nothing, TEXT_LIMIT)}
        made.append(json.dumps({key: told for key, told in rest.items() if told}).encode())
    return made


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """What was stored.

    Raises:
        RequestError: it is empty.
    """
    listed = data.get("orders")
    alerts = [_order(one, settings) for one in listed] if isinstance(listed, list) else []
    refused = one_line(text(data.get("refused")), _REFUSED_LIMIT)
    nothing = one_line(text(data.get("nothing")), TEXT_LIMIT)
    if not (alerts or refused or nothing):
        raise RequestError(["it holds no order"])
    return together([*alerts, Alert(refusals=(Refusal("", refused),) if refused else (), nothing=nothing)])


def _order(stored: Any, settings: Settings) -> Alert:
    order = stored if isinstance(stored, dict) else {}
    request = order.get("request")
    given = request if isinstance(request, dict) else {}
    read_one = job_request.read if job_request.recognizes(given) else canonical.read
    return read_one(given, settings).of_event(text(order.get("event")))


def _orders(listed: list[str]) -> bytes:
    return f'{{"orders": [{", ".join(listed)}]}}'.encode()
