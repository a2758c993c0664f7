"""The HTTP triggers for the active runs of a job: the same asynchronous pattern as for one run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import parse_json
from cancel_run.cancellation.result import error_json, iso
from cancel_run.errors import ProblemsError, TaskHubError, UnknownWorkspaceError
from cancel_run.job.request import JobRequest
from cancel_run.job.result import JobResult
from cancel_run.triggers.callers_url import status_url, wants_failure
from cancel_run.triggers.http_trigger import refusal_by_its_head, running
from cancel_run.triggers.job_runs import order_of, progress_of, results_of, runs_of
from cancel_run.triggers.job_starting import JobInstance, start_or_join_job
from cancel_run.triggers.replies import Reply, nobody_started, problem, refused, unavailable
from cancel_run.triggers.starting import ACTIVE, aware, runtime_status, status_of
from cancel_run.triggers.summary import started_at
from cancel_run.triggers.verified_caller import verified_caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.http_trigger import HttpRequest
    from cancel_run.triggers.starting import DurableClient

ROUTE = "cancel-active-runs"


async def start(request: HttpRequest, client: DurableClient, settings: Callable[[], Settings], clock: Clock) -> Reply:
    """202 with ``{"instanceId", "jobId", "workspace", "joined", "statusUrl"}``: the job's runs are being canceled."""
    refusal = refusal_by_its_head(request)
    if refusal is not None:
        return refusal
    try:
        wants_failure(request.url)
        order = JobRequest.from_json(parse_json(request.get_body()))
        caller = verified_caller(request.headers, settings())
        started = await start_or_join_job(client, settings(), order, clock.now(), started_by=caller)
    except ProblemsError as error:
        return refused(error)
    except UnknownWorkspaceError as error:
        return problem(HTTPStatus.BAD_REQUEST, "The request cannot be taken.", (error.message,))
    except TaskHubError as error:
        return unavailable(error)
    location = status_url(request.url, ROUTE, started.instance_id)
    body = {
        "instanceId": started.instance_id,
        "jobId": started.job_id,
        "workspace": started.workspace,
        "joined": started.joined,
        "statusUrl": location,
    }
    return Reply(HTTPStatus.ACCEPTED, body, {"Location": location, "Retry-After": "1"})


async def look(request: HttpRequest, client: DurableClient, clock: Clock) -> Reply:
    """202 with the progress of each run while it goes on, then 200 (or 500, when asked for) with the result."""
    if request.method not in {"GET", "HEAD"}:
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, "A cancellation is looked at with GET.", Allow="GET")
    instance_id = request.route_params.get("instanceId", "")
    known = JobInstance.of(instance_id)
    try:
        failing = wants_failure(request.url)
        status: Any = await status_of(client, instance_id) if known else None
        if known is None or status is None:
            return nobody_started()
        if runtime_status(status) in ACTIVE:
            runs = await runs_of(status, client, clock.now())
            return running(request, ROUTE, status, clock.now(), _asked(known, status), runs=runs)
        result = await _result_of(status, known, client, clock)
    except ProblemsError as error:
        return refused(error)
    except TaskHubError as error:
        return unavailable(error)
    failed = failing and not result.get("stopped")
    return Reply(HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK, result)


def _asked(known: JobInstance, status: Any) -> dict[str, Any]:
    """What was asked for, by whom, and when it began."""
    order = order_of(status)
    return {
        "jobId": known.job_id,
        "only": known.only,
        "workspace": known.workspace,
        "dryRun": known.dry_run,
        "startedAt": iso(started_at(status)),
        "reason": order.reason,
        "requestedBy": order.requested_by,
        "startedBy": order.started_by,
        "fromQueue": order.from_queue,
    }


async def _result_of(status: Any, known: JobInstance, client: DurableClient, clock: Clock) -> dict[str, Any]:
    """The output of an instance that has ended, or what is known of one that failed or was terminated."""
    name, result = runtime_status(status), status.output
    if name == "Completed" and isinstance(result, dict):
        return result
    error = error_json(
        f"Instance{name}",
        f"The orchestration instance {known.text()} ended as {name}. The cancellations of single runs that it has "
        "begun go on by themselves; no others are begun. Its exception is in the logs. Ask again to start afresh.",
    )
    order, progress = order_of(status), progress_of(status, clock.now())
    return JobResult(
        job_id=known.job_id,
        workspace=known.workspace,
        only=known.only,
        dry_run=known.dry_run,
        found=progress.found if progress is not None and progress.children else None,
        truncated=progress is not None and progress.truncated,
        runs=await results_of(status, client, clock.now()),
        reason=order.reason,
        requested_by=order.requested_by,
        started_by=order.started_by,
        started_at=iso(started_at(status)),
        ended_at=iso(aware(status.last_updated_time)),
        error=error,
    ).to_json()
