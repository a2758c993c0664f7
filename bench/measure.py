"""Every measurement, at full size for the page or small for the tests: the same code with other numbers."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bench import burst, cold_start, in_flight, neighbours, noticing, polls, sockets, troubles

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

logger = logging.getLogger("bench")

STATES = {"a random part of it": None, "none of it": 0.0, "half of it": 0.5, "nine tenths": 0.9, "all of it": 1.0}
PENALTIES = (0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.01)  # lateness that a poll may cost, for the best line


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int = 5
    mix: int = 4000
    search_mix: int = 800
    by_duration: int = 200
    socket_durations: tuple[float, ...] = sockets.DURATIONS
    imports: int = 21
    polls_at: tuple[int, ...] = polls.AT
    flights: tuple[tuple[str, int], ...] = (
        (in_flight.SDK, 1000),
        (in_flight.OURS, 100),
        (in_flight.OURS, 1000),
        (in_flight.OURS, 3000),
    )
    besides: tuple[neighbours.Row, ...] = neighbours.ROWS
    besides_rounds: int = 2
    burst_runs: int = burst.RUNS
    burst_rounds: int = 3
    seconds_to_stop: float = burst.SECONDS_TO_STOP  # of the runs of both


SMALL = Size(
    rounds=1,
    mix=100,
    search_mix=10,
    by_duration=3,
    socket_durations=(0.5,),
    imports=1,
    polls_at=(10, 100),
    flights=((in_flight.SDK, 3), (in_flight.OURS, 3)),
    besides=((troubles.NONE, 0), (troubles.HANGS, 30)),
    besides_rounds=1,
    burst_runs=15,
    burst_rounds=1,
    seconds_to_stop=0.5,
)


@dataclass(frozen=True)
class Measured:
    """All that the page tells."""

    size: Size
    by_duration: dict[str, dict[float, noticing.Mean]]
    states: dict[str, dict[str, noticing.Mean]]
    search: dict[noticing.Shares, noticing.Mean]
    search_at_worst: dict[noticing.Shares, noticing.Mean]  # runs that are RUNNING to their end
    best: list[noticing.Mean]
    late: sockets.Late
    flights: dict[tuple[str, int], list[in_flight.Flight]]
    imports: dict[str, list[cold_start.Import]]
    first_answers: dict[str, list[float]]
    polls: dict[str, dict[int, polls.Cost]]
    besides: dict[neighbours.Row, list[neighbours.Beside]]
    bursts: list[burst.Burst]
    seconds: float

    @property
    def mix(self) -> dict[str, noticing.Mean]:
        """Every waiter over the mix of the goal."""
        return self.states["a random part of it"]


def measure(size: Size) -> Measured:
    """Everything has been measured, one thing after the other; it says on the log what it is at."""
    began = time.monotonic()
    flights = _told("many at once", lambda: in_flight.flights(list(size.flights), size.rounds))
    imports = _told("cold start", lambda: cold_start.imports(size.imports))
    first_answers = _told("first answer", lambda: cold_start.first_answers(size.imports))
    costs_of_polls = _told("the cost of a poll", lambda: polls.costs(size.polls_at, size.rounds))
    bursts = _told(
        "a burst", lambda: [burst.burst(size.burst_runs, size.seconds_to_stop) for _ in range(size.burst_rounds)]
    )
    besides = _told("neighbours", lambda: neighbours.besides(size.besides, size.besides_rounds, size.seconds_to_stop))
    late = _told("noticing, real sockets", lambda: sockets.lateness(size.socket_durations, size.rounds))
    states = _told(
        "noticing, simulated",
        lambda: {name: noticing.over_the_mix(size.mix, running) for name, running in STATES.items()},
    )
    return Measured(
        size=size,
        by_duration=noticing.by_duration(size.by_duration),
        states=states,
        search=_told("the search for the shares", lambda: noticing.search(size.search_mix)),
        search_at_worst=noticing.search(size.search_mix, running=1.0),
        best=[noticing.best_without_the_state(penalty) for penalty in PENALTIES],
        late=late,
        flights=flights,
        imports=imports,
        first_answers=first_answers,
        polls=costs_of_polls,
        besides=besides,
        bursts=bursts,
        seconds=time.monotonic() - began,
    )


def _told(what: str, work: Callable[[], T]) -> T:
    logger.info("measuring: %s", what)
    return work()
