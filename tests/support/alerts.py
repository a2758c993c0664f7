"""Alerts as their senders write them, for the tests of this folder, and the settings that they meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cancel_run.settings import Settings
from cancel_run.triggers.alerts.reading import read_alert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cancel_run.triggers.alerts.alert import Alert

VAULT = {"KEY_VAULT_URI": "https://v.vault.azure.net"}
PROD_ID, TEST_ID = "1234567890123456", "2222222222222222"
TWO_WORKSPACES = {
    **VAULT,
    "DATABRICKS_WORKSPACES": json.dumps(
        {
            "prod": {"host": f"https://adb-{PROD_ID}.7.azuredatabricks.net"},
            "test": {"host": f"https://adb-{TEST_ID}.2.azuredatabricks.net"},
        }
    ),
    "DEFAULT_WORKSPACE": "prod",
}
SETTINGS = Settings.from_environ(TWO_WORKSPACES)

NOTIFICATION = {
    "event_type": "jobs.on_duration_warning_threshold_exceeded",
    "workspace_id": TEST_ID,
    "run": {"run_id": "455"},
    "job": {"job_id": "11", "name": "nightly"},
}

ALERT_ID = "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/g"
FIRED_AT = "2026-01-01T00:00:00Z"


def common(context: Any, *, custom: Any = None, **essentials: Any) -> dict[str, Any]:
    """An alert in Azure Monitor's common schema."""
    told = {
        "alertId": ALERT_ID,
        "alertRule": "too-long",
        "monitorCondition": "Fired",
        "monitoringService": "Log Alerts V2",
        "firedDateTime": FIRED_AT,
        **essentials,
    }
    data = {"essentials": told, "alertContext": context, "customProperties": custom}
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": data}


def dimensions(row: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in row]


def log_alert(*rows: dict[str, Any], properties: Any = None, custom: Any = None, **essentials: Any) -> dict[str, Any]:
    """A log search alert, with the dimensions of each row."""
    context = {
        "properties": properties,
        "conditionType": "LogQueryCriteria",
        "condition": {"allOf": [{"dimensions": dimensions(row.items())} for row in rows]},
    }
    return common(context, custom=custom, **essentials)


def sql_alert(body: Any, **told: Any) -> dict[str, Any]:
    """A triggered Databricks SQL alert with that rendered body."""
    inner = {"id": "987", "name": "long runs", "custom_description": "{{QUERY_RESULT_ROWS}}"}
    alert = {"title": 'Alert "long runs" changed status to TRIGGERED', "description": body, "alert": inner, **told}
    url = f"https://adb-{TEST_ID}.2.azuredatabricks.net/sql?o={TEST_ID}"
    return {"event": "alert_state_change", "url_base": url, "alert": alert}


def read(data: Any, settings: Settings = SETTINGS) -> Alert:
    return read_alert(json.dumps(data).encode(), settings)


def runs(alert: Alert) -> list[tuple[int, str | None]]:
    return [(order.target[-1], order.request.workspace) for order in alert.requests]
