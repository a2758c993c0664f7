"""docs/benchmarks.md from what was measured; its words are in page.md."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from string import Template
from typing import TYPE_CHECKING

from bench import burst, cold_start, costs, in_flight, neighbours
from bench.goals import LATENESS, POLLS, SDK, goals
from bench.report import megabytes, milliseconds, spread, table
from cancel_run.cancellation.schedule import Schedule
from cancel_run.clock import SystemClock

if TYPE_CHECKING:
    from bench import noticing
    from bench.measure import Measured

WORDS = Path(__file__).parent / "page.md"


def written(measured: Measured) -> str:
    """The page, as Markdown."""
    flights = {key: median(flight.cpu_each for flight in some) for key, some in measured.flights.items()}
    most = max(runs for who, runs in flights if who == in_flight.SDK)
    bare, ours = (measured.imports[who][0].modules for who in (cold_start.BARE, cold_start.OURS))
    return Template(WORDS.read_text(encoding="utf-8")).substitute(
        seconds=f"{measured.seconds:.0f}",
        machine=f"{os.cpu_count()} cores of {_processor()}, {platform.system()}",
        python=platform.python_version(),
        date=SystemClock().now().strftime("%Y-%m-%d %H:%M"),
        sdk=version("databricks-sdk"),
        rounds=measured.size.rounds,
        goals=table(("part", "ratio, or seconds", "measured", "goal", ""), (goal.row() for goal in goals(measured))),
        mix=f"{measured.size.mix:,}",
        mix_table=_mix(measured.mix),
        by_duration=measured.size.by_duration,
        duration_table=_durations(measured),
        socket_table=_sockets(measured),
        state_table=_states(measured),
        search_table=_search(measured),
        flight_table=_flights(measured),
        flight_ratio=f"{flights[in_flight.OURS, most] / flights[in_flight.SDK, most]:.1f}",
        cold_table=_cold(measured),
        azure_clients=sum(name.startswith(cold_start.AZURE_CLIENTS) for name in ours),
        extra_modules=len(ours - bare),
        our_modules=sum(name.split(".")[0] in {"cancel_run", "function_app"} for name in ours - bare),
        poll_table=_polls(measured),
        cost_table=costs.written(),
        neighbour_rounds=measured.size.besides_rounds,
        neighbour_table=neighbours.written(measured.besides),
        burst_rounds=measured.size.burst_rounds,
        burst_table=burst.written(measured.bursts),
    )


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    return told.partition("model name")[2].partition("\n")[0].strip(" \t:") or platform.machine()


def _mix(means: dict[str, noticing.Mean]) -> str:
    sdk = means[SDK]
    rows = [
        (
            name,
            f"{mean.polls:.1f} ({mean.polls / sdk.polls:.2f})",
            f"{mean.calls:.1f} ({mean.calls / sdk.calls:.2f})",
            f"{mean.late:.1%} ({mean.late / sdk.late:.2f})",
        )
        for name, mean in means.items()
    ]
    return table(("mean (ratio to the SDK)", "polls", "calls", "late, of the time to stop"), rows)


def _durations(measured: Measured) -> str:
    rows = []
    for name, by_duration in measured.by_duration.items():
        cells = [f"{mean.late * seconds:.1f} s, {mean.polls:.0f}" for seconds, mean in by_duration.items()]
        rows.append((name, *cells))
    return table(("stops after", *(f"{seconds:g} s" for seconds in next(iter(measured.by_duration.values())))), rows)


def _sockets(measured: Measured) -> str:
    rows = [(name, *(spread(some) for some in by_duration.values())) for name, by_duration in measured.late.items()]
    return table(("stops after", *(f"{seconds:g} s" for seconds in next(iter(measured.late.values())))), rows)


def _states(measured: Measured) -> str:
    rows = []
    for name, means in measured.states.items():
        ours, sdk = means["ours"], means[SDK]
        pairs = ((ours.polls, sdk.polls), (ours.calls, sdk.calls), (ours.late, sdk.late))
        rows.append((name, *(f"{mine / theirs:.2f}" for mine, theirs in pairs)))
    return table(("RUNNING for", "polls", "calls", "lateness"), rows)


def _search(measured: Measured) -> str:
    sdk, ours = measured.mix[SDK], Schedule()
    rows = []
    for shares, mean in measured.search.items():
        if mean.polls <= POLLS * sdk.polls and mean.late <= LATENESS * sdk.late:
            worst = measured.search_at_worst[shares].late
            ratios = (mean.polls / sdk.polls, mean.calls / sdk.calls, mean.late / sdk.late, worst / sdk.late)
            name = f"{shares[0]:.2f}, {shares[1]:.2f}"
            is_ours = shares == (ours.share, ours.untouched_share)
            rows.append((f"**{name}**" if is_ours else name, *(f"{ratio:.2f}" for ratio in ratios)))
    return table(("shares, to the SDK", "polls", "calls", "lateness", "at worst"), rows)


def _flights(measured: Measured) -> str:
    rows = []
    for (who, runs), some in measured.flights.items():
        name = f"{'ours' if who == in_flight.OURS else 'SDK threads'}, {runs:,}"
        stopped = sum(flight.stopped for flight in some)
        rows.append(
            (
                name,
                f"{stopped:,} of {runs * len(some):,}",
                spread([flight.seconds for flight in some], "{:.1f}".format) + " s",
                spread([flight.cpu_seconds for flight in some], "{:.1f}".format) + " s",
                spread([flight.cpu_each for flight in some], milliseconds),
                f"{median(flight.calls / flight.stopped for flight in some):.1f}",
                spread([flight.peak_bytes for flight in some], megabytes),
            )
        )
    head = ("in flight", "stopped", "all done in", "CPU", "CPU for each", "calls for each", "peak memory")
    return table(head, rows)


def _cold(measured: Measured) -> str:
    rows = []
    for who, name in ((cold_start.BARE, "bare"), (cold_start.OURS, "ours")):
        some = measured.imports[who]
        rows.append(
            (
                name,
                spread([one.seconds for one in some], milliseconds),
                spread([one.cpu_seconds for one in some], milliseconds),
                spread([one.peak_bytes for one in some], lambda size: f"{size / 1e6:.1f} MB"),
                spread(measured.first_answers[who], milliseconds),
            )
        )
    return table(("", "import", "CPU of it", "memory after it", "first answer"), rows)


def _polls(measured: Measured) -> str:
    rows = []
    for name, each in measured.polls.items():
        for number, cost in each.items():
            floor = measured.polls["the floor"][number]
            rows.append(
                (
                    f"{name}, poll {number:,}",
                    spread(cost.cpu, milliseconds),
                    f"{cost.to(floor):.2f}",
                    f"{cost.written:,.0f}",
                    f"{cost.written / floor.written:.2f}",
                    f"{cost.read:,.0f}",
                )
            )
    head = (
        "",
        "CPU of the poll",
        "to the floor",
        "bytes of history added",
        "to the floor",
        "bytes that its replays read",
    )
    return table(head, rows)
