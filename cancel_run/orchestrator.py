"""The workflow ``cancel-active-run``: readRun, cancelRun, pollRun until the run has stopped; and its rehearsal.

A pure generator: every replay begins at its first line, so it has no I/O and no clock; time and identity come from
``context``. What follows from an answer stands in ``cancellation/conclusions.py``.

A release may go on with what another one began, so a replay by new code must ask for what the history has: the numbers
come from the order's schedule, and a step that is new is taken by orders of a new version only (docs/upgrading.md).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from azure.durable_functions import RetryOptions

from cancel_run.cancellation import outcome_event
from cancel_run.cancellation.conclusions import note
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN, READ_RUN, Progress
from cancel_run.cancellation.result import CancelResult, Outcome, error_json
from cancel_run.durable import Steps, now, wait
from cancel_run.errors import RequestError

if TYPE_CHECKING:
    from cancel_run.cancellation.schedule import Schedule
    from cancel_run.durable import OrchestrationContext


def cancel_active_run(context: OrchestrationContext) -> Steps:
    """The run has stopped, or the result says that it has not.

    Input: an order (see ``Progress.load``). Output: ``CancelResult.to_json()``.
    """
    try:
        progress = Progress.load(context.get_input(), context.instance_id, now(context))
    except RequestError as error:
        return _refused(context, error)

    while progress.outcome is None and progress.calls < progress.schedule.calls_per_generation:
        yield from wait(context, progress)
        if progress.next_step == READ_RUN:  # is it active?
            answer = yield from _call(context, READ_RUN, progress)
        elif progress.next_step == CANCEL_RUN:  # the API answers at once; the run stops later, or does not
            answer = yield from _call(context, CANCEL_RUN, progress)
        else:  # has it stopped?
            answer = yield from _call(context, POLL_RUN, progress)
        blocked = progress.blocked
        note(progress, progress.next_step, answer, now(context))
        if progress.blocked not in {blocked, None} and not context.is_replaying:
            outcome_event.write_blocked(progress)

    return _carried_or_told(context, progress)


def rehearse_cancellation(context: OrchestrationContext) -> Steps:
    """What a cancellation would do is in the result, and the run has been read and nothing else.

    It has a name of its own, so that a release that knows no rehearsals does not have it: there the instance fails,
    where under the other name the run would be canceled. Input and output as of ``cancel_active_run``.
    """
    try:
        progress = Progress.load(context.get_input(), context.instance_id, now(context))
    except RequestError as error:
        return _refused(context, error, dry_run=True)
    progress.order = dataclasses.replace(progress.order, dry_run=True)  # whatever the order says

    while progress.outcome is None and progress.calls < progress.schedule.calls_per_generation:
        yield from wait(context, progress)
        answer = yield from _call(context, READ_RUN, progress)
        note(progress, READ_RUN, answer, now(context))

    return _carried_or_told(context, progress)


def _call(context: OrchestrationContext, step: str, progress: Progress) -> Steps:
    """The activity's answer. One that breaks unforeseen ends the instance only before a cancel was sent."""
    question = progress.question()
    if progress.cancels == 0 and step != POLL_RUN:
        answer = yield context.call_activity_with_retry(step, _retries(progress.schedule), question)
        return answer
    try:
        answer = yield context.call_activity(step, question)
    except Exception:  # noqa: BLE001  # the SDK raises a bare Exception; the wait outlives whatever it was
        problem = error_json("ActivityFailed", f"{step} failed unforeseen; its exception is in the logs.")
        # a cancel may have been sent before it broke: a read tells
        return {"passing": problem, "unsure": step == CANCEL_RUN}
    return answer


def _retries(schedule: Schedule) -> RetryOptions:
    """For what nobody foresaw: a worker that died, a defect. What can be foreseen is an answer, and waited for."""
    return RetryOptions(
        first_retry_interval_in_milliseconds=int(1000 * schedule.unforeseen_again_after_seconds),
        max_number_of_attempts=schedule.unforeseen_tries,
    )


def _carried_or_told(context: OrchestrationContext, progress: Progress) -> dict[str, Any] | None:
    """What is known is carried into the next generation, or it is the output; the log then has the outcome, too."""
    if progress.outcome is None:
        context.continue_as_new(progress.to_json())
        return None
    if not context.is_replaying:
        outcome_event.write(context.instance_id, progress.started_at, progress.throttled, progress.result())
    return progress.output()


def _refused(context: OrchestrationContext, error: RequestError, *, dry_run: bool = False) -> dict[str, Any]:
    """The output for an input that is no order."""
    no_order = error_json("InvalidRequest", str(error))
    refused = CancelResult(outcome=Outcome.REJECTED, dry_run=dry_run, error=no_order)
    if not context.is_replaying:
        outcome_event.write(context.instance_id, now(context), 0, refused)
    return refused.to_json()
