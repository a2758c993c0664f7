"""When the first poll of a burst's cancellations comes, in simulated time."""

from __future__ import annotations

import pytest

from cancel_run.databricks.crowd import FEW, LONGEST_SECONDS, WINDOW_SECONDS, Crowd
from tests.support.manual_clock import ManualClock

BURST = 400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def crowd(clock: ManualClock) -> Crowd:
    return Crowd(clock)


def test_a_few_poll_when_the_schedule_says(crowd: Crowd) -> None:
    for _ in range(FEW):
        crowd.waits("prod")
    assert [crowd.poll_after("prod") for _ in range(FEW)] == [0.0] * FEW


def test_in_a_burst_the_first_wait_for_the_cancels_of_the_last_and_not_for_ever(crowd: Crowd) -> None:
    for _ in range(BURST):
        crowd.waits("prod")
    told = [crowd.poll_after("prod") for _ in range(BURST)]
    assert told[0] == LONGEST_SECONDS
    assert told == sorted(told, reverse=True)
    assert told[-1] == 0.0


def test_a_burst_of_one_workspace_is_none_of_another(crowd: Crowd) -> None:
    for _ in range(BURST):
        crowd.waits("prod")
    crowd.waits("test")
    assert crowd.poll_after("test") == 0.0
    assert crowd.poll_after(None) == 0.0


def test_what_another_process_cancels_is_not_waited_for_longer_than_the_window(
    crowd: Crowd, clock: ManualClock
) -> None:
    for _ in range(BURST):
        crowd.waits("prod")
    clock.sleep(WINDOW_SECONDS + 0.1)
    assert crowd.poll_after("prod") == 0.0
