"""The workflow ``cancel-active-runs``: list the active runs of a job, cancel each, wait, and list once more.

A pure generator, as ``cancel_run/orchestrator.py`` is. Each run's cancellation is an instance of its own that anybody
can look at or join; they are begun and looked at by activities. As sub-orchestrations they would replace a cancellation
of the same run that is under way. What follows from an answer stands in ``conclusions.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.durable_functions import RetryOptions

from cancel_run.cancellation.result import error_json
from cancel_run.durable import Steps, now, wait
from cancel_run.errors import RequestError
from cancel_run.job import outcome_event
from cancel_run.job.conclusions import note
from cancel_run.job.progress import JobProgress, Step
from cancel_run.job.result import JobOutcome, JobResult

if TYPE_CHECKING:
    from cancel_run.cancellation.schedule import Schedule
    from cancel_run.durable import OrchestrationContext

# the activities' names in Azure
LIST_ACTIVE_RUNS = "listActiveRuns"
START_CANCELLATIONS = "startCancellations"
READ_CANCELLATIONS = "readCancellations"


def cancel_active_runs(context: OrchestrationContext) -> Steps:
    """No run of the job is active, or the result says which are.

    Input: an order (see ``JobProgress.load``). Output: ``JobResult.to_json()``.
    """
    try:
        progress = JobProgress.load(context.get_input(), context.instance_id, now(context))
    except RequestError as error:
        refused = JobResult(outcome=JobOutcome.REJECTED, error=error_json("InvalidRequest", str(error)))
        return _told(context, refused)

    while progress.goes_on:
        yield from wait(context, progress)
        if progress.step == Step.LIST:  # which runs are active? a page a call
            answer = yield from _call(context, progress, LIST_ACTIVE_RUNS, progress.ask_for_page())
        elif progress.step == Step.BEGIN:  # the queued ones first, so many side by side
            answer = yield from _call(context, progress, START_CANCELLATIONS, progress.ask_to_begin(now(context)))
        elif progress.step == Step.LOOK:  # have they ended?
            answer = yield from _call(context, progress, READ_CANCELLATIONS, progress.ask_to_look())
        elif progress.step == Step.LIST_AGAIN:  # is one active all the same?
            answer = yield from _call(context, progress, LIST_ACTIVE_RUNS, progress.ask_for_page())
        else:  # how did each end?
            answer = yield from _call(context, progress, READ_CANCELLATIONS, progress.ask_to_tell())
        note(progress, answer, now(context))

    if progress.outcome is None:
        context.continue_as_new(progress.to_json())
        return None
    return _told(context, progress.result(now(context)))


def _call(context: OrchestrationContext, progress: JobProgress, name: str, question: dict[str, Any]) -> Steps:
    """The activity's answer. One that breaks unforeseen ends the instance only before anything was begun."""
    if not progress.children:
        answer = yield context.call_activity_with_retry(name, _retries(progress.schedule), question)
        return answer
    try:
        answer = yield context.call_activity(name, question)
    except Exception:  # noqa: BLE001  # the SDK raises a bare Exception; the wait outlives whatever it was
        return {"passing": error_json("ActivityFailed", f"{name} failed unforeseen; its exception is in the logs.")}
    return answer


def _retries(schedule: Schedule) -> RetryOptions:
    """For what nobody foresaw: a worker that died, a defect. What can be foreseen is an answer, and waited for."""
    return RetryOptions(
        first_retry_interval_in_milliseconds=int(1000 * schedule.unforeseen_again_after_seconds),
        max_number_of_attempts=schedule.unforeseen_tries,
    )


def _told(context: OrchestrationContext, result: JobResult) -> dict[str, Any]:
    """The output; the log has the outcome, too, unless this is a replay."""
    if not context.is_replaying:
        outcome_event.write(context.instance_id, result)
    return result.to_json()
