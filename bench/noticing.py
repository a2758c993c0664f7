"""Noticing the stop: how late a caller knows, and what it asked for that, on a simulated clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

from bench.simulation import Noticed, Stopping
from bench.waiters import WAITERS, ours
from cancel_run.cancellation.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.waiters import Waiter

SHORTEST, LONGEST = 2.0, 1800.0  # seconds to stop, in the mix
DURATIONS = (0.5, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SHARES = (0.14, 0.16, 0.18, 0.20, 0.22, 0.25, 0.30)
UNTOUCHED_SHARES = (0.18, 0.25, 0.30, 0.35, 0.40, 0.50)

Shares = tuple[float, float]  # of the time waited: as a rule, and while the cancel shows no effect
PAIRS: tuple[Shares, ...] = tuple((one, other) for one in SHARES for other in UNTOUCHED_SHARES if other >= one)


@dataclass(frozen=True)
class Mean:
    """Means over a mix of runs; ``late`` is relative to the time to stop."""

    polls: float
    calls: float
    late: float


def mix(size: int, running: float | None = None) -> list[Stopping]:
    """Runs whose time to stop is log-uniform, evenly spaced; RUNNING for a random part of it, or for a given one."""
    chance = Random(6)  # noqa: S311  # no secret, and the same mix at every run of the benchmark
    times = [SHORTEST * (LONGEST / SHORTEST) ** ((number + 0.5) / size) for number in range(size)]
    return [Stopping(seconds, chance.random() if running is None else running) for seconds in times]


def waited(waiter: Waiter, runs: Iterable[Stopping]) -> list[tuple[Stopping, Noticed]]:
    """Each run with how its stop was noticed; the same at every call."""
    chance = Random(455644833)  # noqa: S311  # the jitter of a simulation
    return [(run, waiter(run, chance)) for run in runs]


def mean(waiter: Waiter, runs: Iterable[Stopping]) -> Mean:
    """The means of a waiter over the runs."""
    seen = waited(waiter, runs)
    return Mean(
        fmean(noticed.polls for _, noticed in seen),
        fmean(noticed.calls for _, noticed in seen),
        fmean(noticed.late(run) / run.seconds for run, noticed in seen),
    )


def over_the_mix(size: int, running: float | None = None) -> dict[str, Mean]:
    """Every waiter's means over the mix of so many runs."""
    return {name: mean(waiter, mix(size, running)) for name, waiter in WAITERS.items()}


def by_duration(size: int) -> dict[str, dict[float, Mean]]:
    """The means of every waiter over so many runs for every duration.

    A run takes that long within a tenth, or a waiter whose looks fall on round numbers would seem to know at once; and
    it is RUNNING for a random part of it.
    """
    chance = Random(66)  # noqa: S311  # no secret, and the same runs at every run of the benchmark
    runs = {
        seconds: [Stopping(seconds * chance.uniform(0.9, 1.1), chance.random()) for _ in range(size)]
        for seconds in DURATIONS
    }
    return {name: {seconds: mean(waiter, some) for seconds, some in runs.items()} for name, waiter in WAITERS.items()}


def search(size: int, running: float | None = None, pairs: Iterable[Shares] = PAIRS) -> dict[Shares, Mean]:
    """The means of our schedule with other shares, over the mix of so many runs."""
    runs = mix(size, running)

    def tried(shares: Shares) -> Mean:
        schedule = Schedule(share=shares[0], untouched_share=shares[1])
        return mean(lambda run, chance: ours(run, chance, schedule), runs)

    return {shares: tried(shares) for shares in pairs}


def best_without_the_state(penalty: float, points: int = 500) -> Mean:
    """The best that any schedule can do which knows the mix but not the state, when a poll costs ``penalty`` lateness.

    Found backwards: a poll stands at 1 s, and after a poll at a moment the next one stands where what follows is least.
    """
    times = [(LONGEST) ** (number / (points - 1)) for number in range(points)]
    whole = math.log(LONGEST / SHORTEST)
    going = [1 - math.log(max(time, SHORTEST) / SHORTEST) / whole for time in times]  # the part still active then

    def late(earlier: float, later: float) -> float:
        begin = max(earlier, SHORTEST)
        return (later / begin - 1 - math.log(later / begin)) / whole if later > begin else 0.0

    cost, after = [0.0] * points, [0] * points
    for index in range(points - 2, -1, -1):
        cost[index], after[index] = min(
            (late(times[index], times[nxt]) + penalty * going[index] + cost[nxt], nxt)
            for nxt in range(index + 1, points)
        )
    polls, lateness, index = 1.0, 0.0, 0
    while index < points - 1:
        polls += going[index]
        lateness += late(times[index], times[after[index]])
        index = after[index]
    return Mean(polls, polls + 1, lateness)
