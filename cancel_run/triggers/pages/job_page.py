"""The page of a job's runs: how each is doing, and what to do about the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from cancel_run.cancellation.stored import moment
from cancel_run.job.result import JobOutcome
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.job_starting import JobInstance
from cancel_run.triggers.pages import runbook, words
from cancel_run.triggers.pages.layout import Place, clock, facts, page, who
from cancel_run.triggers.pages.markup import el

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from cancel_run.triggers.pages.markup import Node
    from cancel_run.triggers.replies import Reply

# how it ended -> the badge's words and colour, the outcome in a sentence, what to do
_ENDED: dict[str, tuple[str, str, str, str]] = {
    JobOutcome.STOPPED: (
        "All stopped",
        "good",
        "Every run that was to be canceled is stopped, and the job was then listed without one.",
        "Nothing is left to do.",
    ),
    JobOutcome.NOT_STOPPED: (
        "Not all stopped",
        "bad",
        "A run of the job may still be active: the list below tells which.",
        "Open each run below that is not stopped, and ask again for the job once what stood in the way is mended.",
    ),
    JobOutcome.WOULD_CANCEL: (
        "Would be canceled",
        "calm",
        "Active runs were found, and would have been canceled.",
        "Ask without dryRun.",
    ),
    JobOutcome.EXPIRED: (
        "Not canceled: the order was too old",
        "bad",
        "Nothing was sent, so the runs go on: the order was too old when it was taken up.",
        "Ask again if the runs are still to stop.",
    ),
    JobOutcome.REJECTED: (
        "Not canceled: refused",
        "bad",
        "The app did not cancel the runs: that was refused, and to ask again alone changes nothing.",
        "What stood in the way is below.",
    ),
    JobOutcome.FAILED: (
        "Broken off",
        "bad",
        "The orchestration of the job broke off. The cancellations that it has begun go on by themselves.",
        "Its exception is in Application Insights. Ask again to start afresh.",
    ),
}
_NONE_FOUND = (  # of the kind that was asked for
    "No {} run",
    "calm",
    "The job was listed, and no {} run was found: nothing was sent.",
    "Nothing, if that was to be expected. Otherwise see that it is the id of a job, and not of a run.",
)
_UNDER_WAY = ("Under way", "busy", "The runs of the job are being canceled.", "Nothing: the app goes on by itself.")
# of a run whose cancellation did not end within the job's order, whatever it is called there
_UNTOLD = {"StillUnderWay": words.Badge("Goes on", "busy"), "NotBegun": words.Badge("Not begun", "bad")}


def job_page(place: Place, reply: Reply) -> Reply:
    """The page of the answer about a job's runs, a result or what is under way."""
    told = reply.body
    known = JobInstance.of(unquote(urlsplit(place.url).path.rpartition("/")[2]))
    job_id, workspace = (known.job_id, known.workspace) if known else (told.get("jobId"), told.get("workspace"))
    rehearsal = bool(told.get("dryRun")) or (known is not None and known.dry_run)
    active = told.get("outcome") is None
    *_, sentence, step = _words(told)
    badge = badge_of({**told, "dryRun": rehearsal})
    only = known.only if known else told.get("only")
    title = name_of(job_id, workspace, only)
    runs = _runs(told)
    lines = [_line(place, one, workspace, only, rehearsal=rehearsal) for one in runs]
    content: list[Node] = [
        el("h1", title),
        el("p", badge.element()),
        el(
            "p",
            "This was a rehearsal, which sends nothing. " if rehearsal and not active else None,
            sentence,
            class_="lead",
        ),
        el(
            "section",
            el("h2", "What to do", id="next"),
            el("p", _step(told, step)),
            class_="next",
            aria_labelledby="next",
        ),
        el("h2", f"{len(runs)} run{'' if len(runs) == 1 else 's'}"),
        el("ul", lines, class_="list") if lines else el("p", "No run is known yet." if active else "There is none."),
        el("section", el("h2", "Who and why", id="who"), facts(who(told)), aria_labelledby="who"),
        el("section", el("h2", "The facts", id="facts"), facts(_facts(told)), aria_labelledby="facts"),
    ]
    seconds = int(reply.headers.get("Retry-After", "5")) if active else None
    return page(place, reply, f"{badge.text}: {title}", content, refresh_seconds=seconds)


