"""``serve --state`` killed at random moments, with cancellations in flight through both triggers: nothing is lost.

It is longer than most: the one test is a story, and what its callers do is told with it.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from local_host.emulators.run_life import TERMINAL, Life, Row, canceling
from tests.support.azurite import needs_azurite
from tests.support.serve_process import ServeProcess
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from azure.storage.queue import QueueClient

    from local_host.emulators.workspace import JobsApi

CALLERS = 8
SECONDS = 60.0  # for one answer
BREATH = 0.1  # seconds between two looks
HAVE_ENDED, BY_HTTP = 0.1, 0.5  # shares of the runs


@dataclass(frozen=True)
class Size:
    """How much of it; times in seconds."""

    kills: int
    in_flight: int
    longest_life: float  # of a process
    longest_stop: float  # of a run, once it is canceled


SMALL = Size(kills=2, in_flight=20, longest_life=3.0, longest_stop=4.0)
FULL = Size(kills=20, in_flight=200, longest_life=8.0, longest_stop=60.0)


class Story:
    """The callers of an app that is killed again and again, and what they were told."""

    def __init__(self, size: Size, workspace: JobsApi, queue: QueueClient, chance: random.Random) -> None:
        self.runs: list[int] = []
        self.had_ended: set[int] = set()
        self.told: dict[int, dict[str, Any]] = {}  # run id -> its result, once told
        self._size = size
        self._workspace = workspace
        self._queue = queue
        self._chance = chance
        self._callers = ThreadPoolExecutor(CALLERS)
        self._asked: list[Future[None]] = []
        self._paths: dict[int, str] = {}  # run id -> of its status, once accepted
        self._changed = threading.Condition()
        self._process: ServeProcess | None = None
        self._pause = threading.Event()  # nobody sets it

    def active(self) -> list[int]:
        """The runs that have not stopped."""
        return [run_id for run_id in self.runs if self._workspace.state_of(run_id) not in TERMINAL]

    def in_flight(self) -> list[int]:
        """Those of them whose cancellation has been accepted, or waits in the queue."""
        return [run_id for run_id in self.active() if run_id in self._paths]

    def begin_runs(self) -> None:
        """Cancellations are asked for until there are as many as there should be, and some to spare."""
        for _ in range(self._size.in_flight + self._size.in_flight // 4 - len(self.active())):
            if self._chance.random() < HAVE_ENDED:
                run_id = self._workspace.add_run(Life((Row("TERMINATED", result="SUCCESS"),)))
                self.had_ended.add(run_id)
            else:
                run_id = self._workspace.add_run(canceling(self._chance.uniform(0.2, self._size.longest_stop)))
            self.runs.append(run_id)
            self._asked.append(
                self._callers.submit(self._post if self._chance.random() < BY_HTTP else self._send, run_id)
            )

    def _post(self, run_id: int) -> None:
        """Asked until it was accepted, as a caller does whose connection breaks."""
        accepted = self._request("POST", "/api/cancel-active-run", {"runId": run_id, "requestedBy": "http"})
        assert accepted.status_code == HTTPStatus.ACCEPTED, accepted.text
        self._paths[run_id] = urlsplit(accepted.headers["Location"]).path

    def _send(self, run_id: int) -> None:
        self._queue.send_message(json.dumps({"runId": run_id, "requestedBy": "queue"}))
        self._paths[run_id] = f"/api/cancel-active-run/prod-{run_id}"

    def _request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """The answer of the first process that gives one."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._process is not None)
                process = self._process
            assert process is not None
            try:
                return requests.request(method, process.url + path, json=body, timeout=SECONDS)
            except requests.ConnectionError:
                self._pause.wait(BREATH)  # it has been killed

    def go_on_with(self, process: ServeProcess | None) -> None:
        """The callers ask this process from now on, or wait for the next one."""
        with self._changed:
            self._process = process
            self._changed.notify_all()

    def live(self, process: ServeProcess, seconds: float) -> None:
        """The process has had so many seconds, or as many more as it took until enough was in flight."""
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(self.in_flight()) < self._size.in_flight:
            if process.listens(BREATH):
                self.go_on_with(process)
                self._look(self._chance.choice(self.runs))
            self.begin_runs()
            self._pause.wait(BREATH)

    def wait_until_all_are_accepted(self) -> None:
        """Every caller has been answered; none failed."""
        for asked in self._asked:
            asked.result(SECONDS)

    def wait_until_all_have_ended(self) -> None:
        """Every status endpoint has told a result."""
        waiting = self.runs
        until = time.monotonic() + self._size.longest_stop + SECONDS
        while waiting:
            assert time.monotonic() < until, f"no result for {waiting}"
            waiting = [run_id for run_id in waiting if not self._look(run_id)]
            self._pause.wait(BREATH)

    def _look(self, run_id: int) -> bool:
        """True when the status endpoint says how it ended, which it then never says otherwise."""
        if run_id not in self._paths or self._process is None:
            return False
        looked = self._request("GET", self._paths[run_id])
        if looked.status_code == HTTPStatus.OK:
            assert looked.json() == self.told.setdefault(run_id, looked.json())
            return True
        # a message that waits in the queue has begun nothing yet
        assert looked.status_code in {HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND}, looked.text
        assert run_id not in self.told
        return False


