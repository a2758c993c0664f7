"""When the next call is due: bounded, spread, and the same at every replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.schedule import Schedule, next_call_at, wait_seconds

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SCHEDULE = Schedule()


def test_waits_begin_at_a_second_grow_with_the_time_waited_and_end_at_a_minute() -> None:
    for number in range(700):
        base = min(max(1, 0.18 * number), 60)
        assert base <= wait_seconds(SCHEDULE, number, number, "prod-1") <= base * (1 + Schedule().jitter)


def test_a_cancel_without_effect_is_waited_for_more_patiently() -> None:
    for waited in range(700):
        base = min(max(1, 0.35 * waited), 60)
        assert (
            base <= wait_seconds(SCHEDULE, waited, waited, "prod-1", untouched=True) <= base * (1 + Schedule().jitter)
        )


def test_many_instances_are_spread_over_the_whole_jitter() -> None:
    waits = [wait_seconds(SCHEDULE, 1000, 40, f"prod-{run_id}") for run_id in range(1000)]
    counts = [sum(60 + low <= wait < 60 + low + 1 for wait in waits) for low in range(6)]
    assert min(counts) > 100


def test_one_instance_is_spread_anew_at_every_wait() -> None:
    assert len({wait_seconds(SCHEDULE, 1000, number, "prod-1") for number in range(100)}) == 100


@given(st.floats(0, 10**7), st.integers(0, 10**6), st.floats(0.05, 3600), st.floats(1, 100), st.text(max_size=90))
def test_any_wait_is_positive_bounded_and_the_same_again(
    waited: float, number: int, first: float, growth_room: float, instance_id: str
) -> None:
    schedule = Schedule(first, first * growth_room)
    for untouched in (False, True):
        wait = wait_seconds(schedule, waited, number, instance_id, untouched=untouched)
        assert first <= wait <= schedule.max_seconds * (1 + Schedule().jitter)
        assert wait == wait_seconds(schedule, waited, number, instance_id, untouched=untouched)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4), st.none() | st.floats(0, 1e300))
def test_the_next_call_is_never_in_the_past_nor_behind_the_deadline(
    left: float, wait: float, retry_after: float | None
) -> None:
    deadline = NOW + timedelta(seconds=left)
    due = next_call_at(NOW, deadline, wait, retry_after)
    assert NOW <= due <= max(NOW, deadline)
    assert due == max(NOW, deadline) or due >= NOW + timedelta(seconds=max(wait, retry_after or 0))
