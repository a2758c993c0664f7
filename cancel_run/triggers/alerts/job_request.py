"""The app's own request for a job, as ``POST /api/cancel-active-runs`` takes it: where the settings let it in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.job.request import JobRequest
from cancel_run.triggers.alerts.alert import Alert, Refusal
from cancel_run.triggers.alerts.lookup import Row, fact, given, is_job, names_a_run, placed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings

_PAGE = "runpageurl"  # names a run, too


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for a message that names a job and no run."""
    others = (key.lower() for key in data)
    return any(is_job(key) for key in data) and not names_a_run(given(data)) and _PAGE not in others


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """The request, in the workspace that it names or numbers, or else the default one."""
    rest = {key: value for key, value in data.items() if fact(key) is None and not is_job(key)}
    try:
        request = JobRequest.from_json({**rest, "jobId": 1})  # all else that is in it; the job is looked up below
    except RequestError as error:
        return Alert(refusals=(Refusal("", " | ".join(error.problems)),))
    return placed(replace(request, job_id=0), Row([given(data)]), "the request", settings)
