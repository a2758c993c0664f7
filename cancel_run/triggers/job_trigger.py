"""The HTTP triggers for the active runs of a job: the same asynchronous pattern as for one run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import parse_json
from cancel_run.cancellation.result import error_json, iso
from cancel_run.job.order import JobOrder
from cancel_run.job.request import JobRequest
from cancel_run.job.result import JobResult
from cancel_run.triggers.callers_url import status_url, wants_failure
from cancel_run.triggers.http_trigger import refusal_by_its_head, running
from cancel_run.triggers.job_runs import progress_of, results_of, runs_of
from cancel_run.triggers.job_starting import JobInstance, start_or_join_job
from cancel_run.triggers.replies import FORESEEN, Reply, begun, ended, nobody_started, problem, reply_to
from cancel_run.triggers.starting import ACTIVE, aware, runtime_status, status_of
from cancel_run.triggers.summary import order_of, started_at, whose
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
    except FORESEEN as error:
        return reply_to(error)
    location = status_url(request.url, ROUTE, started.instance_id)
    return begun(location, started, {"jobId": started.job_id})


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
    except FORESEEN as error:
        return reply_to(error)
    return ended(result, wants_failure=failing)


def _asked(known: JobInstance, status: Any) -> dict[str, Any]:
    """What was asked for, by whom, and when it began."""
    return {
        "jobId": known.job_id,
        "only": known.only,
        **whose(known, order_of(status, JobOrder), status),
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
    order, progress = order_of(status, JobOrder), progress_of(status, clock.now())
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
