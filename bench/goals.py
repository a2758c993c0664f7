"""The goals of the benchmark, and what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench import cold_start, in_flight, neighbours, troubles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.measure import Measured

SDK = "databricks-sdk"
POLLS, LATENESS = 0.60, 0.66  # as ratios to the SDK


@dataclass(frozen=True)
class Goal:
    """A measured ratio, or seconds, and the most that it may be."""

    number: int
    what: str
    measured: float
    limit: float

    @property
    def met(self) -> bool:
        """True when it is not more than it may be."""
        return self.measured <= self.limit

    def row(self) -> tuple[str, ...]:
        """A row of the page's first table."""
        said = "met" if self.met else f"**missed** by {self.measured / self.limit - 1:.0%}"
        return str(self.number), self.what, f"{self.measured:.2f}", f"at most {self.limit:.2f}", said


def goals(measured: Measured) -> list[Goal]:
    """The issue's goals with what was measured."""
    ours, sdk = measured.mix["ours"], measured.mix[SDK]
    made = [
        Goal(1, "polls over the mix, to the SDK's", ours.polls / sdk.polls, POLLS),
        Goal(1, "all API calls over the mix, to the SDK's", ours.calls / sdk.calls, POLLS),
        Goal(1, "lateness over the mix, to the SDK's", ours.late / sdk.late, LATENESS),
    ]
    each = [median(f.cpu_each for f in some) for (who, _), some in measured.flights.items() if who == in_flight.OURS]
    made.append(Goal(2, "CPU of a cancellation, the dearest size to the cheapest", max(each) / min(each), 1.20))
    bare, own = (measured.imports[who] for who in (cold_start.BARE, cold_start.OURS))
    for what, ratios in (
        ("import", _ratios([one.seconds for one in own], [one.seconds for one in bare])),
        ("CPU of the import", _ratios([one.cpu_seconds for one in own], [one.cpu_seconds for one in bare])),
        ("memory after it", _ratios([one.peak_bytes for one in own], [one.peak_bytes for one in bare])),
        ("first answer", _ratios(measured.first_answers[cold_start.OURS], measured.first_answers[cold_start.BARE])),
    ):
        made.append(Goal(3, f"{what}, to the bare one, round by round", median(ratios), 1.10))
    our_polls, floor = measured.polls["ours"], measured.polls["the floor"]
    cpu = {number: cost.to(floor[number]) for number, cost in our_polls.items()}
    written = {number: cost.written / floor[number].written for number, cost in our_polls.items()}
    flat = [median(cost.cpu) for cost in our_polls.values()]
    made += [
        Goal(4, "CPU of a poll, to the floor, the worst of them", max(cpu.values()), 1.15),
        Goal(4, "history that a poll adds, to the floor, the worst", max(written.values()), 1.15),
        Goal(4, "CPU of the last poll, to the first measured", flat[-1] / flat[0], 1.15),
    ]
    alone = min(max(one.seen) for one in measured.besides[troubles.NONE, 0])
    beside = [one for row, some in measured.besides.items() if row != (troubles.NONE, 0) for one in some]
    sent, seen = max(max(one.sent) for one in beside), max(max(one.seen) for one in beside)
    made += [
        Goal(6, "seconds until a neighbour's last cancel is sent, the worst", sent, neighbours.SENT_WITHIN),
        Goal(6, "seconds by which its stop is seen later than alone, the worst", seen - alone, neighbours.SEEN_LATER),
    ]
    return made


def _ratios(mine: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(mine, theirs, strict=True)]
