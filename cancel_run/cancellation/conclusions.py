"""What follows from each answer: one table, (step, answer) -> what follows, as docs/design.md has it.

Pure: an answer and the time go in, the progress is changed. The answers are those of ``activities.py``. The module is
longer than most, because the table and what it names are read together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN, READ_RUN, Progress
from cancel_run.cancellation.result import Outcome, error_json
from cancel_run.cancellation.run import Run
from cancel_run.cancellation.schedule import next_call_at
from cancel_run.cancellation.stored import moment
from cancel_run.errors import RunNotFoundError


class Answer(StrEnum):
    """What an activity answered, by what it means for the next step."""

    ENDED = "the run has ended, or the attempt that was to be canceled has"
    UNTOUCHED = "it is active, and a cancel has had no effect (yet)"
    STOPPING = "it is active otherwise"
    ACCEPTED = "the cancel is accepted"
    UNSURE = "the cancel may have been taken or not"
    LATER = "nothing was sent: there is no place for the call now"
    PASSING = "no usable answer for now"
    GONE = "there is no such run"
    MENDABLE = "refused, and an operator can mend it"
    REFUSED = "refused"


def note(progress: Progress, step: str, answer: Mapping[str, Any], now: datetime) -> None:
    """``progress`` knows what ``answer`` told, and what comes next."""
    run = Run.from_json(answer["run"]) if "run" in answer else None
    kind = _kind_of(step, answer, run)
    progress.calls += 1
    progress.token_expires_at = moment(answer.get("tokenExpiresAt"))
    if step == POLL_RUN and kind is not Answer.LATER:
        progress.polls += 1
        progress.sent(step, now)
    if run is not None:
        progress.problem = None
        progress.saw(run, now, read_at=moment(answer.get("readAt")))
    elif "seen" in answer:
        progress.run = Run.from_json(answer["seen"])  # for the result alone: nothing follows from it
    FOLLOWS[step, kind](progress, answer, now)


def _kind_of(step: str, answer: Mapping[str, Any], run: Run | None) -> Answer:
    """The kind of an activity's answer; one that a newer release might add counts as passing."""
    if "accepted" in answer:
        return Answer.ACCEPTED
    if "later" in answer:
        return Answer.LATER
    if run is not None:
        return Answer.ENDED if run.ended else Answer.UNTOUCHED if run.untouched else Answer.STOPPING
    if "error" in answer:
        error = _problem(answer, "error")
        mendable = Answer.MENDABLE if error.get("mendable") else Answer.REFUSED
        return Answer.GONE if error.get("code") == RunNotFoundError.code else mendable
    return Answer.UNSURE if step == CANCEL_RUN and answer.get("unsure") else Answer.PASSING


# -- what follows ------------------------------------------------------------------------------------------------------


