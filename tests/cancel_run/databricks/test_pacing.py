"""The pace at which a throttling workspace is asked, in simulated time.

It is longer than most: the simulation that the cases share stands with them.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest

from cancel_run.clock import SystemClock
from cancel_run.databricks.looks import LOOKS_A_SECOND
from cancel_run.databricks.pacing import (
    AHEAD,
    FORGOTTEN_SECONDS,
    LESS,
    LONGEST_SECONDS,
    UNKNOWN_RATE,
    UNTOLD_SECONDS,
    Pace,
    risen,
)
from tests.support.manual_clock import ManualClock

THREADS = 32
ROUND_TRIP = 0.02  # seconds


class Workspace:
    """Takes so many requests within any second."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: deque[float] = deque()
        self.asked: list[tuple[float, bool]] = []  # when, and whether it was taken

    def takes(self, now: float) -> bool:
        while self._taken and now - self._taken[0] > 1:
            self._taken.popleft()
        taken = len(self._taken) < self._limit
        if taken:
            self._taken.append(now)
        self.asked.append((now, taken))
        return taken


def simulate(limit: int, seconds: float, processes: int = 1, *, first: bool = False) -> list[list[tuple[float, bool]]]:
    """What each process asked, in order, when every thread of each has always a next request to send."""
    clock, workspace = ManualClock(), Workspace(limit)
    began = clock.time
    paces = [Pace(clock) for _ in range(processes)]
    asked: list[list[tuple[float, bool]]] = [[] for _ in paces]
    order = itertools.count()
    todo = [(clock.time, next(order), process, -1.0, True) for process in range(processes) for _ in range(THREADS)]
    heapq.heapify(todo)
    while todo[0][0] < began + seconds:
        clock.time, _, process, sent_at, taken = heapq.heappop(todo)
        pace = paces[process]
        if sent_at >= 0:
            pace.note_taken() if taken else pace.note_throttled(sent_at, 1.0)
        if later := pace.ask(first=first):
            heapq.heappush(todo, (clock.time + later, next(order), process, -1.0, True))
            continue
        taken = workspace.takes(clock.time)
        asked[process].append((clock.time - began, taken))
        heapq.heappush(todo, (clock.time + ROUND_TRIP, next(order), process, clock.time, taken))
    return asked


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 100, 500])
def test_whatever_the_limit_is_the_requests_soon_stay_near_it(limit: int) -> None:
    (asked,) = simulate(limit, 120.0)
    refused = [when for when, taken in asked if not taken]
    settled = refused[0] + 10
    assert sum(when <= settled for when in refused) < 1.5 * THREADS  # little more than one for each thread
    later = [taken for when, taken in asked if when > settled]
    assert later.count(False) < (120.0 - settled) / 10  # one in ten seconds
    assert later.count(True) > 0.8 * limit * (120.0 - settled)


@pytest.mark.parametrize("first", [True, False])
def test_once_the_gate_is_open_nearly_as_much_is_sent_as_is_taken_whichever_lane_alone_has_somebody(
    first: bool,
) -> None:
    (asked,) = simulate(20, 12.0, first=first)
    opened = next(when for when, taken in asked if not taken) + 1.0
    within = [taken for when, taken in asked if opened < when <= opened + 10]
    assert within.count(True) > 0.9 * 20 * 10


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_that_know_nothing_of_each_other_share_a_workspace(processes: int) -> None:
    asked = simulate(20, 240.0, processes)
    taken = [sum(taken for when, taken in own if when > 60) for own in asked]
    refused = [sum(not taken for when, taken in own if when > 60) for own in asked]
    assert sum(taken) > 0.8 * 20 * 180
    assert min(taken) > 0.5 * sum(taken) / processes
    assert sum(refused) < 0.05 * sum(taken)


# -- one step at a time ------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pace(clock: ManualClock) -> Pace:
    return Pace(clock)


def send(pace: Pace, clock: ManualClock, *, first: bool = False) -> float:
    """The seconds until one request was sent, by somebody who comes back whenever it is told to."""
    before = clock.time
    while wait := pace.ask(first=first):
        clock.sleep(wait)
    return clock.time - before


def interval(pace: Pace, clock: ManualClock, *, first: bool = False) -> float:
    """The seconds between two requests, over some of them."""
    send(pace, clock, first=first)
    before = clock.time
    for _ in range(40):
        send(pace, clock, first=first)
    return (clock.time - before) / 40


def take(pace: Pace, clock: ManualClock, rate: int) -> None:
    for _ in range(rate):
        clock.sleep(1 / rate)
        pace.note_taken()


def test_nobody_waits_before_the_first_throttled_answer(pace: Pace) -> None:
    for _ in range(1000):
        assert pace.ask(first=False) == 0
        pace.note_taken()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("retry_after", "closed"), [(3.0, 3.0), (None, UNTOLD_SECONDS), (0.0, 0.0), (86_400.0, LONGEST_SECONDS)]
)
def test_a_throttled_answer_closes_the_gate_for_everybody(
    retry_after: float | None, closed: float, first: bool, pace: Pace, clock: ManualClock
) -> None:
    pace.note_throttled(clock.time, retry_after)
    assert send(pace, clock, first=first) == pytest.approx(closed, abs=0.01)


