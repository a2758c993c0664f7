"""What follows from each answer for the cancellation of a job's runs: an answer and the time go in.

The answers are those of ``listActiveRuns``, ``startCancellations`` and ``readCancellations``. It is longer than most:
there is a function for each kind of answer at each step.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.result import error_json
from cancel_run.cancellation.schedule import next_call_at
from cancel_run.job.child import Child
from cancel_run.job.progress import JobProgress, Step
from cancel_run.job.result import JobOutcome
from cancel_run.text import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPS = error_json("ListingLoops", "The workspace gave a page token twice: what it listed may lack some runs.")
_TOO_LONG = error_json("ListingTooLong", "The workspace listed more pages than are read: some runs may be missing.")
_NO_TURN = error_json("NoTurn", "The workspace was too busy to be asked once more at the deadline.")


def note(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    """``progress`` knows what ``answer`` told, and what comes next."""
    progress.calls += 1
    match progress.step:
        case Step.LIST | Step.LIST_AGAIN:
            _note_listing(progress, answer, now)
        case Step.BEGIN:
            _note_begun(progress, answer, now)
        case Step.LOOK:
            _note_seen(progress, answer, now)
        case _:
            _note_told(progress, answer, now)


# -- a page of a listing -----------------------------------------------------------------------------------------------


def _note_listing(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    if isinstance(answer.get("page"), dict):
        _note_page(progress, answer["page"], now)
    elif "later" in answer:
        _ask_when_there_is_a_place(progress, answer, now)
    elif "error" in answer and not progress.pages and progress.step == Step.LIST:
        _reject_or_mend(progress, _noted(progress, answer), now)
    else:
        _ask_again(progress, _noted(progress, answer), now)


def _note_page(progress: JobProgress, page: Mapping[str, Any], now: datetime) -> None:
    """Its runs are known; a token that leads round in a circle ends the listing."""
    progress.tries, progress.problem = 0, None
    progress.pages += 1
    runs = [run for run in page.get("runs") or () if isinstance(run, dict)]
    if progress.step == Step.LIST:
        known = {child.run_id for child in progress.children}
        progress.children += [
            Child(run["runId"], run.get("state", ""), bool(run.get("queued")))
            for run in runs
            if run["runId"] not in known
        ]
    else:
        progress.active_again = [*dict.fromkeys([*progress.active_again, *(run["runId"] for run in runs)])]
    token = page.get("next")
    mark = fingerprint(token.encode("utf-8", "replace")) if token else ""
    if not token:
        _listed(progress, now)
    elif mark in progress.tokens:
        _listed(progress, now, lacks=_LOOPS)
    elif progress.pages >= progress.order.plan.page_limit:
        _listed(progress, now, lacks=_TOO_LONG)
    else:
        progress.tokens.append(mark)
        progress.page_token = token
        progress.next_at = now


def _listed(progress: JobProgress, now: datetime, *, lacks: Mapping[str, Any] | None = None) -> None:
    """The listing is over, whole or not. The last one, which is a rehearsal's only one, says what may be missing."""
    again = progress.step == Step.LIST_AGAIN
    progress.page_token, progress.tokens, progress.tries = None, [], 0
    if again or not progress.children or progress.order.dry_run:
        progress.incomplete = dict(lacks) if lacks else None
    else:
        progress.pages = 0
        progress.problem = dict(lacks) if lacks else None
    if again:
        progress.next(Step.TELL, now)
        _tell_or_end(progress)
        return
    most = progress.order.max_runs
    progress.truncated = len(progress.children) > most
    first = sorted(progress.children, key=lambda child: not child.queued)
    progress.children = first[:most]
    progress.left_alone = [child.run_id for child in first[most:]] or None
    progress.moved_at = now
    if not progress.children:
        progress.conclude()
        return
    progress.turned = True
    _go_on(progress, now)


def _reject_or_mend(progress: JobProgress, error: Mapping[str, Any], now: datetime) -> None:
    """The job may not be listed. Of a message nobody would ask again: its order waits until somebody has mended it."""
    mendable, schedule = error.get("mendable"), progress.schedule
    strange = not mendable and progress.tries == 1  # something in between may have answered
    if progress.order.from_queue and (mendable or strange) and now < progress.deadline:
        seconds = schedule.look_again_after_seconds if progress.tries == 1 else schedule.mend_seconds
        progress.next_at = next_call_at(now, progress.deadline, seconds)
    else:
        progress.refusal, progress.outcome = dict(error), JobOutcome.REJECTED


