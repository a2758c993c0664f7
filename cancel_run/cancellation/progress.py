"""What one cancellation knows so far: no I/O, no clock, JSON in and out.

The orchestrator asks, ``conclusions.py`` says what follows from each answer, and this is what they share. It is also
what is carried over ``continue_as_new``: a field is carried unless it is marked as not stored.
It is longer than most: what is known is declared, shown and told in one place, so that the three cannot part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.result import EXPIRED_ERROR, CancelResult, Outcome, error_told, iso
from cancel_run.cancellation.run import NEVER_REPAIRED, Run
from cancel_run.cancellation.schedule import Schedule, next_call_at, wait_seconds
from cancel_run.cancellation.stored import NOT_STORED, read, written
from cancel_run.errors import RunNotFoundError

# the workflow's step ids, which are also the activities' names in Azure
READ_RUN = "readRun"
CANCEL_RUN = "cancelRun"
POLL_RUN = "pollRun"

TIMELINE_LIMIT = 100  # entries: a run that flaps for days may not grow what every generation carries
TIMES_LIMIT = 10  # of the calls of one step, for the same reason; of more, the older ones are kept with gaps
SENT_AFTER = "sentAfter"  # the key of ``sent_at`` where it is carried: in full the times would be half of all
SHOWN_LIMIT = 20  # states in the custom status: Durable refuses one of more than 16 KiB in UTF-16

_MILLISECOND = timedelta(milliseconds=1)
_LONGEST = timedelta(days=366) // _MILLISECOND


@dataclass
class Progress:
    """One cancellation, from the order to its outcome.

    Attributes:
        calls: answers noted since the last continue_as_new.
        first_read_at: when the first read that showed the run was sent.
        seen_active_at: when the last read that showed the run active was sent.
        waits: waits so far, for the jitter of the next one.
        polls: polls that were sent, whatever they were answered.
        retries: calls without a usable answer for now; ``throttled`` those of them that were answered 429.
        cancels: cancels that were sent and not refused; ``accepted`` once one of them was answered well.
        unsure: the fate of the last cancel is unknown, and no read has shown it yet.
        last_cancel_at: when the last cancel was answered, however.
        refusal: what the first cancel was refused with; ``cancel_problem`` a later one.
        refused: refusals of it in a row that no operator could mend.
        blocked: the code of what an operator has to mend before an order from the queue can be carried out.
        token_expires_at: when the vault's secret expires, where the last answer said that it does so soon.
        sent_at: when the calls of a step were answered, by the step's id: of cancels that were not refused, and polls.
        problem: what stands in the way now; ``doubts`` the answers in a row too strange to be believed at once.
    """

    order: Order = field(metadata=NOT_STORED)
    instance_id: str = field(metadata=NOT_STORED)
    started_at: datetime
    next_at: datetime
    outcome: Outcome | None = field(default=None, metadata=NOT_STORED)
    calls: int = field(default=0, metadata=NOT_STORED)
    next_step: str = READ_RUN
    run: Run | None = None
    first_read_at: datetime | None = None
    seen_active_at: datetime | None = None
    repair_id: int | None = None
    timeline: list[dict[str, str]] = field(default_factory=list)
    sent_at: dict[str, list[str]] = field(default_factory=dict, metadata=NOT_STORED)
    waits: int = 0
    polls: int = 0
    retries: int = 0
    throttled: int = 0
    cancels: int = 0
    accepted: bool = False
    unsure: bool = False
    cancel_requested_at: datetime | None = None
    last_cancel_at: datetime | None = None
    refusal: dict[str, Any] | None = None
    refused: int = 0
    blocked: str | None = None
    cancel_problem: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    doubts: int = 0
    token_expires_at: datetime | None = None
    unknown: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, data: object, instance_id: str, now: datetime) -> Progress:
        """The progress in an orchestration's input: an order just begun, or what :meth:`to_json` carried over.

        Input: an order (``Order.to_json``) and, once begun, ``progress``.

        Raises:
            RequestError: it is neither an order nor a request that can be taken.
        """
        if not isinstance(data, dict) or "progress" not in data:
            progress = cls(Order.from_json(data), instance_id, started_at=now, next_at=now)
            if progress.is_too_old(now):
                progress.outcome = Outcome.EXPIRED
            return progress
        order = Order.from_json({key: value for key, value in data.items() if key != "progress"})
        carried = read(cls, data["progress"], order=order, instance_id=instance_id, started_at=now, next_at=now)
        if carried.next_step not in {READ_RUN, CANCEL_RUN, POLL_RUN}:
            carried.next_step = POLL_RUN  # a step of a newer release: whatever it was for, a look at the run tells
        if order.dry_run:
            carried.next_step = READ_RUN  # the only one of a rehearsal, whoever wrote what is carried
        carried.sent_at = _times(carried.unknown.pop(SENT_AFTER, None), carried.started_at)
        return carried

    def to_json(self) -> dict[str, Any]:
        """What the next generation needs; :meth:`load` takes it."""
        sent = {SENT_AFTER: _milliseconds(self.sent_at, self.started_at)} if self.sent_at else {}
        return {**self.order.to_json(), "progress": {**written(self), **sent}}

    @property
    def schedule(self) -> Schedule:
        """How patient it is, as was decided when it began."""
        return self.order.schedule

    @property
    def deadline(self) -> datetime:
        """When the wait ends, however the run is doing."""
        return self.started_at + timedelta(seconds=self.order.wait_timeout_seconds)

    def is_too_old(self, now: datetime) -> bool:
        """True for an order that nobody wants carried out any more."""
        return self.schedule.is_too_old(self.order.asked_at, now)

    def question(self) -> dict[str, Any]:
        """What the next step's activity is asked with (``activities.Question``)."""
        asked = {"runId": self.order.run_id, "workspace": self.order.workspace, "repairId": self.repair_id}
        if self.repair_id != NEVER_REPAIRED and self.first_read_at:
            asked["firstReadAt"] = self.first_read_at.isoformat()
        if self.order.dry_run:
            asked["dryRun"] = True
        if self.order.only:
            asked["onlyQueued"] = True
        if self.next_step == CANCEL_RUN:
            seen_at = self.seen_active_at
            return {**asked, "seenActiveAt": seen_at and seen_at.isoformat(), "again": self.cancels > 0}
        return asked

    def saw(self, run: Run, now: datetime, *, read_at: datetime | None = None) -> None:
        """A read that was sent at ``read_at`` has shown the run; its answer may have lain about until ``now``."""
        if self.run is None or self.run.life_cycle_state != run.life_cycle_state:
            self.timeline.append({"lifeCycleState": run.life_cycle_state, "at": iso(now)})
            if len(self.timeline) > TIMELINE_LIMIT:
                del self.timeline[1]  # the first state and the newest ones are what an operator asks about
        sent_at = min(read_at or now, now)
        if self.run is None:
            self.first_read_at = sent_at
        self.run = run
        self.doubts = 0
        if self.repair_id is None:
            self.repair_id = run.repair_id
        if not run.ended:
            self.seen_active_at = sent_at

    def sent(self, step: str, now: datetime) -> None:
        """A call of the step was sent, and answered now."""
        self.sent_at[step] = with_gaps([*self.sent_at.get(step, []), iso(now)])

    def after_a_wait(self, now: datetime, *, at_least: float = 0.0) -> datetime:
        """The instant of the next call: after the schedule's next wait and ``at_least`` seconds, by the deadline."""
        waited = (now - (self.cancel_requested_at or self.started_at)).total_seconds()
        untouched = self.run is not None and self.run.untouched
        wait = wait_seconds(self.schedule, waited, self.waits, self.instance_id, untouched=untouched)
        self.waits += 1
        return next_call_at(now, self.deadline, wait, at_least)

    def custom_status(self) -> dict[str, Any]:
        """What the status endpoint shows while it runs; times in ISO 8601."""
        return {
            "lifeCycleState": self.run and self.run.life_cycle_state,
            "nextStep": self.next_step,
            "nextPollAt": iso(self.next_at),
            "deadline": iso(self.deadline),
            "polls": self.polls,
            "cancels": self.cancels,
            "cancelRequestedAt": self.cancel_requested_at and iso(self.cancel_requested_at),
            "retries": self.retries,
            "problem": self.problem or self.cancel_problem,
            **({"tokenExpiresAt": iso(self.token_expires_at)} if self.token_expires_at else {}),
            "jobId": self.run and self.run.job_id,
            "timeline": [*self.timeline[:1], *self.timeline[1:][-SHOWN_LIMIT:]],
            "sentAt": self.sent_at,
        }

    def output(self) -> dict[str, Any]:
        """The orchestration's output: the result, or an earlier one that this order may not replace."""
        earlier = self.order.earlier or {}
        gone = (self.problem or {}).get("code") == RunNotFoundError.code and self.run is None
        stands = self.outcome is Outcome.ALREADY_ENDED or (self.outcome is Outcome.REJECTED and gone)
        if earlier and (self.outcome is Outcome.EXPIRED or (stands and earlier.get("stopped"))):
            return earlier
        return self.result().to_json()

    def result(self) -> CancelResult:
        """How this order ended; only once there is an outcome."""
        assert self.outcome is not None  # noqa: S101  # a defect here must fail the instance, not invent an outcome
        run = self.run or Run()
        return CancelResult(
            outcome=self.outcome,
            run_id=self.order.run_id,
            workspace=self.order.workspace,
            final_life_cycle_state=run.life_cycle_state or None,
            result_state=run.result_state,
            state_message=run.state_message,
            run_page_url=run.run_page_url,
            job_id=run.job_id,
            run_name=run.run_name,
            trigger=run.trigger,
            restarts_itself=run.restarts_itself,
            repaired_since=run.repaired_since,
            reason=self.order.reason,
            requested_by=self.order.requested_by,
            started_by=self.order.started_by,
            dry_run=bool(self.order.dry_run),
            from_queue=self.order.from_queue,
            cancel_requested_at=iso(self.cancel_requested_at) if self.cancel_requested_at else None,
            ended_at=self.timeline[-1].get("at") if run.ended and self.timeline else None,
            polls=self.polls,
            cancels=self.cancels,
            retries=self.retries,
            timeline=self.timeline,
            sent_at=self.sent_at,
            error=self._error(),
            token_expires_at=iso(self.token_expires_at) if self.token_expires_at else None,
        )

    def _error(self) -> dict[str, Any] | None:
        """What stood in the way of an end, for an outcome that is none."""
        if self.outcome is Outcome.EXPIRED:
            return EXPIRED_ERROR
        if self.outcome not in {Outcome.REJECTED, Outcome.TIMED_OUT}:
            return None
        error = self.refusal or self.problem or self.cancel_problem
        if self.outcome is Outcome.TIMED_OUT:
            error = self.problem or self.cancel_problem or self.refusal
        return error_told(error)


def with_gaps(times: list[str]) -> list[str]:
    """``times``, or where there are too many of them the newest half, and of the older ones every second."""
    half = TIMES_LIMIT // 2
    return times if len(times) <= TIMES_LIMIT else [*times[:-half:2], *times[-half:]]


def _milliseconds(times: dict[str, list[str]], since: datetime) -> dict[str, list[int]]:
    """The times as :func:`_times` takes them."""
    began = _whole(since)
    return {step: [(_whole(at) - began) // _MILLISECOND for at in all_] for step, all_ in times.items()}


def _times(milliseconds: object, since: datetime) -> dict[str, list[str]]:
    """The times that so many milliseconds after ``since`` are; what is none of them is left out."""
    told = milliseconds if isinstance(milliseconds, dict) else {}
    began = _whole(since)
    return {
        step: [iso(began + _MILLISECOND * one) for one in all_ if type(one) is int and 0 <= one < _LONGEST]
        for step, all_ in told.items()
        if isinstance(all_, list)
    }


def _whole(at: datetime | str) -> datetime:
    """To the millisecond, as times are shown."""
    return datetime.fromisoformat(at if isinstance(at, str) else iso(at))
