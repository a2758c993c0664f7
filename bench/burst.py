"""A burst: many starts at once on one healthy workspace, and when the first cancel of each is with it.

``python -m bench.burst ROUNDS`` measures it alone and prints the table.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median

import requests

from bench.processes import process
from bench.report import spread, table
from bench.workspace import REQUEST_SECONDS, add_runs, ask

RUNS = 200
SECONDS_TO_STOP = 5.0
SENDERS = 32


@dataclass(frozen=True)
class Burst:
    """What became of one burst.

    Attributes:
        canceled: seconds from the first request until each cancel was with the workspace, in order.
        seconds: until all were seen stopped.
        calls: to the workspace, for each cancellation; ``cpu_seconds`` of the app for all of them.
    """

    canceled: list[float]
    seconds: float
    calls: float
    cpu_seconds: float


def burst(runs: int, seconds_to_stop: float = SECONDS_TO_STOP) -> Burst:
    """So many runs are ordered to be canceled at once; one is canceled before, as for ``in_flight``."""
    with process("bench.workspace") as emulated:
        workspace = emulated.read()
        with process("bench.in_flight_ours", workspace) as app:
            url = app.read()
            for run_id in (before := add_runs(workspace, seconds=[0.0])):
                _order(url, run_id)
            app.ask(json.dumps(before))
            ids, calls = add_runs(workspace, seconds=[seconds_to_stop] * runs), ask(workspace, "calls")
            began = time.monotonic()
            with ThreadPoolExecutor(SENDERS) as senders:
                list(senders.map(partial(_order, url), ids))
            told = json.loads(app.ask(json.dumps(ids)))
            seconds = time.monotonic() - began
            canceled = ask(workspace, "canceled")
            return Burst(
                canceled=sorted(canceled[str(run_id)] - began for run_id in ids),
                seconds=seconds,
                calls=(ask(workspace, "calls") - calls) / runs,
                cpu_seconds=told["cpuSeconds"],
            )


def written(bursts: list[Burst]) -> str:
    """The page's table."""
    row = (
        f"{len(bursts[0].canceled)} at once",
        spread([median(one.canceled) for one in bursts]) + " s",
        spread([one.canceled[-1] for one in bursts]) + " s",
        spread([one.seconds for one in bursts], "{:.1f}".format) + " s",
        spread([one.calls for one in bursts], "{:.1f}".format),
        spread([one.cpu_seconds for one in bursts], "{:.1f}".format) + " s",
    )
    head = ("starts", "first cancel, median", "the last one", "all seen stopped", "calls for each", "CPU")
    return table(head, [row])


def _order(url: str, run_id: int) -> None:
    answer = requests.post(f"{url}/api/cancel-active-run", json={"runId": run_id}, timeout=REQUEST_SECONDS)
    answer.raise_for_status()


if __name__ == "__main__":
    print(written([burst(RUNS) for _ in range(int(sys.argv[1]))]))
