"""What a message asks for, whatever format it is in: one module reads each, and the lookup is theirs together.

Every row of an alert and every event of a list stands alone: those that can be taken are, the others are refused with
the reason, and none keeps another from being taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from cancel_run.cancellation.request import BODY_LIMIT
from cancel_run.errors import RequestError
from cancel_run.triggers.alerts import (
    azure_monitor,
    canonical,
    databricks_jobs,
    databricks_sql,
    envelopes,
    job_request,
    stored,
)
from cancel_run.triggers.alerts.alert import Alert, Refusal, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cancel_run.settings import Settings


class Format(Protocol):
    """What a sender's module has."""

    def recognizes(self, data: Mapping[str, Any], /) -> bool:
        """True when the message is in this format."""

    def read(self, data: Mapping[str, Any], settings: Settings, /) -> Alert:
        """What it asks for; raises RequestError for what can be told of the message as a whole."""


_NOT_IN_XML = "\ufffe\uffff"

# the first that recognizes a message reads it; the canonical request takes what no other does
FORMATS: tuple[Format, ...] = (azure_monitor, databricks_jobs, databricks_sql, stored, job_request, canonical)


def read_alert(message: bytes, settings: Settings) -> Alert:
    """The requests, the refusals, and why there is none of either where that is as it should be.

    Raises:
        RequestError: the message is not JSON, nor base64 of it: nothing in it can be told apart.
    """
    alert = _read(envelopes.decoded(message), settings, envelopes.WITHIN_EACH_OTHER)
    named = {asked.target for asked in alert.requests}
    named |= {(None, "run", refusal.run_id) for refusal in alert.refusals if refusal.run_id is not None}
    if len(named) <= settings.max_runs_per_alert:
        return alert.with_at_most(settings.max_runs_per_alert - len(named))
    too_many = f"it names {len(named)} runs, and MAX_RUNS_PER_ALERT is {settings.max_runs_per_alert}: none is canceled"
    return Alert(refusals=(Refusal("", too_many),), nothing=alert.nothing)


def split(body: bytes, settings: Callable[[], Settings]) -> list[bytes]:
    """The messages that hold the alert: itself as it came, or the orders that it makes where it is too large for one.

    A byte order mark is left out, because a message of a Storage queue is text, and two characters are escaped, which
    in JSON stand in strings alone and which the queue's XML cannot hold.

    Raises:
        RequestError: it is not JSON, nor base64 of it, or larger than 256 KiB.
        SettingsError: it is too large for one message, and the settings that its orders depend on cannot be used.
    """
    message = envelopes.without_mark(body)
    for character in _NOT_IN_XML:
        message = message.replace(character.encode(), ascii(character)[1:-1].encode())
    if len(message) > BODY_LIMIT:
        return stored.messages(read_alert(body, settings()))
    envelopes.decoded(message)
    return [message]


def _read(data: Any, settings: Settings, envelopes_left: int) -> Alert:
    if isinstance(data, list) and data and envelopes_left:  # Event Grid's own schema delivers lists
        read = [_read(event, settings, envelopes_left - 1) for event in data]
        if len(read) == 1:
            return read[0]
        return together(alert.within(f"event {number}") for number, alert in enumerate(read, 1))
    try:
        return _read_one(data, settings, envelopes_left)
    except RequestError as error:
        return Alert(refusals=(Refusal("", " | ".join(error.problems)),))


def _read_one(data: Any, settings: Settings, envelopes_left: int) -> Alert:
    if isinstance(data, str) and envelopes_left:
        return _read(envelopes.decoded(data.encode("utf-8", "replace")), settings, envelopes_left - 1)
    if not isinstance(data, dict):
        raise RequestError(["it is neither a request, nor an alert, nor an envelope of one"])
    if envelopes_left and envelopes.recognizes(data):
        inner = _read(envelopes.payload(data), settings, envelopes_left - 1)
        return inner.of_event(envelopes.event_of(data))
    return next(one for one in FORMATS if one.recognizes(data)).read(data, settings)