def badge_of(told: Mapping[str, Any]) -> words.Badge:
    """Of a result, or of a line of the list."""
    text, kind, *_ = _words(told)
    return words.Badge(f"Rehearsal: {text}" if told.get("dryRun") else text, kind)


def _words(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    outcome = told.get("outcome")
    if outcome == JobOutcome.STOPPED and told.get("found") == 0:
        text, kind, sentence, step = _NONE_FOUND
        which = "queued" if told.get("only") else "active"
        return text.format(which), kind, sentence.format(which), step
    if outcome == JobOutcome.NOT_STOPPED and told.get("truncated"):
        return _too_many(told)
    return _UNDER_WAY if outcome is None else _ENDED.get(str(outcome), _ENDED["failed"])


def _too_many(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Of more runs than the order could take, those that it took may all be stopped."""
    badge, kind, sentence, step = _ENDED[JobOutcome.NOT_STOPPED]
    left = "The job had more active runs than maxRuns, and the others were left alone."
    more = "Ask again for the job for the next of them, or for more at once with maxRuns."
    if all(run.get("stopped") for run in _runs(told)):
        return badge, kind, left, more
    return badge, kind, f"{left} {sentence}", f"{more} {step}"


def name_of(job_id: Any, workspace: Any, only: Any) -> str:
    """What an order for a job's runs is called."""
    return f"Job {job_id} in {workspace}" + (": queued runs only" if only else "")


def _step(told: Mapping[str, Any], otherwise: str) -> list[Node]:
    """What the runbook says to what stands in the way, where it says something."""
    code = _code(told)
    return words.rich(words.sentence(runbook.CODES[code]) if code in runbook.CODES else otherwise)


def _code(told: Mapping[str, Any]) -> str:
    error = told.get("error")
    return str(error.get("code")) if isinstance(error, dict) else ""


def _runs(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    progress = told.get("progress")
    runs = (progress if isinstance(progress, dict) else told).get("runs")
    return [one for one in runs if isinstance(one, dict)] if isinstance(runs, list) else []


def _line(place: Place, one: Mapping[str, Any], workspace: Any, only: Any, *, rehearsal: bool) -> Element:
    run_id = one.get("runId")
    instance_id = str(InstanceId(str(workspace), run_id, rehearsal, only)) if type(run_id) is int else None
    name = f"Run {run_id}"
    state = one.get("finalLifeCycleState") or one.get("lifeCycleState")
    return el(
        "li",
        el("h2", el("a", name, href=place.path(instance_id)) if instance_id else name),
        (_UNTOLD.get(_code(one)) or words.badge({**one, "dryRun": False})).element(),
        el("p", f"The run was last seen {state}.") if isinstance(state, str) else None,
    )


def _facts(told: Mapping[str, Any]) -> Iterator[tuple[str, Node | list[Node]]]:
    progress = told.get("progress")
    counts: Mapping[str, Any] = progress if isinstance(progress, dict) else {}
    for name, key in (("Stopped", "stopped"), ("Not stopped", "notStopped"), ("Under way", "underWay"), ("Due", "due")):
        yield name, str(counts[key]) if type(counts.get(key)) is int else None
    if told.get("truncated") or counts.get("truncated"):
        yield "Left alone", "there were more runs than maxRuns"
    meanwhile = told.get("startedMeanwhile")
    if isinstance(meanwhile, list):
        yield "Started meanwhile", ", ".join(str(run_id) for run_id in meanwhile)
    for name, value in (
        ("Begun", told.get("startedAt")),
        ("Ended", told.get("endedAt")),
        ("Waits until", counts.get("deadline")),
    ):
        at = moment(value)
        yield name, clock(at) if at else None
    problem = told.get("error") or counts.get("problem")
    if isinstance(problem, dict):
        yield "In the way", [el("code", str(problem.get("code") or "?")), " ", str(problem.get("message") or "")]
