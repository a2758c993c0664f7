"""Thousands of messages for a workspace that throttles: all finish, and it is asked no more than it takes."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local_host.emulators.run_life import TERMINAL, Life, Row, canceling
from tests.support.azurite import needs_azurite
from tests.support.serve_process import ServeProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.storage.queue import QueueClient

    from local_host.emulators.workspace import Call, JobsApi

LIMIT = 20  # requests a second that the workspace takes
SETTLED = 5.0  # seconds after the first throttled answer
WINDOW = 5.0  # seconds over which requests are counted
OVER = 1.05  # so much of the limit at most, in any such window; what is over it is throttled
THROTTLED = 0.03  # share of the answers at most
PEAK_MB = 500
SENDERS = 8
SECONDS = 60.0  # for one answer
POISON = ["not json", '{"runId": 0}', '{"runId": 1, "token": "dapi-x"}', '{"runId": 1, "workspace": "elsewhere"}', "[]"]


@dataclass(frozen=True)
class Size:
    """How much of it.

    A run takes three requests and now and then a poll more, of which some 15 a second are made: the full size takes
    about 900 x 3.5 / 15 = 210 seconds.
    """

    messages: int
    active_runs: int
    ended_runs: int
    poison: int
    seconds: float  # the longest that it may take
    hidden_after_failure: str | None  # None for host.json's own


SMALL = Size(200, active_runs=36, ended_runs=4, poison=20, seconds=90, hidden_after_failure="00:00:01")
FULL = Size(5000, active_runs=900, ended_runs=100, poison=500, seconds=480, hidden_after_failure=None)


def messages_of(size: Size, runs: list[int], chance: random.Random) -> list[str]:
    """Each run at least once, poison, and duplicates for the rest, shuffled."""
    poison = [chance.choice(POISON) for _ in range(size.poison)]
    duplicates = [chance.choice(runs) for _ in range(size.messages - len(runs) - len(poison))]
    messages = poison + [json.dumps({"runId": run_id}) for run_id in [*runs, *duplicates]]
    chance.shuffle(messages)
    return messages


def busiest(calls: list[Call]) -> int:
    """The most requests that came within any window."""
    most, first = 0, 0
    for last, call in enumerate(calls):
        while call.at - calls[first].at >= WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


def peak_mb(process: ServeProcess) -> int | None:
    """The most memory that the process has had so far, where the system tells it."""
    told = Path(f"/proc/{process.pid}/status")
    if not told.exists():
        return None
    kilobytes = next(line.split()[1] for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) // 1024


@pytest.fixture
def settings(environ: dict[str, str], storage: str, name: str) -> dict[str, str]:
    """The product's own waits, not the tests' short ones."""
    waits = ("POLL_FIRST_SECONDS", "POLL_MAX_SECONDS", "CANCEL_AGAIN_AFTER_SECONDS", "HTTP_TIMEOUT_SECONDS")
    kept = {key: value for key, value in environ.items() if key not in waits}
    return kept | {"AzureWebJobsStorage": storage, "CANCEL_QUEUE_NAME": name}


@needs_azurite
@pytest.mark.soak
def test_thousands_of_messages_finish_at_the_pace_that_the_workspace_takes(
    soak: bool,
    tally: Callable[[str, int], None],
    settings: dict[str, str],
    workspace: JobsApi,
    queue: QueueClient,
    poison: QueueClient,
    tmp_path: Path,
) -> None:
    size = FULL if soak else SMALL
    chance = random.Random(5)  # noqa: S311  # no secret hangs on it
    active = [workspace.add_run(canceling(chance.uniform(0.2, 2.0))) for _ in range(size.active_runs)]
    ended = [workspace.add_run(Life((Row("TERMINATED", result="SUCCESS"),))) for _ in range(size.ended_runs)]
    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(queue.send_message, messages_of(size, [*active, *ended], chance)))
    workspace.faults.throttle(LIMIT)
    if size.hidden_after_failure:
        settings["AzureFunctionsJobHost__extensions__queues__visibilityTimeout"] = size.hidden_after_failure

    began = time.monotonic()
    process = ServeProcess(settings, "--state", str(tmp_path / "journal.sqlite"))
    try:
        assert process.listens()
        results = results_of([*active, *ended], process.url, began + size.seconds)
        while queue.get_queue_properties().approximate_message_count:
            assert time.monotonic() < began + size.seconds, "messages are left in the queue"
        seconds = time.monotonic() - began
        peak = peak_mb(process)
        process.stop()
    finally:
        process.end()

    assert {workspace.state_of(run_id) for run_id in active} <= TERMINAL
    # a message that comes when its run's cancellation has ended begins another, which finds it ended
    assert {results[run_id]["outcome"] for run_id in active} <= {"canceled", "alreadyEnded"}
    assert {results[run_id]["resultState"] for run_id in active} == {"CANCELED"}
    assert {results[run_id]["outcome"] for run_id in ended} == {"alreadyEnded"}
    kept = poison.get_queue_properties().approximate_message_count or 0
    lost = sum(not results[run_id]["stopped"] for run_id in [*active, *ended]) + size.poison - kept
    assert lost == 0
    taken = [call for call in workspace.calls if call.status_code == 200]
    cancels = sorted(int(call.run_id) for call in taken if call.operation == "cancel")
    assert cancels == active  # one each, however many messages asked for it

    throttled = [call for call in workspace.calls if call.status_code == 429]
    assert throttled
    later = list(itertools.dropwhile(lambda call: call.at < throttled[0].at + SETTLED, workspace.calls))
    refused = sum(call.status_code == 429 for call in later)
    assert refused <= max(2, THROTTLED * len(later))
    assert busiest(later) <= OVER * LIMIT * WINDOW
    assert peak is None or peak < PEAK_MB

    tally("messages through the queue", size.messages)
    tally("messages lost", lost)
    tally("runs canceled once each, under throttling", len(active))
    tally("poison messages kept", kept)
    tally("seconds under throttling", round(seconds))
    tally("requests to the throttling workspace", len(workspace.calls))
    tally("requests that it refused", len(throttled))
    tally(f"requests that it refused later than {SETTLED:g} s after the first", refused)
    tally(f"requests in the busiest {WINDOW:g} s after that (its limit is {LIMIT * WINDOW:g})", busiest(later))
    tally("MB of memory at the peak", peak or 0)


def results_of(runs: list[int], url: str, until: float) -> dict[int, dict[str, Any]]:
    """What the status endpoint says of each run, once it says how it ended."""
    results: dict[int, dict[str, Any]] = {}
    pause = threading.Event()  # nobody sets it
    with requests.Session() as session:
        while missing := [run_id for run_id in runs if run_id not in results]:
            assert time.monotonic() < until, f"no result for {len(missing)} of {len(runs)}"
            pause.wait(1.0)
            for run_id in missing:
                looked = session.get(f"{url}/api/cancel-active-run/prod-{run_id}", timeout=SECONDS)
                if looked.status_code != 200:
                    break  # they end more or less in the order in which they began
                results[run_id] = looked.json()
    return results
