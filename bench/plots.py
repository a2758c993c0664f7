"""The page's pictures."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from bench.measure import Measured

INK = {"ours": "#0b6e4f", "databricks-sdk": "#c1440e", "Databricks CLI": "#e0a030", "Airflow, 30 s": "#5b6c8f"}
PLAIN = "#888888"
SIZE = (9.0, 4.0)  # inches

mpl.use("Agg")


def draw(measured: Measured, folder: Path) -> None:
    """The pictures are in the folder, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in (("noticing", _noticing), ("search", _search), ("in_flight", _in_flight), ("polls", _polls)):
        figure, axes = plt.subplots(1, 1 if name == "search" else 2, figsize=SIZE, layout="constrained")
        paint(measured, list(axes) if name != "search" else [axes])
        figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
        plt.close(figure)


def _noticing(measured: Measured, axes: list[Axes]) -> None:
    late, polls = axes
    for name, by_duration in measured.by_duration.items():
        late.plot(
            list(by_duration), [100 * mean.late for mean in by_duration.values()], "o-", color=INK[name], label=name
        )
        polls.plot(list(by_duration), [mean.polls for mean in by_duration.values()], "o-", color=INK[name])
    for one, what in ((late, "noticed late, % of the time to stop (mean)"), (polls, "polls (mean)")):
        one.set(xscale="log", yscale="log", xlabel="seconds to stop", ylabel=what)
        one.grid(visible=True, alpha=0.3)
    late.legend(frameon=False)


def _search(measured: Measured, axes: list[Axes]) -> None:
    one = axes[0]
    sdk = measured.mix["databricks-sdk"]
    tried = measured.search.values()
    one.scatter(
        [mean.polls / sdk.polls for mean in tried],
        [mean.late / sdk.late for mean in tried],
        s=14,
        color=PLAIN,
        label="other shares",
    )
    best = measured.best
    one.plot(
        [mean.polls / sdk.polls for mean in best],
        [mean.late / sdk.late for mean in best],
        "-",
        color="black",
        label="the best without the state",
    )
    ours = measured.mix["ours"]
    one.scatter([ours.polls / sdk.polls], [ours.late / sdk.late], s=60, color=INK["ours"], label="ours", zorder=3)
    one.axvline(0.6, color=INK["databricks-sdk"], linewidth=1, linestyle=":")
    one.axhline(0.66, color=INK["databricks-sdk"], linewidth=1, linestyle=":", label="the goal: below and to the left")
    one.set(xlabel="polls, the SDK's being 1", ylabel="lateness, the SDK's being 1", xlim=(0.4, 1.0), ylim=(0.4, 1.0))
    one.grid(visible=True, alpha=0.3)
    one.legend(frameon=False)


def _in_flight(measured: Measured, axes: list[Axes]) -> None:
    cpu, memory = axes
    for (who, runs), flights in measured.flights.items():
        color = INK["ours"] if who == "ours" else INK["databricks-sdk"]
        label = f"{'ours' if who == 'ours' else 'SDK'}\n{runs:,}"
        cpu.bar(label, 1000 * fmean(flight.cpu_each for flight in flights), color=color)
        memory.bar(label, fmean(flight.peak_bytes for flight in flights) / 1e6, color=color)
    cpu.set(ylabel="CPU ms for one cancellation (mean)")
    memory.set(ylabel="peak memory, MB (mean)")


def _polls(measured: Measured, axes: list[Axes]) -> None:
    cpu, size = axes
    inks = dict(zip(measured.polls, (INK["ours"], "black", INK["databricks-sdk"]), strict=False))
    for name, costs in measured.polls.items():
        cpu.plot(list(costs), [1000 * fmean(cost.cpu) for cost in costs.values()], "o-", color=inks[name], label=name)
        size.plot(list(costs), [cost.read for cost in costs.values()], "o-", color=inks[name])
    cpu.set(xscale="log", yscale="log", xlabel="poll number", ylabel="CPU ms of the poll (mean)")
    size.set(xscale="log", yscale="log", xlabel="poll number", ylabel="bytes of history that its replays read")
    cpu.legend(frameon=False)
    for one in axes:
        one.grid(visible=True, alpha=0.3)
