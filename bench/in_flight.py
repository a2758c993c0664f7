"""Many at once: CPU, memory and time of many cancellations in flight, each kind of caller in a process of its own."""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from bench.processes import process
from bench.workspace import REQUEST_SECONDS, add_runs, ask

if TYPE_CHECKING:
    from collections.abc import Callable

# A run stops after so many looks and not after some time: a caller that is too busy to look in time would otherwise
# look less often, and seem the cheaper the more it has to do.
READS = 2
SENDERS = 8
PATIENCE_SECONDS = 600  # then the caller's process ends, also when this one was killed and the workspace is gone
OURS, SDK = "ours", "sdk"


logger = logging.getLogger("bench")


@dataclass(frozen=True)
class Flight:
    """What some cancellations cost together; ``seconds`` of wall time from the first order to the last end."""

    stopped: int
    cpu_seconds: float
    peak_bytes: int
    seconds: float
    calls: int

    @property
    def cpu_each(self) -> float:
        """CPU seconds for one cancellation."""
        return self.cpu_seconds / self.stopped


def fly(who: str, runs: int) -> Flight:
    """So many runs are canceled at once by ``ours`` or ``sdk``, and each is looked at three times.

    One is canceled before, so that what is done once for all (a token, imports) is not shared out among them.
    """
    with process("bench.workspace") as emulated:
        workspace = emulated.read()
        with process(f"bench.in_flight_{who}", workspace) as caller:
            url = caller.read()
            _cancel(who, caller.ask, url, add_runs(workspace, reads=[0]))
            before = ask(workspace, "calls")
            ids = add_runs(workspace, reads=[READS] * runs)
            began = time.monotonic()
            told = _cancel(who, caller.ask, url, ids)
            seconds = time.monotonic() - began
            return Flight(
                stopped=int(told["stopped"]),
                cpu_seconds=told["cpuSeconds"],
                peak_bytes=int(told["peakBytes"]),
                seconds=seconds,
                calls=ask(workspace, "calls") - before,
            )


def flights(plan: list[tuple[str, int]], rounds: int) -> dict[tuple[str, int], list[Flight]]:
    """So many rounds through the plan, one flight after the other, so that the machine's moods strike all alike."""
    seen: dict[tuple[str, int], list[Flight]] = {key: [] for key in plan}
    for _ in range(rounds):
        for who, runs in plan:
            seen[who, runs].append(fly(who, runs))
            logger.info("  %s, %d: %.0f s", who, runs, seen[who, runs][-1].seconds)
    return seen


def _cancel(who: str, wait: Callable[[str], str], url: str, ids: list[int]) -> dict[str, float]:
    if who == OURS:
        session = requests.Session()

        def order(run_id: int) -> None:
            body = {"runId": run_id, "waitTimeoutSeconds": PATIENCE_SECONDS}
            answer = session.post(f"{url}/api/cancel-active-run", json=body, timeout=REQUEST_SECONDS)
            answer.raise_for_status()

        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(order, ids))
    told: dict[str, float] = json.loads(wait(json.dumps(ids)))
    return told
