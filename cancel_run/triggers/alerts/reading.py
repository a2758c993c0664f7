"""What an alert looks like in each format that reaches the queue, and the requests to cancel that are in it.

Known: the canonical request; Azure Monitor's common alert schema; a Databricks job notification; any of these inside an
Event Grid or CloudEvents envelope. Messages are plain JSON or base64 of it, because senders differ.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import TEXT_LIMIT, CancelRequest, parse_json
from cancel_run.errors import RequestError
from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cancel_run.settings import Settings

_ENVELOPES_WITHIN_EACH_OTHER = 3
_RUN_ID_KEYS = frozenset({"runid", "run_id"})
_WORKSPACE_ID_KEYS = frozenset({"workspaceid", "workspace_id"})


@dataclass(frozen=True)
class Alert:
    """The cancellations that a message asks for; with none, ``nothing`` says why that is as it should be."""

    requests: tuple[CancelRequest, ...]
    nothing: str = ""


def read_alert(message: bytes, settings: Settings) -> Alert:
    """What the message asks for.

    Raises:
        RequestError: it is in no known format, or names no run: it can never work.
        UnknownWorkspaceError: it comes from a workspace that the settings do not name.
    """
    return _alert(_decoded(message), settings, _ENVELOPES_WITHIN_EACH_OTHER)


def _decoded(message: bytes) -> Any:
    try:
        return parse_json(message)
    except RequestError as as_it_came:
        try:
            plain = base64.b64decode(message.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise as_it_came from None
        return parse_json(plain)


def _alert(data: Any, settings: Settings, envelopes: int) -> Alert:
    if isinstance(data, list) and data and envelopes:  # Event Grid's own schema delivers lists
        return _together([_alert(event, settings, envelopes - 1) for event in data])
    if not isinstance(data, dict):
        raise RequestError(["the message is neither a request, nor an alert, nor an envelope of one"])
    if "schemaId" in data:
        return _azure_monitor(data, settings)
    if "event_type" in data:
        return _databricks(data, settings)
    if envelopes and ("specversion" in data or "eventType" in data):
        return _alert(_payload(data), settings, envelopes - 1)
    return Alert((CancelRequest.from_json(data),))


def _together(alerts: list[Alert]) -> Alert:
    requests = dict.fromkeys(request for alert in alerts for request in alert.requests)
    return Alert(tuple(requests), "; ".join(sorted({alert.nothing for alert in alerts if alert.nothing})))


def _payload(envelope: Mapping[str, Any]) -> Any:
    """What an Event Grid event or a CloudEvent carries."""
    encoded = envelope.get("data_base64")
    if isinstance(encoded, str):
        return _decoded(encoded.encode("utf-8", "replace"))
    data = envelope.get("data")
    return parse_json(data.encode("utf-8", "replace")) if isinstance(data, str) else data


def _databricks(data: Mapping[str, Any], settings: Settings) -> Alert:
    event = data["event_type"]
    if not isinstance(event, str) or event not in settings.cancel_on_events:
        return Alert((), f"event type '{one_line(str(event), 100)}' is not one that cancels")
    run, number = data.get("run"), data.get("workspace_id")
    if not isinstance(run, dict):
        raise RequestError(["the job notification has no run"])
    return Alert((_request(run.get("run_id"), f"event {event}", "databricks", {"workspaceId": number}, settings),))


def _azure_monitor(data: Mapping[str, Any], settings: Settings) -> Alert:
    if data["schemaId"] != "azureMonitorCommonAlertSchema":
        raise RequestError(
            ["the alert is not in Azure Monitor's common alert schema; switch it on in the action group"]
        )
    body = _object(data, "data")
    essentials, context = _object(body, "essentials"), _object(body, "alertContext")
    if essentials.get("monitorCondition") != "Fired":
        return Alert((), "the alert is not fired but resolved")
    custom = {**_object(context, "properties"), **_object(body, "customProperties")}
    reason = f"alert {essentials.get('alertRule')}"
    rows = [row for row in (_dimensions(row) for row in _rows(context)) if _first(row, _RUN_ID_KEYS) is not None]
    told = [{**custom, **row} for row in rows] or [custom]
    found = [_request(_first(row, _RUN_ID_KEYS), reason, "azure-monitor", row, settings) for row in told]
    return Alert(tuple(dict.fromkeys(found)))


def _request(
    run_id: Any, reason: str, requested_by: str, facts: Mapping[str, Any], settings: Settings
) -> CancelRequest:
    """The request for one run, in the workspace that the facts name or number, or else the default one."""
    workspace, number = facts.get("workspace"), _first(facts, _WORKSPACE_ID_KEYS)
    if workspace is None and number is not None:
        workspace = settings.workspace_of_id(one_line(str(number), 40)).alias
    request = {"runId": run_id, "workspace": workspace, "requestedBy": requested_by}
    return CancelRequest.from_json({**request, "reason": one_line(reason, TEXT_LIMIT)})


def _rows(context: Mapping[str, Any]) -> Iterable[Any]:
    rows = _object(context, "condition").get("allOf")
    return rows if isinstance(rows, list) else []


def _dimensions(row: Any) -> dict[str, Any]:
    listed = row.get("dimensions") if isinstance(row, dict) else None
    pairs = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {str(one.get("name")): one.get("value") for one in pairs}


def _object(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under the key; Azure Monitor writes null, or nothing, for an empty one."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _first(data: Mapping[str, Any], keys: frozenset[str]) -> Any:
    return next((value for key, value in data.items() if key.lower() in keys and value is not None), None)