def test_nobody_is_held_and_those_who_come_too_early_are_told_different_times(pace: Pace, clock: ManualClock) -> None:
    pace.note_throttled(clock.time, 3.0)
    before = clock.time
    told = [pace.ask(first=False) for _ in range(10)]
    assert clock.time == before
    assert len(set(told)) == 10
    assert min(told) == pytest.approx(3.0)


def test_a_shorter_wait_does_not_open_the_gate_sooner(pace: Pace, clock: ManualClock) -> None:
    pace.note_throttled(clock.time, 3.0)
    pace.note_throttled(clock.time, 1.0)
    assert pace.ask(first=False) == pytest.approx(3.0)


def test_the_pace_is_somewhat_less_than_what_was_taken(pace: Pace, clock: ManualClock) -> None:
    take(pace, clock, 50)
    pace.note_throttled(clock.time, 0.0)
    assert interval(pace, clock) == pytest.approx(1 / (LESS * 50), rel=0.1)


def test_requests_that_were_on_their_way_slow_it_no_further(pace: Pace, clock: ManualClock) -> None:
    take(pace, clock, 50)
    sent_at = clock.time
    clock.sleep(0.01)
    for _ in range(20):
        pace.note_throttled(sent_at, 0.0)
    assert interval(pace, clock) == pytest.approx(1 / (LESS * 50), rel=0.1)


def test_the_pace_rises_and_is_forgotten(pace: Pace, clock: ManualClock) -> None:
    take(pace, clock, 50)
    pace.note_throttled(clock.time, 0.0)
    clock.sleep(10.0)
    assert interval(pace, clock) == pytest.approx(1 / (50 * risen(10.0)), rel=0.1)
    clock.sleep(FORGOTTEN_SECONDS)
    assert [pace.ask(first=False) for _ in range(100)] == [0.0] * 100


def test_a_workspace_that_takes_nothing_is_asked_once_in_a_gate_and_no_slower_when_it_is_well_again(
    pace: Pace, clock: ManualClock
) -> None:
    for _ in range(100):
        assert send(pace, clock) <= LONGEST_SECONDS
        pace.note_throttled(clock.time, LONGEST_SECONDS)
    waits = []
    for _ in range(20):
        waits.append(send(pace, clock))
        pace.note_taken()
    assert waits[0] == pytest.approx(LONGEST_SECONDS)
    assert sum(waits[1:]) < 19 / (LESS * UNKNOWN_RATE)


def test_nobody_is_told_a_time_by_which_the_pace_may_be_forgotten_but_to_look_again(
    pace: Pace, clock: ManualClock
) -> None:
    pace.note_throttled(clock.time, 0.0)
    told = [pace.ask(first=False) for _ in range(5000)]
    places = sum(seconds <= AHEAD for seconds in told)
    assert places < 5000
    assert len(set(told)) == len(told)
    assert max(told) < AHEAD + 5000 / LOOKS_A_SECOND


def test_an_answer_of_a_quiet_hour_says_little_about_what_would_be_taken(pace: Pace, clock: ManualClock) -> None:
    pace.note_throttled(clock.time, 0.0)
    assert interval(pace, clock) == pytest.approx(1 / (LESS * UNKNOWN_RATE), rel=0.3)


def test_a_first_cancel_goes_before_polls_that_have_waited_and_these_are_never_shut_out(
    pace: Pace, clock: ManualClock
) -> None:
    take(pace, clock, 20)
    pace.note_throttled(clock.time, 0.0)
    polls = [pace.ask(first=False) for _ in range(500)]
    assert max(polls) > 20  # a long queue
    assert send(pace, clock, first=True) < 1
    # both lanes always have somebody: each has its share of the pace
    sent = {True: 0, False: 0}
    due = [(clock.time, first) for first in sent for _ in range(THREADS)]
    heapq.heapify(due)
    ends = clock.time + 20
    while due[0][0] < ends:
        clock.time, first = heapq.heappop(due)
        wait = pace.ask(first=first)
        sent[first] += not wait
        heapq.heappush(due, (clock.time + (wait or 0.01), first))
    assert sent[True] > 2 * sent[False] > 0


def test_a_cancel_right_after_its_look_has_its_turn_with_it_unless_the_gate_is_closed(
    pace: Pace, clock: ManualClock
) -> None:
    take(pace, clock, 20)
    pace.note_throttled(clock.time, 1.0)
    assert pace.ask(first=True, follows=True) >= 1.0
    for _ in range(200):
        pace.ask(first=True)
    clock.sleep(1.0)
    before = send(pace, clock, first=True)
    assert (before < 1, pace.ask(first=True, follows=True)) == (True, 0.0)
    assert pace.ask(first=False) > 0, "it counts as one that was sent"


def test_what_threads_do_at_the_same_time_is_counted_once_each() -> None:
    pace = Pace(SystemClock())
    pace.note_throttled(SystemClock().monotonic(), 3.0)
    with ThreadPoolExecutor(8) as threads:
        waits = sorted(threads.map(lambda _: pace.ask(first=False), range(20)))
    step = 1 / (UNKNOWN_RATE * risen(8.0))  # the pace rises until the last of them
    assert waits[-1] - waits[0] >= 19 * step
