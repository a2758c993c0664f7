"""Databricks SQL alerts, as a webhook destination gets them.

``{"event": "alert_state_change", "url_base": "https://...?o=NUMBER", "alert": {"title", "description", "alert": {"id",
"name", ...}}}``; a legacy alert has ``id``, ``name`` and ``state`` directly in ``alert``. Neither carries the rows of
the query: what names a run is the alert's custom body as it was rendered, in ``alert.description``. See
https://learn.microsoft.com/azure/databricks/sql/user/alerts/webhook-payload.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.alert import Alert, identity
from cancel_run.triggers.alerts.lookup import Row, Source, judged, text
from cancel_run.triggers.alerts.rendered_body import facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings
    from cancel_run.triggers.alerts.lookup import Facts

_BODIES = ("description", "custom_body", "customBody", "custom_description", "body")
_TIMES = ("last_triggered_at", "triggered_at", "last_evaluated_at", "evaluated_at", "timestamp")
_STATES = frozenset({"triggered", "ok", "unknown", "error"})
_CHANGED = re.compile(r"changed status to (\w+)")
_ID_IN_HOST = re.compile(r"(?:[a-z]+://)?[^/?#]*?\badb-([0-9]+)\.", re.IGNORECASE)
_ID_IN_QUERY = re.compile(r"[?&#]o=([^&#]*)")


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for a Databricks SQL alert."""
    return data.get("event") == "alert_state_change"


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """The runs that the rendered body of a triggered alert names.

    Raises:
        RequestError: it does not say whether it is triggered.
    """
    outer = _object(data.get("alert"))
    places = [outer, _object(outer.get("alert"))]
    evaluations = [_object(one) for place in places for one in [place.get("evaluation"), *_list(place, "evaluations")]]
    state = _state(places, evaluations, text(outer.get("title")))
    if not state:
        raise RequestError(["the alert says nowhere that it is TRIGGERED: not in its state, and not in its title"])
    if state != "triggered":
        return Alert(nothing=f"the alert is not triggered but {state}")
    rows, shared = facts_of(_body(places))
    levels = [shared, _of_the_url(text(data.get("url_base")))]
    source = Source(
        "databricks-sql",
        f"alert {_text(places[::-1], 'name') or text(outer.get('title'))}",
        "the rendered custom body of the alert (alert.description), as runId=NUMBER",
        identity("databricks-sql", _text(places[::-1], "id"), _text([*places, *evaluations], *_TIMES)),
    )
    if not rows:
        return judged([Row(levels)], source, settings)
    return judged(
        (Row([row, *levels], f"row {number}" if len(rows) > 1 else "") for number, row in enumerate(rows, 1)),
        source,
        settings,
    )


def _body(places: list[dict[str, Any]]) -> Any:
    """The custom body; one with ``{{`` in it is the template, which names no run."""
    found = [place.get(key) for place in places for key in _BODIES]
    return next((body for body in found if body and "{{" not in text(body)), None)


def _state(places: list[dict[str, Any]], evaluations: list[dict[str, Any]], title: str) -> str:
    """The alert's state in small letters, or an empty text where it is not told. One condition of several is enough."""
    own, judged = ([told for place in listed if (told := _told(place))] for listed in (places, evaluations))
    if own or judged:
        return own[0] if own else "triggered" if "triggered" in judged else judged[0]
    changed = _CHANGED.findall(title)  # the last of them: the alert's own name stands before it
    told = str(changed[-1]).lower() if changed else ""
    return told if told in _STATES else "triggered" if "TRIGGERED" in title else ""


def _told(place: Mapping[str, Any]) -> str:
    told = (text(place.get(key)).lower().rpartition("_")[2] for key in ("state", "status", "new_state"))
    return next((state for state in told if state in _STATES), "")


def _of_the_url(url: str) -> Facts:
    """The number of the workspace that the alert comes from, wherever the URL has it: it may contradict itself."""
    in_host = _ID_IN_HOST.match(url)
    numbers = [*([in_host[1]] if in_host else []), *_ID_IN_QUERY.findall(url)]
    return [("workspaceId", number) for number in numbers]


def _text(places: list[dict[str, Any]], *keys: str) -> str:
    """The first text or number under one of the keys."""
    return next((found for place in places for key in keys if (found := text(place.get(key)))), "")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(place: Mapping[str, Any], key: str) -> list[Any]:
    value = place.get(key)
    return value if isinstance(value, list) else []
