"""docs/benchmarks.md from what was measured; its words are in page.md."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from string import Template
from typing import TYPE_CHECKING

from bench import cold_start, in_flight
from bench.report import Goal, megabytes, milliseconds, spread, table
from cancel_run.cancellation.schedule import Schedule
from cancel_run.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench import noticing
    from bench.measure import Measured

WORDS = Path(__file__).parent / "page.md"
SDK = "databricks-sdk"
POLLS, LATENESS = 0.60, 0.66  # goals, as ratios to the SDK


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
    return made


def _ratios(mine: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(mine, theirs, strict=True)]


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
        goals=table(("part", "ratio", "measured", "goal", ""), (goal.row() for goal in goals(measured))),
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
        cost_table=_costs(measured),
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
    for name, costs in measured.polls.items():
        for number, cost in costs.items():
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


def _costs(measured: Measured) -> str:
    rows = [
        (
            f"{count.seconds:g} s",
            str(count.polls),
            f"{count.http} + {count.orchestrator} + {count.activities}",
            f"{count.history_events} ({count.history_bytes / 1000:.0f} kB)",
            str(count.queue_operations),
            str(count.table_operations),
            f"${1000 * count.dollars:.2f}",
        )
        for count in measured.costs
    ]
    head = (
        "stops after",
        "polls",
        "executions: HTTP + orchestrator + activities",
        "history events",
        "queue operations",
        "table operations",
        "a thousand of them, at most",
    )
    return table(head, rows)
