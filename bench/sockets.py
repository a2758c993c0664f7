"""The short runs on real sockets: from the moment a run has ended until its caller knows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus

import requests
from databricks.sdk import WorkspaceClient

from bench.processes import process
from bench.workspace import REQUEST_SECONDS, TOKEN, add_runs, ask

DURATIONS = (0.5, 2.0, 5.0, 10.0)
PATIENCE = timedelta(minutes=5)

Late = dict[str, dict[float, list[float]]]


def lateness(durations: tuple[float, ...], repetitions: int) -> Late:
    """Seconds by waiter and time to stop: the SDK, our orchestration, and an HTTP caller that follows Retry-After.

    All runs are waited for at once, each by a thread: the waiters sleep nearly all the time.
    """
    with process("bench.workspace") as emulated:
        workspace = emulated.read()
        times = [seconds for seconds in durations for _ in range(repetitions)]
        sdk_runs, our_runs = add_runs(workspace, seconds=times), add_runs(workspace, seconds=times)
        with process("bench.in_flight_ours", workspace) as ours, ThreadPoolExecutor(2 * len(times)) as callers:
            url = ours.read()
            client = WorkspaceClient(host=workspace, token=TOKEN, auth_type="pat")
            known = callers.map(lambda run_id: _known_to_sdk(client, run_id), sdk_runs)
            answered = list(callers.map(lambda run_id: _known_over_http(url, run_id), our_runs))
            sdk = list(known)
        canceled = {int(run_id): at for run_id, at in ask(workspace, "canceled").items()}
    late: Late = {"databricks-sdk": {}, "ours": {}, "ours, an HTTP caller": {}}
    for run_id, seconds, at in zip(sdk_runs, times, sdk, strict=True):
        late["databricks-sdk"].setdefault(seconds, []).append(at - canceled[run_id] - seconds)
    for run_id, seconds, (ended, heard) in zip(our_runs, times, answered, strict=True):
        late["ours"].setdefault(seconds, []).append(ended - canceled[run_id] - seconds)
        late["ours, an HTTP caller"].setdefault(seconds, []).append(heard - canceled[run_id] - seconds)
    return late


def _known_to_sdk(client: WorkspaceClient, run_id: int) -> float:
    client.jobs.cancel_run_and_wait(run_id, timeout=PATIENCE)
    return time.monotonic()


def _known_over_http(url: str, run_id: int) -> tuple[float, float]:
    """When the orchestration knew, and when its caller did, on the monotonic clock."""
    answer = requests.post(f"{url}/api/cancel-active-run", json={"runId": run_id}, timeout=REQUEST_SECONDS)
    while answer.status_code == HTTPStatus.ACCEPTED:
        time.sleep(float(answer.headers["Retry-After"]))
        answer = requests.get(answer.headers["Location"], timeout=REQUEST_SECONDS)
    heard = time.monotonic()
    ended = datetime.fromisoformat(answer.json()["endedAt"]).timestamp()
    return heard - (time.time() - ended), heard
