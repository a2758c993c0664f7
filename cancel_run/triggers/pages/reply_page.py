"""The page that shows a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.errors import SettingsError
from cancel_run.triggers.pages.cancellation_page import cancellation_page
from cancel_run.triggers.pages.job_page import job_page
from cancel_run.triggers.pages.layout import Place
from cancel_run.triggers.pages.list_page import list_page
from cancel_run.triggers.pages.problem_page import problem_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.http_trigger import HttpRequest
    from cancel_run.triggers.replies import Reply


def page_of(request: HttpRequest, reply: Reply, settings: Callable[[], Settings], clock: Clock, route: str) -> Reply:
    """The reply to a request below ``route`` as a page."""
    place = Place(request.url, clock.now(), route)
    if "problems" in reply.body:
        return problem_page(place, reply)
    if "cancellations" in reply.body:
        return list_page(place, reply)
    if "runId" in reply.body:
        return cancellation_page(place, reply, _run_url(reply.body, settings))
    return job_page(place, reply)


def _run_url(told: Mapping[str, Any], settings: Callable[[], Settings]) -> str | None:
    """Where the run is in Databricks: the host is the settings' own, whatever the workspace has said."""
    progress = told.get("progress")
    job_id = (progress if isinstance(progress, dict) else told).get("jobId")
    try:
        workspace = settings().workspaces.get(str(told.get("workspace")))
    except SettingsError:
        return None
    if workspace is None or not workspace.host.startswith("https://") or type(job_id) is not int:
        return None
    of = f"?o={workspace.workspace_id}" if workspace.workspace_id else ""
    return f"{workspace.host}/jobs/{job_id}/runs/{told['runId']}{of}"
