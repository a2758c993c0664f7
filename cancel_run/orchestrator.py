"""The seed's workflow ``cancel-active-run``: readRun, cancelRun, pollRun until the run has stopped.

A pure generator: every replay begins at its first line, so it has no I/O and no clock; it logs its outcome alone, and
not on replay. Time and identity come from ``context``. It uses only the calls that exist in both 1.x and 2.x of the
Durable Functions SDK.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, Protocol

from azure.durable_functions import RetryOptions

from cancel_run.cancellation import outcome_event
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN, READ_RUN, Progress
from cancel_run.cancellation.result import CancelResult, Outcome, error_json
from cancel_run.errors import RequestError

CALLS_PER_GENERATION = 20  # then continue_as_new: a poll costs the same on the first day and on the third

# For what nobody foresaw: a worker that died, a defect. What can be foreseen is an answer, and waited for below.
UNFORESEEN = RetryOptions(first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=3)

Steps = Generator[Any, Any, Any]


class OrchestrationContext(Protocol):
    """The calls of the SDK's context that this orchestrator keeps to."""

    instance_id: str
    current_utc_datetime: datetime
    is_replaying: bool

    def get_input(self) -> Any:  # noqa: D102  # these are the SDK's, and documented there
        ...

    def call_activity(self, name: str, input_: Any) -> Any:  # noqa: D102
        ...

    def call_activity_with_retry(self, name: str, retry_options: RetryOptions, input_: Any) -> Any:  # noqa: D102
        ...

    def create_timer(self, fire_at: datetime) -> Any:  # noqa: D102
        ...

    def set_custom_status(self, status: Any) -> None:  # noqa: D102
        ...

    def continue_as_new(self, input_: Any) -> None:  # noqa: D102
        ...


def cancel_active_run(context: OrchestrationContext) -> Steps:
    """The run has stopped, or the result says that it has not.

    Input: a cancel request (see ``Progress.load``). Output: ``CancelResult.to_json()``.
    """
    try:
        progress = Progress.load(context.get_input(), context.instance_id, _now(context))
    except RequestError as error:
        refused = CancelResult(Outcome.REJECTED, run_id=None, error=error_json("InvalidRequest", str(error)))
        return _told(context, refused, _now(context))

    while _goes_on_with(READ_RUN, progress):  # is it active?
        yield from _ask(context, progress)

    while _goes_on_with(CANCEL_RUN, progress):  # the API answers at once; the run stops later, or does not
        yield from _ask(context, progress)

    while _goes_on_with(POLL_RUN, progress):
        yield from _ask(context, progress)
        if _goes_on_with(CANCEL_RUN, progress):  # it shows no effect: once more
            yield from _ask(context, progress)

    if progress.outcome is None:
        context.continue_as_new(progress.to_json())
        return None
    return _told(context, progress.result(), progress.started_at, progress.throttled)


def _told(
    context: OrchestrationContext, result: CancelResult, started_at: datetime, throttled: int = 0
) -> dict[str, Any]:
    """The output; the log has the outcome, too, unless this is a replay."""
    if not context.is_replaying:
        outcome_event.write(context.instance_id, started_at, throttled, result)
    return result.to_json()


def _goes_on_with(step: str, progress: Progress) -> bool:
    return progress.outcome is None and progress.next_step == step and progress.calls < CALLS_PER_GENERATION


def _ask(context: OrchestrationContext, progress: Progress) -> Steps:
    """The next step has been taken when it was due, and its answer noted."""
    context.set_custom_status(progress.custom_status())
    if progress.next_at > _now(context):
        yield context.create_timer(progress.next_at)

    step = progress.next_step
    question = {"runId": progress.order.run_id, "workspace": progress.order.workspace}
    if progress.cancels == 0 and step != POLL_RUN:
        answer = yield context.call_activity_with_retry(step, UNFORESEEN, question)
    else:
        try:
            answer = yield context.call_activity(step, question)
        except Exception:  # noqa: BLE001  # the SDK raises a bare Exception; the wait outlives whatever it was
            answer = {
                "passing": error_json("ActivityFailed", f"{step} failed unforeseen; its exception is in the logs.")
            }
    progress.note(step, answer, _now(context))


def _now(context: OrchestrationContext) -> datetime:
    now = context.current_utc_datetime
    return now if now.tzinfo else now.replace(tzinfo=UTC)  # 1.x is aware of the zone, other engines are not