def _end(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:  # noqa: ARG001  # all have one shape
    """The run has stopped."""
    run = progress.run or Run()
    if progress.seen_active_at is None:
        progress.outcome = Outcome.ALREADY_ENDED
    else:
        progress.outcome = Outcome.CANCELED if run.canceled and progress.cancels else Outcome.ENDED_FIRST


def _cancel_at_once(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:  # noqa: ARG001
    """Unless it is a rehearsal, or so late (the app was drained, or away) that nobody wants the cancel any more."""
    progress.blocked = None
    grace = timedelta(seconds=progress.schedule.last_read_grace_seconds)
    if now > progress.deadline + grace and progress.is_too_old(now):
        progress.outcome = Outcome.EXPIRED
    elif progress.order.dry_run:
        progress.outcome = Outcome.WOULD_CANCEL
    else:
        _next(progress, CANCEL_RUN, now)


def _poll_while_active(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:  # noqa: ARG001
    """It is still active; a cancel that was refused or shows no effect is sent again where that may help."""
    refusal = progress.refusal if progress.run and progress.run.untouched else None  # else it stops all the same
    if now >= progress.deadline:
        progress.outcome = Outcome.REJECTED if refusal else Outcome.TIMED_OUT
    elif refusal:
        _reject_or_cancel_again(progress, refusal, now)
    elif _cancel_is_due(progress, now):
        _next(progress, CANCEL_RUN, now)
    else:
        _next(progress, POLL_RUN, progress.after_a_wait(now))


def _cancel_is_due(progress: Progress, now: datetime) -> bool:
    """Some cancels are lost: one that shows no effect is sent again, and only to a run just seen untouched."""
    if progress.run is None or not progress.run.untouched:
        return False
    if progress.last_cancel_at is None:
        return True
    schedule = progress.schedule
    after = schedule.unsure_again_after_seconds if progress.unsure else schedule.cancel_again_after_seconds
    return (now - progress.last_cancel_at).total_seconds() >= min(after, schedule.cancel_again_after_seconds)


def _poll_after_accepted(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """Accepted is all that is known: the run stops later, or does not."""
    _note_sent(progress, now)
    progress.accepted, progress.unsure = True, False
    progress.problem = progress.cancel_problem = None
    _next(progress, POLL_RUN, progress.after_a_wait(now, at_least=_seconds(answer.get("pollAfterSeconds"))))


def _poll_after_unsure(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """Only a read can tell whether the cancel was taken: to send it again unseen might hit a repaired run."""
    _note_sent(progress, now)
    progress.unsure = True
    _note_passing(progress, answer)
    progress.cancel_problem = progress.problem
    _next(progress, POLL_RUN, _after(progress, answer, now))


def _poll_at_once_or_later(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """The cancel was refused. A run that has just ended may refuse it, so the next read decides about the first one.

    After one that was accepted the wait goes on, and the next try is as far away as after a success.
    """
    if progress.accepted:
        progress.cancel_problem = _problem(answer, "error")
        progress.last_cancel_at = now
        _next(progress, POLL_RUN, progress.after_a_wait(now))
    else:
        progress.refusal = refusal = _problem(answer, "error")
        progress.refused = 0 if refusal.get("mendable") else progress.refused + 1
        _next(progress, POLL_RUN, now)


def _ask_again(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """The same step after a wait; a step that comes to the deadline without a read has one more."""
    _note_passing(progress, answer)
    step = progress.next_step
    if step == CANCEL_RUN:
        progress.cancel_problem = progress.problem
    if now < progress.deadline:
        _next(progress, step, _after(progress, answer, now))
    elif step == CANCEL_RUN:
        _next(progress, POLL_RUN, now)
    else:
        progress.outcome = Outcome.TIMED_OUT


def _ask_when_there_is_a_place(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """The same step at the time that the workspace's turnstile gave; the last read may come a little later."""
    wait, grace = max(_seconds(answer["later"]), 0.1), progress.schedule.last_read_grace_seconds
    if now < progress.deadline:
        _next(progress, progress.next_step, next_call_at(now, progress.deadline, wait))
    elif now < progress.deadline + timedelta(seconds=grace):
        _next(progress, progress.next_step, now + timedelta(seconds=min(wait, grace)))
    else:
        progress.outcome = Outcome.TIMED_OUT


def _reject_or_look_again(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """A refusal of the first look. Whoever asked over HTTP is told; of a message nobody would ask again."""
    if progress.order.from_queue:
        _doubt(progress, _problem(answer, "error"), now)
    else:
        _reject(progress, _problem(answer, "error"))


def _reject_or_mend(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    progress.doubts = 0
    _mend(progress, _problem(answer, "error"), READ_RUN, now)


def _doubt_then_reject(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    _doubt(progress, _problem(answer, "error"), now)


def _reject_or_poll_on(progress: Progress, answer: Mapping[str, Any], now: datetime) -> None:
    """The run could be read before, so this refusal may pass too: a token is in rotation, a proxy in the way."""
    if progress.refusal is not None:
        _reject_or_cancel_again(progress, progress.refusal, now)
    else:
        _ask_again(progress, {"passing": _problem(answer, "error")}, now)


Follow = Callable[[Progress, Mapping[str, Any], datetime], None]

FOLLOWS: dict[tuple[str, Answer], Follow] = {
    (READ_RUN, Answer.ENDED): _end,
    (READ_RUN, Answer.UNTOUCHED): _cancel_at_once,
    (READ_RUN, Answer.STOPPING): _cancel_at_once,
    (READ_RUN, Answer.LATER): _ask_when_there_is_a_place,
    (READ_RUN, Answer.PASSING): _ask_again,
    (READ_RUN, Answer.GONE): _reject_or_look_again,
    (READ_RUN, Answer.MENDABLE): _reject_or_mend,
    (READ_RUN, Answer.REFUSED): _reject_or_look_again,
    (CANCEL_RUN, Answer.ACCEPTED): _poll_after_accepted,
    (CANCEL_RUN, Answer.UNSURE): _poll_after_unsure,
    (CANCEL_RUN, Answer.LATER): _ask_when_there_is_a_place,
    (CANCEL_RUN, Answer.PASSING): _ask_again,
    (CANCEL_RUN, Answer.GONE): _poll_at_once_or_later,
    (CANCEL_RUN, Answer.MENDABLE): _poll_at_once_or_later,
    (CANCEL_RUN, Answer.REFUSED): _poll_at_once_or_later,
    # a cancel that was decided some time ago looks first, and may find that it is not needed any more
    (CANCEL_RUN, Answer.ENDED): _end,
    (CANCEL_RUN, Answer.UNTOUCHED): _poll_while_active,
    (CANCEL_RUN, Answer.STOPPING): _poll_while_active,
    (POLL_RUN, Answer.ENDED): _end,
    (POLL_RUN, Answer.UNTOUCHED): _poll_while_active,
    (POLL_RUN, Answer.STOPPING): _poll_while_active,
    (POLL_RUN, Answer.LATER): _ask_when_there_is_a_place,
    (POLL_RUN, Answer.PASSING): _ask_again,
    (POLL_RUN, Answer.GONE): _doubt_then_reject,
    (POLL_RUN, Answer.MENDABLE): _reject_or_poll_on,
    (POLL_RUN, Answer.REFUSED): _reject_or_poll_on,
}

# -- the pieces of it --------------------------------------------------------------------------------------------------


def _next(progress: Progress, step: str, at: datetime) -> None:
    progress.next_step, progress.next_at = step, at


def _note_sent(progress: Progress, now: datetime) -> None:
    progress.cancels += 1
    progress.sent(CANCEL_RUN, now)
    progress.last_cancel_at = now
    progress.cancel_requested_at = progress.cancel_requested_at or now
    progress.refusal = progress.blocked = None
    progress.refused = 0


def _note_passing(progress: Progress, answer: Mapping[str, Any]) -> None:
    problem = _problem(answer, "passing")
    progress.retries += 1
    progress.throttled += problem.get("statusCode") == HTTPStatus.TOO_MANY_REQUESTS
    progress.problem = problem


def _problem(answer: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What stood in the way; of an answer that only another release knows, that it is one."""
    told = answer.get(kind)
    unknown = error_json("UnknownAnswer", "The activity answered as only another version of the app does.")
    return {**unknown, **told} if isinstance(told, dict) else unknown


def _after(progress: Progress, answer: Mapping[str, Any], now: datetime) -> datetime:
    """After a wait and the ``Retry-After``, which may not postpone an order that has not been carried out for long."""
    asked = _seconds(_problem(answer, "passing").get("retryAfterSeconds"))
    ceiling = progress.schedule.retry_after_ceiling_seconds
    return progress.after_a_wait(now, at_least=asked if progress.accepted else min(asked, ceiling))


def _doubt(progress: Progress, error: dict[str, Any], now: datetime) -> None:
    """Something in between may have answered: it is asked once more, and then believed."""
    progress.doubts += 1
    if progress.doubts > 1 or now >= progress.deadline:
        _reject(progress, error)
        return
    _try_again(progress, error, progress.next_step, now, progress.schedule.look_again_after_seconds)


def _reject_or_cancel_again(progress: Progress, refusal: dict[str, Any], now: datetime) -> None:
    """The first cancel was refused; for an order from the queue it may have been something in between that did."""
    if progress.order.from_queue and progress.refused == 1 and now < progress.deadline:
        _try_again(progress, refusal, CANCEL_RUN, now, progress.schedule.look_again_after_seconds)
    else:
        _mend(progress, refusal, CANCEL_RUN, now)


def _mend(progress: Progress, error: dict[str, Any], step: str, now: datetime) -> None:
    """An operator can mend it: an order from the queue, which nobody repeats, is tried again until the deadline."""
    if not (progress.order.from_queue and error.get("mendable")) or now >= progress.deadline:
        _reject(progress, error)
        return
    schedule = progress.schedule
    _try_again(
        progress, error, step, now, schedule.mend_seconds if progress.blocked else schedule.look_again_after_seconds
    )
    progress.blocked = error.get("code", "Unknown")


def _try_again(progress: Progress, error: dict[str, Any], step: str, now: datetime, seconds: float) -> None:
    progress.retries += 1
    progress.problem = error
    _next(progress, step, next_call_at(now, progress.deadline, seconds))


def _reject(progress: Progress, error: dict[str, Any]) -> None:
    progress.problem = progress.refusal or error
    progress.outcome = Outcome.REJECTED


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
