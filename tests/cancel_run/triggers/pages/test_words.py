"""What the pages say: each outcome in a sentence, and what to do as the runbook has it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cancel_run.cancellation.result import CancelResult, Outcome, error_json
from cancel_run.triggers.pages import runbook, words
from cancel_run.triggers.pages.stylesheet import SHEET
from cancel_run.triggers.pages.timeline import Timeline
from docs import runbook as docs_runbook

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def test_the_runbook_of_the_pages_is_the_one_of_the_docs() -> None:
    page = docs_runbook.SOURCE.read_text(encoding="utf-8")
    assert docs_runbook.TARGET.read_text(encoding="utf-8") == docs_runbook.written(page), "python -m docs.runbook"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_badge_a_sentence_and_a_next_step(outcome: Outcome) -> None:
    result = CancelResult(outcome=outcome, run_id=7).to_json()
    assert words.badge(result).text != outcome.value
    assert re.fullmatch(r"[A-Z].*\.", words.ended(result))
    assert (
        words.ended(result).startswith("The run is stopped")
        or not result["stopped"]
        or "already ended" in words.ended(result)
    )
    assert list(words.next_steps(result))


@pytest.mark.parametrize("code", runbook.CODES)
def test_every_code_says_what_to_do_in_the_words_of_the_runbook(code: str) -> None:
    result = CancelResult(outcome=Outcome.REJECTED, run_id=7, error=error_json(code, "...")).to_json()
    (step,) = words.next_steps(result)
    assert step[1:].rstrip(".?") in runbook.CODES[code]
    assert not [part for part in words.rich(step) if isinstance(part, str) and re.search(r"[`\[\]]", part)]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"finalLifeCycleState": "TERMINATING"}, "Its cluster is shutting down"),
        ({"finalLifeCycleState": "RUNNING"}, "Look at the run's page, and terminate its cluster"),
    ],
)
def test_what_to_do_after_a_time_out_depends_on_the_state(facts: dict[str, Any], said: str) -> None:
    (step,) = words.next_steps({**CancelResult(outcome=Outcome.TIMED_OUT, run_id=7).to_json(), **facts})
    assert step.startswith(said)


def test_a_continuous_job_and_a_repair_are_told_beside_the_outcome() -> None:
    result = CancelResult(outcome=Outcome.CANCELED, run_id=7, restarts_itself=True, repaired_since=True).to_json()
    assert [step.split()[0] for step in words.next_steps(result)] == ["Nothing", "The", "Somebody"]


@pytest.mark.parametrize(
    ("progress", "sentence", "step"),
    [
        ({}, "has not seen the run yet", "Nothing"),
        ({"lifeCycleState": "RUNNING"}, "no cancel has been taken", "Nothing"),
        ({"lifeCycleState": "RUNNING", "cancels": 2}, "sent 2 times; the run is still RUNNING", "Nothing"),
        ({"lifeCycleState": "TERMINATING", "cancels": 1}, "is stopping the run", "Nothing"),
        ({"overdueSeconds": 600}, "", "The next step has been due for 10 min"),
        ({"problem": {"code": "SecretNotFound"}}, "", "The vault has no secret"),
    ],
)
def test_what_is_under_way_is_told_in_a_sentence(progress: dict[str, Any], sentence: str, step: str) -> None:
    told = {"runId": 7, "runtimeStatus": "Running", "progress": progress}
    assert sentence in words.running(told)
    assert next(iter(words.next_steps(told))).startswith(step)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (147, "2 min 27 s"),
        (3600, "1 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_span_of_time_is_said_as_a_person_would(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_the_timeline_is_to_scale_and_has_the_calls_on_it() -> None:
    states = [("RUNNING", 0), ("TERMINATING", 30), ("TERMINATED", 120)]
    told = {
        "outcome": "canceled",
        "timeline": [{"lifeCycleState": state, "at": at(seconds)} for state, seconds in states],
        "sentAt": {"cancelRun": [at(1)], "pollRun": [at(30), at(60), at(120)]},
    }
    drawn = Timeline.of(told, NOW)
    assert drawn is not None
    places = [drawn.x(moment) for _, moment in drawn.states]
    assert (places[1] - places[0]) * 4 == pytest.approx(places[2] - places[0])
    assert [len(drawn.cancels), len(drawn.polls), drawn.seconds] == [1, 3, 120.0]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"timeline": "x", "sentAt": [1]},
        {"timeline": [None, {"at": 5}, {"lifeCycleState": "RUNNING"}]},
        {"sentAt": {"pollRun": None}},
    ],
)
def test_a_result_that_knows_no_times_has_no_timeline(told: dict[str, Any]) -> None:
    assert Timeline.of(told, NOW) is None


def test_a_result_of_an_earlier_release_has_its_first_cancel_on_the_timeline() -> None:
    drawn = Timeline.of({"outcome": "canceled", "cancelRequestedAt": at(3), "timeline": []}, NOW)
    assert drawn is not None
    assert (len(drawn.cancels), drawn.polls, drawn.seconds) == (1, (), 0.0)


def luminance(colour: str) -> float:
    """Of ``#abc`` or ``#aabbcc``, as WCAG 2.2 has it."""
    digits = colour[1:] if len(colour) > 4 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(scheme: int) -> None:
    colours = dict(re.findall(r"--(\w+): (#\w+);", SHEET.split("@media (prefers-color-scheme: dark)")[scheme]))
    pairs = [("on", state) for state in ("untouched", "stopping", "ended", "unknown")]
    pairs += [
        (text, ground)
        for text in ("ink", "quiet", "link", "good", "bad", "busy", "calm")
        for ground in ("paper", "panel")
    ]
    for text, ground in pairs:
        lighter, darker = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)
