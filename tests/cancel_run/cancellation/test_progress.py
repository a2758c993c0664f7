"""What is carried over continue_as_new is all that is known: cut at any point, a cancellation goes on the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.conclusions import note
from cancel_run.cancellation.progress import CANCEL_RUN, TIMELINE_LIMIT, Progress
from cancel_run.cancellation.schedule import Schedule
from tests.support.scripts import ANSWERS, BUSY, CANCELED, DENIED, NOT_FOUND, ORDER, accepted, run

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INPUT = {**ORDER, "version": 1}


def fresh(**order: Any) -> Progress:
    return Progress.load({**INPUT, **order}, "prod-1", NOW)


def through_json(progress: Progress) -> Progress:
    return Progress.load(json.loads(json.dumps(progress.to_json())), "prod-1", NOW + timedelta(days=1))


def seen(progress: Progress) -> Any:
    return (
        progress.custom_status(),
        progress.outcome,
        progress.timeline,
        progress.outcome and progress.result().to_json(),
    )


@given(
    st.lists(st.sampled_from([run("RUNNING"), BUSY, DENIED, NOT_FOUND, CANCELED]) | ANSWERS, max_size=12),
    st.sampled_from([accepted, BUSY, DENIED]),
    st.lists(st.floats(0, 300), min_size=12, max_size=12),
)
def test_a_progress_cut_at_every_step_goes_on_as_one_that_was_not(
    answers: list[Any], cancel: Any, gaps: list[float]
) -> None:
    whole, cut, now = fresh(), fresh(), NOW
    for answer, gap in zip(answers, gaps, strict=False):
        if whole.outcome is not None or isinstance(answer, Exception):
            break
        now = max(now, whole.next_at) + timedelta(seconds=gap)
        step = whole.next_step
        said = cancel if step == CANCEL_RUN else answer
        cut = through_json(cut)
        note(whole, step, said, now)
        note(cut, step, said, now)
        assert seen(whole) == seen(cut)


def test_a_run_that_flaps_for_days_does_not_grow_what_is_carried() -> None:
    progress = fresh(waitTimeoutSeconds=604800)
    note(progress, "readRun", run("RUNNING"), NOW)
    note(progress, "cancelRun", accepted, NOW)
    for number in range(1000):
        note(progress, "pollRun", run("TERMINATING" if number % 2 else "PENDING"), NOW + timedelta(seconds=number))
    assert len(progress.timeline) == TIMELINE_LIMIT
    assert progress.timeline[0]["lifeCycleState"] == "RUNNING"
    assert progress.timeline[-1]["lifeCycleState"] == "TERMINATING"
    assert len(json.dumps(progress.to_json())) < 16_000


def test_an_order_begun_keeps_its_start_and_deadline() -> None:
    progress = through_json(fresh(waitTimeoutSeconds=60))
    assert progress.deadline == NOW + timedelta(seconds=60)


def test_an_order_without_a_schedule_or_a_wait_has_the_defaults() -> None:
    progress = Progress.load({"runId": 1}, "prod-1", NOW)
    assert (progress.schedule, progress.deadline - NOW) == (Schedule(), timedelta(hours=1))
