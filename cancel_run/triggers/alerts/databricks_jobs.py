"""The notifications of Databricks jobs, as a webhook destination gets them.

``{"event_type": "jobs.on_...", "workspace_id", "run": {"run_id"}, "job": {"job_id", "name"}}``; that of a single task
has ``task`` and ``run.parent_run_id`` besides, and its ``run_id`` is the task's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.triggers.alerts.alert import Alert
from cancel_run.triggers.alerts.lookup import Row, Source, judged, pairs, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for a job notification."""
    return "event_type" in data


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """The notification's run, if its event is one of ``CANCEL_ON_EVENTS``; it has no identity of its own."""
    event = data["event_type"]
    if not isinstance(event, str) or event not in settings.cancel_on_events:
        return Alert(nothing=f"event type {shown(event)} is not one that cancels (CANCEL_ON_EVENTS)")
    source = Source("databricks", f"event {event}", "run.run_id of the job notification")
    return judged([Row([pairs(data.get("run")), pairs(data)])], source, settings)
