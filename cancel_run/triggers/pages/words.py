"""What happened and what to do, in sentences for a person who was never here.

The facts are those of the JSON answer, which another release may have written: whatever is missing is left unsaid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.result import Outcome
from cancel_run.cancellation.states import LifeCycleState
from cancel_run.cancellation.stored import moment
from cancel_run.triggers.pages import runbook
from cancel_run.triggers.pages.markup import el

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cancel_run.triggers.pages.markup import Node

OVERDUE_SECONDS = 120  # a next step that has been due for so long: nobody watches the run now

# how it ended -> the badge's words and their colour
_BADGES: dict[str, tuple[str, str]] = {
    Outcome.CANCELED: ("Canceled", "good"),
    Outcome.ENDED_FIRST: ("Ended by itself", "good"),
    Outcome.ALREADY_ENDED: ("Had ended before", "good"),
    Outcome.TIMED_OUT: ("Not stopped: the wait is over", "bad"),
    Outcome.EXPIRED: ("Not canceled: the order was too old", "bad"),
    Outcome.REJECTED: ("Not canceled: refused", "bad"),
    Outcome.FAILED: ("Nobody is watching", "bad"),
    Outcome.WOULD_CANCEL: ("Would be canceled", "calm"),
}


@dataclass(frozen=True)
class Badge:
    """A word or two, and the class of its colour."""

    text: str
    kind: str

    def element(self) -> Node:
        """The badge as it stands on a page."""
        return el("span", self.text, class_=f"badge {self.kind}")


def badge(told: Mapping[str, Any]) -> Badge:
    """Of a result, or of an answer or a line of the list about what is under way."""
    found = _badge(told)
    return Badge(f"Rehearsal: {found.text}", found.kind) if told.get("dryRun") else found


def _badge(told: Mapping[str, Any]) -> Badge:
    outcome = told.get("outcome")
    if outcome is None:
        paused = told.get("runtimeStatus") == "Suspended"
        return Badge("Suspended", "bad") if paused else Badge("Under way", "busy")
    return Badge(*_BADGES.get(str(outcome), (str(outcome), "good" if told.get("stopped") else "bad")))


def ended(result: Mapping[str, Any]) -> str:
    """The outcome in one sentence."""
    outcome, state = result.get("outcome"), _end(result)
    error = _of(result, "error")
    sentences: dict[str, str] = {
        Outcome.CANCELED: f"The run is stopped: it was canceled at this app's request{_after(result)}.",
        Outcome.ENDED_FIRST: f"The run is stopped: it ended by itself{state} while it was being canceled.",
        Outcome.ALREADY_ENDED: f"The run had already ended{state} when the app first looked, so no cancel was sent.",
        Outcome.TIMED_OUT: (
            "The run may still be active: when the wait was over it could not be read, or something stood in the way."
            if error
            else f"The run is still active{state}: Databricks took the cancel, and the wait was over before it stopped."
        ),
        Outcome.EXPIRED: "Nothing was sent, so the run goes on: the order was too old when it was taken up.",
        Outcome.REJECTED: "The app did not cancel the run: that was refused, and to ask again alone changes nothing.",
        Outcome.FAILED: (
            "The cancellation broke off: nobody is watching the run any more, and whether it has stopped is not known."
        ),
        Outcome.WOULD_CANCEL: "The run is active, and would have been canceled.",
    }
    unknown = "The run is stopped." if result.get("stopped") else "The run was not seen to stop."
    said = sentences.get(str(outcome), unknown)
    return f"This was a rehearsal, which sends nothing. {said}" if result.get("dryRun") else said


def running(answer: Mapping[str, Any]) -> str:
    """How what is under way is doing, in one sentence."""
    progress = _of(answer, "progress")
    state, cancels = progress.get("lifeCycleState"), _number(progress, "cancels")
    if answer.get("runtimeStatus") == "Suspended":
        return "An operator has suspended this cancellation: nobody is watching the run until it is resumed."
    if state is None and not cancels:
        return "The cancellation has begun; the app has not seen the run yet."
    if not cancels:
        return f"The run is {state}; no cancel has been taken yet."
    if state == LifeCycleState.TERMINATING:
        return "Databricks has taken the cancel and is stopping the run."
    times = "once" if cancels == 1 else f"{cancels} times"
    return f"A cancel was sent {times}; the run is still {state or 'active'}."


def next_steps(told: Mapping[str, Any]) -> Iterator[str]:
    """What to do now, of a result or of what is under way: sentences, with names in backticks."""
    outcome = told.get("outcome")
    if outcome is None:
        yield from _next_while_running(told)
        return
    outcome, code = str(outcome), str(_of(told, "error").get("code"))
    if code in runbook.CODES and outcome != Outcome.FAILED:
        yield sentence(runbook.CODES[code])
    elif outcome == Outcome.TIMED_OUT:
        terminating = told.get("finalLifeCycleState") == LifeCycleState.TERMINATING
        yield sentence(runbook.SHUTTING_DOWN if terminating else runbook.GOES_ON)
    elif told.get("stopped"):
        yield "Nothing is left to do."
    elif outcome in runbook.OUTCOMES:
        yield sentence(runbook.OUTCOMES[outcome])
    else:
        yield "Look at the run in Databricks, and ask again if it is still to stop."
    if told.get("restartsItself"):
        yield "The run is of a continuous job, which starts the next one by itself: to stop it, pause the job."
    if told.get("repairedSince"):
        yield "Somebody has repaired the run since it stopped. The repair was left alone: ask again to cancel it."


def _next_while_running(told: Mapping[str, Any]) -> Iterator[str]:
    progress = _of(told, "progress")
    overdue = _number(progress, "overdueSeconds")
    if told.get("runtimeStatus") == "Suspended":
        yield "Resume the instance, or cancel the run in Databricks."
        return
    if overdue >= OVERDUE_SECONDS:
        yield (
            f"The next step has been due for {duration(overdue)}: the app is stopped, busy, or older than what began "
            "this. Look at the app; if it is urgent, cancel the run in Databricks."
        )
    code = str(_of(progress, "problem").get("code"))
    if code in runbook.CODES:
        yield sentence(runbook.CODES[code])
    elif overdue < OVERDUE_SECONDS:
        yield "Nothing: the app goes on looking by itself, and this page with it."


def duration(seconds: float) -> str:
    """A span of time as a person says it."""
    whole = max(0, round(seconds))
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            rest = whole % size * {86_400: 24, 3600: 60, 60: 60}[size] // size
            smaller = {"d": "h", "h": "min", "min": "s"}[name]
            return f"{whole // size} {name} {rest} {smaller}" if rest else f"{whole // size} {name}"
    return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{whole} s"  # noqa: PLR2004  # tenths tell in a few seconds alone


def rich(text: str) -> list[Node]:
    """A sentence of the runbook: what stands in backticks as a name, a link to a page of docs/ without its address."""
    plain = re.sub(r" \(\[[^\]]*\]\([^)]*\)\)", "", text)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    return [el("code", part) if number % 2 else part for number, part in enumerate(plain.split("`"))]


def sentence(text: str) -> str:
    """``text`` with a capital letter and a full stop."""
    begun = text if text.startswith("`") else text[:1].upper() + text[1:]
    return begun if begun.endswith(("?", ".")) else begun + "."


def _end(result: Mapping[str, Any]) -> str:
    states = [result.get("finalLifeCycleState"), result.get("resultState")]
    told = " ".join(state for state in states if isinstance(state, str))
    return f" ({told})" if told else ""


def _after(result: Mapping[str, Any]) -> str:
    asked, stopped = moment(result.get("cancelRequestedAt")), moment(result.get("endedAt"))
    return f", {duration((stopped - asked).total_seconds())} after the first cancel" if asked and stopped else ""


def _of(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, dict) else {}


def _number(told: Mapping[str, Any], key: str) -> int:
    value = told.get(key)
    return value if isinstance(value, int) else 0
