"""The places that a workspace may hold, in simulated time."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest

from cancel_run.databricks.bulkhead import LONGEST_SECONDS, POLLS_LEAVE, SILENT_AFTER, Bulkhead
from cancel_run.databricks.looks import LOOKS_A_SECOND
from tests.support.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = 15
TIMEOUT = 10.0
HEALS = 200.0  # seconds after the beginning


class Crowd:
    """So many callers, each of which wants one call answered; what they did, in seconds since the beginning."""

    def __init__(self, callers: int, seconds_of_a_call: Callable[[float], float]) -> None:
        self.entered: list[float] = []
        self.turned_away: list[float] = []
        self.served: list[float] = []
        self.inside_at_most: list[tuple[float, int]] = []  # when, and how many were inside
        clock = ManualClock()
        bulkhead, began = Bulkhead(PLACES, clock), clock.time
        order = itertools.count()
        coming = [(began, next(order), 0.0, True) for _ in range(callers)]
        inside = 0
        while coming:
            clock.time, _, took, answered = heapq.heappop(coming)
            at = clock.time - began
            if took:
                inside -= 1
                bulkhead.leave(took, answered=answered)
                if answered:
                    self.served.append(at)
                    continue
                heapq.heappush(coming, (clock.time + 1.0, next(order), 0.0, True))
            elif wait := bulkhead.enter(first=True):
                self.turned_away.append(at)
                heapq.heappush(coming, (clock.time + wait, next(order), 0.0, True))
            else:
                inside += 1
                self.entered.append(at)
                self.inside_at_most.append((at, inside))
                seconds = seconds_of_a_call(at)
                ends = clock.time + min(seconds, TIMEOUT)
                heapq.heappush(coming, (ends, next(order), min(seconds, TIMEOUT), seconds < TIMEOUT))


def busiest_second(moments: list[float]) -> int:
    """The most of them within a second."""
    return max((sum(at <= other < at + 1 for other in moments) for at in moments), default=0)


@pytest.mark.parametrize("callers", [200, 1000])
def test_a_silence_is_no_storm_and_ends_soon_for_all_when_the_workspace_answers_again(callers: int) -> None:
    crowd = Crowd(callers, lambda at: 0.2 if at > HEALS else 3600.0)
    assert max(inside for _, inside in crowd.inside_at_most) == PLACES
    # some come back as if the workspace were well; then they know
    knows = 5 * TIMEOUT
    assert sum(at < knows for at in crowd.turned_away) < 3 * callers + knows * LOOKS_A_SECOND
    silent = [at for at in crowd.turned_away if knows < at <= HEALS]
    assert busiest_second(silent) <= LOOKS_A_SECOND + 5
    # one at a time, once it has been seen that there is no answer
    assert {inside for at, inside in crowd.inside_at_most if TIMEOUT < at < HEALS} == {1}
    assert len(crowd.served) == callers
    assert max(crowd.served) < HEALS + TIMEOUT + LONGEST_SECONDS + callers / LOOKS_A_SECOND + 5


@pytest.mark.parametrize("seconds", [0.1, 1.0, 9.0])
def test_of_a_workspace_that_answers_the_places_are_used_and_few_come_in_vain(seconds: float) -> None:
    callers = 300
    crowd = Crowd(callers, lambda _: seconds)
    ideal = callers * seconds / PLACES
    assert max(crowd.served) < 1.35 * ideal + LONGEST_SECONDS
    assert len(crowd.turned_away) < 2 * callers + (LOOKS_A_SECOND + 1) * max(crowd.served)
    assert max(inside for _, inside in crowd.inside_at_most) == PLACES


# -- one step at a time ------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bulkhead(clock: ManualClock) -> Bulkhead:
    return Bulkhead(PLACES, clock)


def fill(bulkhead: Bulkhead, *, first: bool) -> int:
    """How many places were taken until there was none."""
    return next(count for count in itertools.count() if bulkhead.enter(first=first))


def time_out(bulkhead: Bulkhead, clock: ManualClock, times: int) -> None:
    for _ in range(times):
        assert not bulkhead.enter(first=True)
    clock.sleep(TIMEOUT)
    for _ in range(times):
        bulkhead.leave(TIMEOUT, answered=False)


def test_polls_leave_places_to_first_reads_and_cancels(bulkhead: Bulkhead) -> None:
    polls = fill(bulkhead, first=False)
    assert polls == PLACES - PLACES // POLLS_LEAVE
    assert polls + fill(bulkhead, first=True) == PLACES


def test_who_finds_no_place_comes_back_the_later_the_more_wait_before_it(bulkhead: Bulkhead) -> None:
    fill(bulkhead, first=True)
    told = [bulkhead.enter(first=True) for _ in range(5000)]
    assert told[:1000] == sorted(told[:1000])
    assert len(set(told)) == len(told)


def test_how_long_those_inside_have_taken_so_far_is_known_before_they_leave(
    bulkhead: Bulkhead, clock: ManualClock
) -> None:
    fill(bulkhead, first=True)
    soon = bulkhead.enter(first=True)
    clock.sleep(8.0)
    assert bulkhead.enter(first=True) > 20 * soon


def test_a_silent_workspace_is_asked_by_one_until_it_answers(bulkhead: Bulkhead, clock: ManualClock) -> None:
    time_out(bulkhead, clock, SILENT_AFTER - 1)
    assert not bulkhead.enter(first=False)
    bulkhead.leave(0.1, answered=True)  # not in a row
    time_out(bulkhead, clock, SILENT_AFTER)
    assert not bulkhead.enter(first=False)
    assert bulkhead.enter(first=True)
    bulkhead.leave(0.1, answered=True)
    assert fill(bulkhead, first=True) == PLACES


def test_a_workspace_with_few_places_still_takes_polls(clock: ManualClock) -> None:
    assert fill(Bulkhead(1, clock), first=False) == 1