def _ask_again(progress: JobProgress, problem: Mapping[str, Any], now: datetime) -> None:
    """The same page after a wait. A page that fails again and again does not keep what was found from being stopped."""
    plan = progress.order.plan
    tries = plan.last_tries if now >= progress.deadline else plan.page_tries if progress.pages else None
    refused = progress.step == Step.LIST_AGAIN and "mendable" in problem
    if tries is None and refused:
        tries = plan.page_tries
    if tries is not None and progress.tries >= tries:
        _listed(progress, now, lacks=problem)
        return
    asked = problem.get("retryAfterSeconds")
    wait = float(asked) if isinstance(asked, int | float) else 0.0
    ceiling = progress.schedule.retry_after_ceiling_seconds
    progress.next_at = progress.after_a_wait(now, at_least=min(wait, ceiling))


def _ask_when_there_is_a_place(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    wait = max(float(answer["later"]), 0.1)
    if now < progress.deadline:
        progress.next_at = next_call_at(now, progress.deadline, wait)
    elif now < progress.last_look:
        progress.next_at = next_call_at(now, progress.last_look, wait)
    else:
        _listed(progress, now, lacks=_NO_TURN)


# -- the cancellations -------------------------------------------------------------------------------------------------


def _note_begun(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    """Those that the answer names are under way; the others of the batch are still due."""
    begun = {one["runId"]: one for one in answer.get("begun") or () if isinstance(one, dict)}
    for child in progress.children:
        if child.due and child.run_id in begun:
            child.began_at = now
            child.joined = begun[child.run_id].get("joined")
    if begun:
        progress.moved_at, progress.problem, progress.tries = now, None, 0
    if not begun or "problem" in answer:
        _noted(progress, answer)
    _go_on(progress, now, begins=bool(begun))


def _note_seen(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    """Those that have ended are known; one that is another order's now is due again."""
    ended = {one["runId"]: one for one in answer.get("ended") or () if isinstance(one, dict)}
    lost = set(answer.get("lost") or ())
    for child in progress.children:
        if child.under_way and child.run_id in ended:
            told = ended[child.run_id]
            if child.joined and not told.get("stopped") and now < progress.deadline:
                child.began_at = child.joined = None  # it was another order's wait that was over
                continue
            child.ended, child.stopped = True, bool(told.get("stopped"))
            child.outcome, child.state = told.get("outcome"), told.get("state") or child.state
        elif child.under_way and child.run_id in lost:
            child.began_at = child.joined = None
    progress.problem = None
    if ended:
        progress.moved_at, progress.tries = now, 0
    if "ended" not in answer or "problem" in answer:
        _noted(progress, answer)
    _go_on(progress, now)


def _go_on(progress: JobProgress, now: datetime, *, begins: bool = True) -> None:
    """What is next for the cancellations: some more begin, or those under way are looked at, or the job is."""
    under_way = any(child.under_way for child in progress.children)
    late = now >= progress.deadline
    batch = [] if late else progress.batch(now)
    if batch and begins:
        progress.next(Step.BEGIN, now)
    elif under_way and now < progress.last_look:
        progress.next(Step.LOOK, progress.after_a_wait(now))
    elif batch:
        progress.next(Step.BEGIN, progress.after_a_wait(now))
    elif progress.order.dry_run:
        progress.next(Step.TELL, now)
        _tell_or_end(progress)
    else:
        progress.tries = 0
        progress.next(Step.LIST_AGAIN, now)


def _note_told(progress: JobProgress, answer: Mapping[str, Any], now: datetime) -> None:
    """Some results are there; those that cannot be read are told by what is known without them."""
    told = [one for one in answer.get("ended") or () if isinstance(one, dict) and isinstance(one.get("result"), dict)]
    progress.results.update({one["runId"]: one["result"] for one in told})
    progress.tries = 0 if told else progress.tries + 1
    progress.next_at = now if told else now + timedelta(seconds=progress.schedule.first_seconds)
    if progress.tries >= progress.order.plan.last_tries:
        progress.conclude()
    else:
        _tell_or_end(progress)


def _tell_or_end(progress: JobProgress) -> None:
    if not progress.ask_to_tell()["runs"]:
        progress.conclude()


def _noted(progress: JobProgress, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What stood in the way; of an answer that only another release knows, that it is one."""
    found = (answer.get(key) for key in ("error", "passing", "problem"))
    told: dict[str, Any] = next((one for one in found if isinstance(one, dict)), {})
    unknown = error_json("UnknownAnswer", "The activity answered as only another version of the app does.")
    progress.problem = {**unknown, **told}
    progress.tries += 1
    progress.retries += 1
    return progress.problem