@pytest.fixture
def settings(environ: dict[str, str], storage: str, name: str) -> dict[str, str]:
    return environ | {
        "AzureWebJobsStorage": storage,
        "CANCEL_QUEUE_NAME": name,
        "POLL_FIRST_SECONDS": "0.5",
        "POLL_MAX_SECONDS": "5",
        "HTTP_TIMEOUT_SECONDS": "10",
    }


@pytest.fixture
def chance(soak: bool) -> random.Random:
    """Other moments at every soak; SOAK_SEED has the same ones again."""
    seed = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(10**9) if soak else 1))
    print(f"SOAK_SEED={seed}")  # noqa: T201  # pytest shows it when the test fails
    return random.Random(seed)  # noqa: S311  # no secret hangs on it


@needs_azurite
@pytest.mark.soak
def test_a_process_that_is_killed_at_any_moment_loses_nothing(
    soak: bool,
    tally: Callable[[str, int], None],
    chance: random.Random,
    settings: dict[str, str],
    workspace: JobsApi,
    queue: QueueClient,
    poison: QueueClient,
    tmp_path: Path,
) -> None:
    size = FULL if soak else SMALL
    journal = tmp_path / "journal.sqlite"
    story = Story(size, workspace, queue, chance)
    output: list[str] = []
    in_flight: list[int] = []

    for life in range(size.kills + 1):
        process = ServeProcess(settings, "--state", str(journal))
        last = life == size.kills
        try:
            if life == 0 or last:
                assert process.listens()
                story.go_on_with(process)
                story.begin_runs()
                story.wait_until_all_are_accepted()
            if last:
                story.wait_until_all_have_ended()
                while queue.get_queue_properties().approximate_message_count:
                    pass  # until the last message is deleted, which is after it was heard
                process.stop()
            else:
                story.live(process, chance.uniform(0.0, size.longest_life))
                in_flight.append(len(story.in_flight()))
                process.kill()
        finally:
            story.go_on_with(None)
            process.end()
            output += process.output

    assert poison.get_queue_properties().approximate_message_count == 0
    for run_id in story.runs:
        assert workspace.state_of(run_id) in TERMINAL
        result = story.told[run_id]
        outcomes = {"alreadyEnded"} if run_id in story.had_ended else {"canceled", "alreadyEnded", "endedFirst"}
        assert (result["runId"], result["stopped"]) == (run_id, True)
        assert result["outcome"] in outcomes
        assert result["resultState"] == ("SUCCESS" if run_id in story.had_ended else "CANCELED")
    lost = sum(not story.told[run_id]["stopped"] for run_id in story.runs)
    late = late_cancels(workspace)
    assert (lost, late) == (0, 0)
    assert TOKEN not in "".join(output)
    assert TOKEN.encode() not in journal.read_bytes()

    tally("kills survived", size.kills)
    tally("cancellations in flight at a kill, at least", min(in_flight))
    tally("cancellations accepted, each run stopped and each status answered", len(story.runs))
    tally("cancellations or messages lost", lost)
    tally("cancels to a run that was known to have ended", late)


def late_cancels(workspace: JobsApi) -> int:
    """The cancels that were sent to a run after a read had said that it has ended."""
    ended: set[str] = set()
    late = 0
    for call in workspace.calls:
        if call.operation == "get" and call.state in TERMINAL:
            ended.add(call.run_id)
        late += call.operation == "cancel" and call.run_id in ended
    return late
