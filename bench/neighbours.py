"""Neighbours: how a healthy workspace's cancellations fare beside many of one that is in trouble.

``python -m bench.neighbours ROUNDS`` measures it alone and prints the table.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from typing import TYPE_CHECKING

import requests

from bench.neighbours_app import A, B
from bench.processes import peak_bytes, process, threads
from bench.report import megabytes, spread, table
from bench.troubles import DRIPS, HANGS, LIMITED, NONE, SLOW, THROTTLES, VAULT
from bench.workspace import REQUEST_SECONDS, add_runs, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = tuple[str, int]

# what is wrong with A, and how many of its cancellations are in flight
ROWS = ((NONE, 0), (HANGS, 200), (THROTTLES, 200), (SLOW, 200), (LIMITED, 500), (DRIPS, 40), (VAULT, 200))
WORDS = {
    NONE: "(alone)",
    HANGS: "hangs (time-out 10 s)",
    THROTTLES: "answers all 429",
    SLOW: "answers rightly after 9 s",
    LIMITED: "takes 20 requests a second",
    DRIPS: "drips one header byte every 0.4 s",
    VAULT: "its secret's vault hangs",
}
OF_B = 3  # cancellations
SECONDS_TO_STOP = 5.0
SETTLE_SECONDS = 3.0  # from the last order for A to the first one for B
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.1
SENDERS = 8
SENT_WITHIN, SEEN_LATER = 3.0, 3.0  # the goals, in seconds

logger = logging.getLogger("bench")


@dataclass(frozen=True)
class Beside:
    """What became of B's cancellations.

    Attributes:
        sent: seconds from each request until its cancel was with the workspace.
        seen: seconds from each request until the status endpoint said that the run has stopped.
        taken: requests a second that A answered well meanwhile.
        threads: the most that the app's process had; ``peak_bytes`` its memory.
    """

    sent: list[float]
    seen: list[float]
    taken: float
    threads: int
    peak_bytes: int


def beside(kind: str, runs: int, seconds_to_stop: float) -> Beside:
    """B's cancellations, of runs that take so long to stop, beside so many of A."""
    with process("bench.workspace") as healthy, process("bench.workspace", kind) as other:
        host_a, host_b = other.read(), healthy.read()
        with process("bench.neighbours_app", host_a, host_b, kind) as app, _most_threads(app.pid) as most:
            url = app.read()
            _stopped(url, add_runs(host_b, seconds=[0.0])[0])  # so that imports and the token are not measured
            with ThreadPoolExecutor(SENDERS) as senders:
                list(senders.map(lambda run_id: _order(url, A, run_id), add_runs(host_a, seconds=[1.0] * runs)))
            time.sleep(SETTLE_SECONDS if runs else 0.0)
            ids = add_runs(host_b, seconds=[seconds_to_stop] * OF_B)
            before, began = ask(host_a, "taken"), time.monotonic()
            with ThreadPoolExecutor(OF_B) as callers:
                seen = list(callers.map(lambda run_id: _stopped(url, run_id), ids))
            taken = (ask(host_a, "taken") - before) / (time.monotonic() - began)
            canceled = ask(host_b, "canceled")
            return Beside(
                sent=[canceled[str(run_id)] - asked for run_id, (asked, _) in zip(ids, seen, strict=True)],
                seen=[stopped - asked for asked, stopped in seen],
                taken=taken,
                threads=max(most),
                peak_bytes=peak_bytes(app.pid),
            )


def besides(plan: tuple[Row, ...], rounds: int, seconds_to_stop: float = SECONDS_TO_STOP) -> dict[Row, list[Beside]]:
    """So many rounds through the plan."""
    seen: dict[Row, list[Beside]] = {row: [] for row in plan}
    for _ in range(rounds):
        for kind, runs in plan:
            seen[kind, runs].append(last := beside(kind, runs, seconds_to_stop))
            logger.info("  %s, %d: sent after %.1f s, seen after %.1f s", kind, runs, max(last.sent), max(last.seen))
    return seen


def written(seen: dict[Row, list[Beside]]) -> str:
    """The page's table; of B's three the last one counts."""
    rows = [
        (
            WORDS[kind],
            str(runs),
            spread([max(one.sent) for one in some], "{:.2f}".format) + " s",
            spread([max(one.seen) for one in some], "{:.1f}".format) + " s",
            f"{median(one.taken for one in some):.1f}",
            str(max(one.threads for one in some)),
            megabytes(max(one.peak_bytes for one in some)),
        )
        for (kind, runs), some in seen.items()
    ]
    head = (
        "A",
        "in flight",
        "B's last cancel sent",
        "B's last seen stopped",
        "A's answers a second",
        "threads",
        "memory",
    )
    return table(head, rows)


def _order(url: str, alias: str, run_id: int) -> str:
    """Where to look at the cancellation that has begun."""
    body = {"runId": run_id, "workspace": alias}
    answer = requests.post(f"{url}/api/cancel-active-run", json=body, timeout=REQUEST_SECONDS)
    answer.raise_for_status()
    return answer.headers["Location"]


def _stopped(url: str, run_id: int) -> tuple[float, float]:
    """When it was asked to cancel B's run, and when it said that the run has stopped."""
    asked = time.monotonic()
    location = _order(url, B, run_id)
    while requests.get(location, timeout=REQUEST_SECONDS).status_code == HTTPStatus.ACCEPTED:
        if time.monotonic() > asked + PATIENCE_SECONDS:
            raise TimeoutError(location)
        time.sleep(LOOK_SECONDS)
    return asked, time.monotonic()


@contextmanager
def _most_threads(pid: int) -> Iterator[list[int]]:
    """How many threads the process has had, now and then until the context ends."""
    seen, over = [threads(pid)], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            seen.append(threads(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    asked_for = sys.argv[2:]
    print(written(besides(tuple(row for row in ROWS if row[0] in asked_for or not asked_for), int(sys.argv[1]))))
