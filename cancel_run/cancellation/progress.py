"""What one cancellation knows so far, and what follows from each answer: no I/O, no clock, JSON in and out.

The orchestrator asks; this module draws the conclusions. It is also what is carried over ``continue_as_new``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.result import CancelResult, Outcome, error_json, iso
from cancel_run.cancellation.run import UNTOUCHED, ResultState, Run, is_terminal
from cancel_run.cancellation.schedule import Schedule, next_call_at, wait_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

# the seed's step ids, which are also the activities' names in Azure
READ_RUN = "readRun"
CANCEL_RUN = "cancelRun"
POLL_RUN = "pollRun"

DEFAULT_WAIT_TIMEOUT_SECONDS = 3600
MOMENTS = ("started_at", "next_at", "first_cancel_at", "last_cancel_at")  # carried as ISO 8601
AS_THEY_ARE = ("next_step", "timeline", "waits", "polls", "cancels", "retries", "throttled", "refusal", "problem")
TIMELINE_LIMIT = 100  # entries: a run that flaps for days may not grow what every generation carries


@dataclass
class Progress:
    """One cancellation, from the order to its outcome."""

    order: CancelRequest
    schedule: Schedule
    instance_id: str
    started_at: datetime
    next_at: datetime
    next_step: str = READ_RUN
    outcome: Outcome | None = None
    run: Run | None = None
    timeline: list[dict[str, str]] = field(default_factory=list)
    waits: int = 0
    polls: int = 0
    cancels: int = 0
    retries: int = 0
    throttled: int = 0
    first_cancel_at: datetime | None = None  # of those that were accepted, as the last
    last_cancel_at: datetime | None = None
    refusal: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    calls: int = 0  # since the last continue_as_new: not carried over

    @classmethod
    def load(cls, data: Mapping[str, Any], instance_id: str, now: datetime) -> Progress:
        """The progress in an orchestration's input: an order just begun, or what :meth:`to_json` carried over.

        Input: a cancel request with an optional ``schedule`` (as ``Schedule.to_json``) and, once begun, ``progress``.

        Raises:
            RequestError: the order is not a request that can be taken.
        """
        carried = data.get("progress") if isinstance(data, dict) else None
        if carried is None:
            order = dict(data) if isinstance(data, dict) else data
            schedule = order.pop("schedule", None) if isinstance(order, dict) else None
            return cls(
                CancelRequest.from_json(order),
                Schedule(**(schedule or {})),
                instance_id,
                started_at=now,
                next_at=now,
            )
        begun = dict(carried)
        for key in MOMENTS:
            begun[key] = begun[key] and datetime.fromisoformat(begun[key])
        begun["run"] = begun["run"] and Run.from_json(begun["run"])
        order = {key: value for key, value in data.items() if key not in {"schedule", "progress"}}
        return cls(CancelRequest.from_json(order), Schedule(**data["schedule"]), instance_id, **begun)

    def to_json(self) -> dict[str, Any]:
        """What the next generation needs; :meth:`load` takes it."""
        carried = {key: getattr(self, key) for key in AS_THEY_ARE}
        for key in MOMENTS:
            moment = getattr(self, key)
            carried[key] = moment and moment.isoformat()
        carried["run"] = self.run and self.run.to_json()
        return {**self.order.to_json(), "schedule": self.schedule.to_json(), "progress": carried}

    @property
    def deadline(self) -> datetime:
        """When the wait ends, however the run is doing."""
        return self.started_at + timedelta(seconds=self.order.wait_timeout_seconds or DEFAULT_WAIT_TIMEOUT_SECONDS)

    # -- what each answer means ------------------------------------------------------------------------------------

    def note(self, step: str, answer: Mapping[str, Any], now: datetime) -> None:
        """What follows from an activity's answer: ``{"run"}``, ``{"accepted"}``, ``{"error"}`` or ``{"passing"}``."""
        self.calls += 1
        self.polls += step == POLL_RUN
        if "passing" in answer:
            self._note_passing(answer["passing"], now)
        elif "error" in answer:
            self._note_refusal(step, answer["error"], now)
        else:
            self.problem = None
            if step == CANCEL_RUN:
                self._note_accepted(now)
            else:
                self._note_run(step, Run.from_json(answer["run"]), now)

    def _note_run(self, step: str, run: Run, now: datetime) -> None:
        if self.run is None or self.run.life_cycle_state != run.life_cycle_state:
            self.timeline.append({"lifeCycleState": run.life_cycle_state, "at": iso(now)})
            if len(self.timeline) > TIMELINE_LIMIT:
                del self.timeline[1]  # the first state and the newest ones are what an operator asks about
        self.run = run
        if is_terminal(run.life_cycle_state):
            self.outcome = self._outcome_of(step, run)
        elif step == READ_RUN:
            self._next(CANCEL_RUN, now)
        elif self.refusal is not None:
            self.outcome = Outcome.REJECTED
        elif now >= self.deadline:
            self.outcome = Outcome.TIMED_OUT
        elif self._cancel_is_due(run, now):
            self._next(CANCEL_RUN, now)
        else:
            self._next(POLL_RUN, self._after_a_wait(now))

    def _outcome_of(self, step: str, run: Run) -> Outcome:
        if step == READ_RUN:
            return Outcome.ALREADY_ENDED
        if self.cancels and run.result_state == ResultState.CANCELED:
            return Outcome.CANCELED
        return Outcome.ENDED_FIRST

    def _note_accepted(self, now: datetime) -> None:
        self.cancels += 1
        self.last_cancel_at = now
        self.first_cancel_at = self.first_cancel_at or now
        self._next(POLL_RUN, self._after_a_wait(now))

    def _note_refusal(self, step: str, error: dict[str, Any], now: datetime) -> None:
        if step == CANCEL_RUN and self.cancels == 0:
            # a run that has just ended may refuse: the next read decides whether this no was needed
            self.refusal = error
            self._next(POLL_RUN, now)
        elif step == CANCEL_RUN:
            # one cancel was accepted: the wait goes on, and the next try is as far away as after a success
            self.last_cancel_at = now
            self._next(POLL_RUN, self._after_a_wait(now))
        elif step == POLL_RUN and self.refusal is None and error["code"] != "RunNotFound":
            # the run could be read before, so this no may pass too: a token is being rotated, a proxy is in the way
            self._note_passing(error, now)
        else:
            self.problem = self.refusal or error
            self.outcome = Outcome.REJECTED

    def _note_passing(self, problem: Mapping[str, Any], now: datetime) -> None:
        self.retries += 1
        self.throttled += problem.get("statusCode") == HTTPStatus.TOO_MANY_REQUESTS
        self.problem = error_json(problem["code"], problem["message"], problem.get("statusCode"))
        if now >= self.deadline:
            self.outcome = Outcome.TIMED_OUT
            return
        step = POLL_RUN if self.cancels or self.refusal else self.next_step
        self._next(step, self._after_a_wait(now, problem.get("retryAfterSeconds")))

    def _cancel_is_due(self, run: Run, now: datetime) -> bool:
        """Some cancels are lost: one that shows no effect is sent again."""
        if run.life_cycle_state not in UNTOUCHED or self.last_cancel_at is None:
            return False
        return (now - self.last_cancel_at).total_seconds() >= self.schedule.cancel_again_after_seconds

    def _after_a_wait(self, now: datetime, retry_after: float | None = None) -> datetime:
        waited = (now - (self.first_cancel_at or self.started_at)).total_seconds()
        untouched = self.run is not None and self.run.life_cycle_state in UNTOUCHED
        wait = wait_seconds(self.schedule, waited, self.waits, self.instance_id, untouched=untouched)
        self.waits += 1
        return next_call_at(now, self.deadline, wait, retry_after)

    def _next(self, step: str, at: datetime) -> None:
        self.next_step, self.next_at = step, at

    # -- what others see -------------------------------------------------------------------------------------------

    def custom_status(self) -> dict[str, Any]:
        """What the status endpoint shows while it runs; times in ISO 8601."""
        return {
            "lifeCycleState": self.run and self.run.life_cycle_state,
            "nextStep": self.next_step,
            "nextPollAt": iso(self.next_at),
            "deadline": iso(self.deadline),
            "polls": self.polls,
            "cancels": self.cancels,
            "retries": self.retries,
            "problem": self.problem,
        }

    def result(self) -> CancelResult:
        """The output; only once there is an outcome."""
        assert self.outcome is not None  # noqa: S101  # a defect here must fail the instance, not invent an outcome
        run = self.run or Run("")
        error = self.refusal if self.outcome is Outcome.REJECTED and self.refusal else self.problem
        return CancelResult(
            outcome=self.outcome,
            run_id=self.order.run_id,
            workspace=self.order.workspace,
            final_life_cycle_state=run.life_cycle_state or None,
            result_state=run.result_state,
            state_message=run.state_message,
            run_page_url=run.page_url,
            reason=self.order.reason,
            requested_by=self.order.requested_by,
            cancel_requested_at=iso(self.first_cancel_at) if self.first_cancel_at else None,
            ended_at=self.timeline[-1]["at"] if is_terminal(run.life_cycle_state) else None,
            polls=self.polls,
            cancels=self.cancels,
            retries=self.retries,
            timeline=self.timeline,
            error=error,
        )
