"""The page of one cancellation: what happened to the run, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.stored import moment
from cancel_run.triggers.pages import timeline, words
from cancel_run.triggers.pages.layout import Place, clock, facts, page, who
from cancel_run.triggers.pages.markup import el

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cancel_run.triggers.pages.markup import Node
    from cancel_run.triggers.replies import Reply


def cancellation_page(place: Place, reply: Reply, run_url: str | None) -> Reply:
    """The page of the answer about one cancellation, a result or what is under way.

    ``run_url`` is where the run is in Databricks, None where that is not known.
    """
    told = reply.body
    run_id, workspace = told.get("runId"), told.get("workspace")
    title = f"Run {run_id} in {workspace}"
    active = told.get("outcome") is None
    badge = words.badge(told)
    content: list[Node] = [
        el("h1", title),
        el("p", badge.element()),
        el("p", words.running(told) if active else words.ended(told), class_="lead"),
        el(
            "section",
            el("h2", "What to do", id="next"),
            (el("p", words.rich(step)) for step in words.next_steps(told)),
            el("p", el("a", "Open the run in Databricks", href=run_url, rel="noreferrer")) if run_url else None,
            class_="next",
            aria_labelledby="next",
        ),
        _timeline(place, told),
        el("section", el("h2", "Who and why", id="who"), facts(who(told)), aria_labelledby="who"),
        el("section", el("h2", "The facts", id="facts"), facts(_facts(told)), aria_labelledby="facts"),
    ]
    seconds = int(reply.headers.get("Retry-After", "5")) if active else None
    return page(place, reply, f"{badge.text}: {title}", content, refresh_seconds=seconds)


def _timeline(place: Place, told: Mapping[str, Any]) -> Node:
    drawn = timeline.Timeline.of(_over_time(told), place.now)
    if drawn is None:
        return None
    return el(
        "section",
        el("h2", "What happened", id="happened"),
        timeline.picture(drawn),
        timeline.legend(drawn),
        timeline.table(drawn),
        aria_labelledby="happened",
    )


def _over_time(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is under way has its times in its progress."""
    progress = told.get("progress")
    return {**told, **progress} if isinstance(progress, dict) else told


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[str, Node | list[Node]]]:
    told = _over_time(told)
    states = [told.get("finalLifeCycleState") or told.get("lifeCycleState"), told.get("resultState")]
    yield "State of the run", " ".join(state for state in states if isinstance(state, str))
    yield "Databricks says", _text(told.get("stateMessage"))
    yield "Job", " ".join(str(one) for one in (told.get("runName"), _number(told.get("jobId"))) if one)
    yield "Run begun by", _text(told.get("trigger"))
    for name, key in (("Begun", "startedAt"), ("First cancel", "cancelRequestedAt"), ("Stopped", "endedAt")):
        yield name, _time(told.get(key))
    if told.get("outcome") is None:
        yield "Next look", _time(told.get("nextPollAt"))
        yield "Waits until", _time(told.get("deadline"))
    for name, key in (("Cancels", "cancels"), ("Polls", "polls"), ("Calls made again", "retries")):
        yield name, _number(told.get(key))
    problem = told.get("error") or told.get("problem")
    if isinstance(problem, dict):
        yield "In the way", [el("code", str(problem.get("code") or "?")), " ", str(problem.get("message") or "")]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> str | None:
    return str(value) if type(value) is int else None


def _time(value: Any) -> Node:
    at = moment(value)
    return el("time", clock(at), datetime=str(value)) if at else None
