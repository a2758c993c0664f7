"""What the cancellation of a job's runs knows so far: no I/O, no clock, JSON in and out.

It is also what is carried over ``continue_as_new``: a field is carried unless it is marked as not stored. It is longer
than most: what is known is declared, shown and told in one place, so that the three cannot part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cancel_run.cancellation.result import EXPIRED_ERROR, Outcome, error_told, iso
from cancel_run.cancellation.schedule import Schedule, next_call_at, wait_seconds
from cancel_run.cancellation.stored import NOT_STORED, read, written
from cancel_run.job.child import Child
from cancel_run.job.order import JobOrder
from cancel_run.job.result import JobOutcome, JobResult


class Step(StrEnum):
    """What is done next, in their order."""

    LIST = "list"  # which runs of the job are active?
    BEGIN = "begin"  # some of their cancellations
    LOOK = "look"  # have they ended?
    LIST_AGAIN = "listAgain"  # is one active all the same?
    TELL = "tell"  # how did each end?


@dataclass
class JobProgress:
    """One order, from its beginning to its outcome.

    Attributes:
        page_token: of the page that is asked for next; ``pages`` were read of this listing, and ``tokens`` are the
            fingerprints of those that led to them.
        tries: failed calls in a row.
        incomplete: why a listing may lack some runs.
        left_alone: the runs beyond the most that the order may cancel; None where there are none.
        active_again: the runs that the second listing has.
        moved_at: when something last got on, from which waits grow.
        refusal: why the job's runs are not canceled at all.
        results: of the cancellations that have ended, by run.
        turned: a generation is over because a list is whole: a look at the input then finds the runs there.
    """

    order: JobOrder = field(metadata=NOT_STORED)
    instance_id: str = field(metadata=NOT_STORED)
    started_at: datetime
    next_at: datetime
    outcome: JobOutcome | None = field(default=None, metadata=NOT_STORED)
    calls: int = field(default=0, metadata=NOT_STORED)
    turned: bool = field(default=False, metadata=NOT_STORED)
    results: dict[int, dict[str, Any]] = field(default_factory=dict, metadata=NOT_STORED)
    step: str = Step.LIST.value
    page_token: str | None = None
    pages: int = 0
    tokens: list[str] = field(default_factory=list)
    tries: int = 0
    incomplete: dict[str, Any] | None = None
    children: list[Any] = field(default_factory=list)  # of Child
    truncated: bool = False
    left_alone: list[int] | None = None
    active_again: list[int] = field(default_factory=list)
    moved_at: datetime | None = None
    waits: int = 0
    retries: int = 0
    problem: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None
    unknown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, data: object, instance_id: str, now: datetime) -> JobProgress:
        """The progress in an orchestration's input: an order just begun, or what :meth:`to_json` carried over.

        Raises:
            RequestError: it is neither an order nor a request that can be taken.
        """
        if not isinstance(data, dict) or "progress" not in data:
            progress = cls(JobOrder.from_json(data), instance_id, started_at=now, next_at=now)
            if progress.schedule.is_too_old(progress.order.asked_at, now):
                progress.outcome = JobOutcome.EXPIRED
            return progress
        order = JobOrder.from_json({key: value for key, value in data.items() if key != "progress"})
        carried = read(cls, data["progress"], order=order, instance_id=instance_id, started_at=now, next_at=now)
        carried.children = [read(Child, child) for child in carried.children]
        if carried.step not in set(Step):
            carried.step = Step.LOOK  # a step of a newer release: a look tells where things are
        return carried

    def to_json(self) -> dict[str, Any]:
        """What the next generation needs; :meth:`load` takes it."""
        children = [written(child) for child in self.children]
        return {**self.order.to_json(), "progress": {**written(self), "children": children}}

    @property
    def schedule(self) -> Schedule:
        """How patient it is, as was decided when it began."""
        return self.order.schedule

    @property
    def goes_on(self) -> bool:
        """There is a next step in this generation; what has been read of the results is not carried into another."""
        few = self.calls < self.schedule.calls_per_generation
        return self.outcome is None and not self.turned and (few or bool(self.results))

    @property
    def deadline(self) -> datetime:
        """When the wait ends, however the runs are doing; their cancellations have the same one."""
        return self.started_at + timedelta(seconds=self.order.wait_timeout_seconds)

    @property
    def last_look(self) -> datetime:
        """Until when cancellations that end at the deadline are waited for."""
        return self.deadline + timedelta(seconds=self.order.plan.grace_seconds)

    def next(self, step: Step, at: datetime) -> None:
        """That is done next, at that time."""
        self.step, self.next_at = step.value, at

    def after_a_wait(self, now: datetime, *, at_least: float = 0.0) -> datetime:
        """The instant of the next call: the longer nothing has got on, the later."""
        late = now >= self.deadline
        since = max(self.moved_at or self.started_at, self.deadline if late else self.started_at)
        wait = wait_seconds(self.schedule, (now - since).total_seconds(), self.waits, self.instance_id)
        self.waits += 1
        return next_call_at(now, self.last_look if late else self.deadline, wait, at_least)

    def batch(self, now: datetime) -> list[Child]:
        """The runs whose cancellations are begun next: the queued ones first, so many at a time.

        The others wait until no queued one is left: to stop a running one lets the next of the queue begin.
        """
        plan, seconds = self.order.plan, self.schedule.cancel_again_after_seconds
        holding = [child for child in self.children if child.holds_a_place(now, seconds)]
        queued = [child for child in self.children if child.queued and child.due]
        if any(child.queued for child in holding):
            due = queued
        else:
            due = queued or [child for child in self.children if child.due]
        return due[: max(0, min(plan.side_by_side - len(holding), plan.begun_in_a_call))]

    def ask_for_page(self) -> dict[str, Any]:
        """What listActiveRuns is asked with."""
        order = self.order
        return {
            "jobId": order.job_id, "workspace": order.workspace, "only": order.only, "pageToken": self.page_token
        }  # fmt: skip

    def ask_to_begin(self, now: datetime) -> dict[str, Any]:
        """What startCancellations is asked with: the next batch, and what their orders have in common."""
        order = self.order
        seconds = max(1, int((self.deadline - now).total_seconds()))
        shared = {"reason": order.reason, "requestedBy": order.requested_by}
        runs = [child.run_id for child in self.batch(now)]
        started = {"startedBy": order.started_by, "fromQueue": order.from_queue}
        return {**self._whose(), **shared, **started, "waitTimeoutSeconds": seconds, "runs": runs}

    def ask_to_look(self) -> dict[str, Any]:
        """What readCancellations is asked with, of all that are under way."""
        return {**self._whose(), "runs": [_known(child) for child in self.children if child.under_way]}

    def ask_to_tell(self) -> dict[str, Any]:
        """The same for the next results."""
        untold = [child for child in self.children if child.ended and child.run_id not in self.results]
        runs = [_known(child) for child in untold[: self.order.plan.told_in_a_call]]
        return {**self._whose(), "runs": runs, "results": True}

    def _whose(self) -> dict[str, Any]:
        """How a cancellation is known to be this order's.

        Of two messages that a queue took in one second, which is how exactly it tells the time, each is an order.
        """
        began = self.order.asked_at or self.started_at
        event = f"job {self.instance_id} {self.started_at.isoformat()}"
        order = self.order
        which = {"workspace": order.workspace, "dryRun": order.dry_run, "only": order.only}
        return {**which, "event": event, "since": began.isoformat()}

    def counts(self) -> dict[str, int]:
        """How many runs there are of each kind."""
        kinds = Counter(_kind(child) for child in self.children)
        return {kind: kinds[kind] for kind in ("due", "underWay", "stopped", "notStopped")}

    @property
    def found(self) -> int:
        """How many active runs the first listing has, so far."""
        return len(self.children) + len(self.left_alone or ())

    def custom_status(self) -> dict[str, Any]:
        """What the status endpoint shows while it runs: counts, for it can hold no more. Times in ISO 8601."""
        return {
            "nextStep": self.step,
            "nextLookAt": iso(self.next_at),
            "deadline": iso(self.deadline),
            "pages": self.pages,
            "found": self.found,
            **self.counts(),
            "truncated": self.truncated,
            "startedMeanwhile": len(self.started_meanwhile()),
            "retries": self.retries,
            "problem": self.problem or self.incomplete,
        }

    def started_meanwhile(self) -> list[int]:
        """The runs that only the second listing has, and those that were seen stopped before it."""
        left = {child.run_id for child in self.children if not child.stopped}.union(self.left_alone or ())
        return [run_id for run_id in self.active_again if run_id not in left]

    def conclude(self) -> None:
        """All has been done: it has an outcome."""
        order = self.order
        all_stopped = all(child.stopped for child in self.children) and not self.truncated
        if order.dry_run and any(child.outcome == Outcome.WOULD_CANCEL for child in self.children):
            self.outcome = JobOutcome.WOULD_CANCEL
        elif all_stopped and not self.active_again and self.incomplete is None:
            self.outcome = JobOutcome.STOPPED
        else:
            self.outcome = JobOutcome.NOT_STOPPED

    def result(self, now: datetime) -> JobResult:
        """How this order ended; only once there is an outcome."""
        assert self.outcome is not None  # noqa: S101  # a defect here must fail the instance, not invent an outcome
        order = self.order
        asked = (order.workspace, order.reason, order.requested_by)
        return JobResult(
            job_id=order.job_id,
            workspace=order.workspace,
            outcome=self.outcome,
            only=order.only,
            dry_run=order.dry_run,
            found=self.found if self.outcome not in {JobOutcome.EXPIRED, JobOutcome.REJECTED} else None,
            runs=[self.results.get(child.run_id) or child.without_result(*asked) for child in self.children],
            started_meanwhile=self.started_meanwhile(),
            truncated=self.truncated,
            reason=order.reason,
            requested_by=order.requested_by,
            started_by=order.started_by,
            started_at=iso(self.started_at),
            ended_at=iso(now),
            retries=self.retries,
            error=self._error(),
        )

    def _error(self) -> dict[str, Any] | None:
        if self.outcome is JobOutcome.EXPIRED:
            return EXPIRED_ERROR
        told = {
            JobOutcome.REJECTED: self.refusal,
            JobOutcome.NOT_STOPPED: self.incomplete or self.problem,
            JobOutcome.WOULD_CANCEL: self.incomplete,
        }
        return error_told(told.get(self.outcome) if self.outcome else None)


def _known(child: Child) -> dict[str, Any]:
    return {"runId": child.run_id, **({"joined": child.joined} if child.joined else {})}


def _kind(child: Child) -> str:
    if child.ended:
        return "stopped" if child.stopped else "notStopped"
    return "due" if child.due else "underWay"
