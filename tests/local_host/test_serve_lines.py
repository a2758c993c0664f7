"""What `serve` writes while it runs, read from its stdout."""

from __future__ import annotations

import json
import logging
import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import requests
from rich.console import Console

from local_host.log import Log
from tests.support.azurite import needs_azurite, wait_for_message, wait_until
from tests.support.serve_process import ServeProcess
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azure.storage.queue import QueueClient

    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0
SOON = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00"}
KEY = "a-key-that-is-in-no-line"


@pytest.fixture
def serve() -> Iterator[Callable[..., ServeProcess]]:
    """Starts processes that are ended after the test."""
    started: list[ServeProcess] = []

    def start(*arguments: str, **settings: str) -> ServeProcess:
        started.append(ServeProcess(settings, *arguments))
        assert started[-1].listens()
        return started[-1]

    yield start
    for process in started:
        process.end()


def cancel(process: ServeProcess, run_id: int, **headers: str) -> None:
    url = f"{process.url}/api/cancel-active-run?code={KEY}"
    assert requests.post(url, json={"runId": run_id}, headers=headers, timeout=SECONDS).status_code == 202
    wait_until(lambda: any(f"default-{run_id}" in line and "canceled" in line for line in process.output))


def objects(process: ServeProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.output]


def test_each_request_start_and_outcome_has_a_line_and_no_line_a_key_or_a_token(
    serve: Callable[..., ServeProcess], workspace: JobsApi, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    run_id = workspace.add_run()
    process = serve("--keys", str(keys), "--verbose", DATABRICKS_HOST=workspace.url, DATABRICKS_TOKEN=TOKEN)
    cancel(process, run_id)
    requests.get(f"{process.url}/api/nobody\u202e%0a?code={KEY}", timeout=SECONDS)
    wait_until(lambda: any("  404  " in line for line in process.output))
    output = "".join(process.output)
    assert re.search(r"^\d\d:\d\d:\d\d  POST /api/cancel-active-run  202  \d+ ms$", output, re.MULTILINE)
    assert re.search(rf"^\d\d:\d\d:\d\d  default-{run_id}  has begun$", output, re.MULTILINE)
    assert re.search(rf"^\d\d:\d\d:\d\d  default-{run_id}  canceled: TERMINATED CANCELED, ", output, re.MULTILINE)
    assert re.search(rf"default-{run_id}  pollRun  \d+ ms$", output, re.MULTILINE)
    assert (KEY in output, TOKEN in output) == (False, False)
    assert process.output[0].startswith(f"workspace default: {workspace.url} (on this machine, not emulated")


def test_every_line_is_an_object_where_that_is_asked_for(serve: Callable[..., ServeProcess]) -> None:
    process = serve("--log-format", "json")
    cancel(process, 455644834)
    events = {one["event"]: one for one in objects(process)}
    assert next(iter(events)) == "workspace"
    assert events["workspace"]["emulated"] is True
    assert events["listening"]["url"] == process.url
    request = events["request"]
    assert (request["method"], request["path"], request["statusCode"]) == ("POST", "/api/cancel-active-run", 202)
    assert events["started"]["instanceId"] == events["cancellationEnded"]["instanceId"] == "default-455644834"
    assert events["cancellationEnded"]["outcome"] == "canceled"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", one["time"]) for one in objects(process))


@needs_azurite
def test_a_message_is_told_and_a_poisonous_one_when_it_has_been_moved(
    serve: Callable[..., ServeProcess], storage: str, name: str, queue: QueueClient, poison: QueueClient
) -> None:
    process = serve("--log-format", "json", AzureWebJobsStorage=storage, CANCEL_QUEUE_NAME=name, **SOON)
    assert [one["queues"] for one in objects(process) if one["event"] == "queue"] == [[name]]
    queue.send_message('{"runId": 455644833}')
    queue.send_message("no JSON, but a secret")
    assert wait_for_message(poison).content == "no JSON, but a secret"
    wait_until(lambda: any("messagePoisoned" in line for line in process.output))
    told = objects(process)
    assert [one["attempt"] for one in told if one["event"] == "messageFailed"] == [1, 2, 3, 4, 5]
    (moved,) = (one for one in told if one["event"] == "messagePoisoned")
    assert moved["poisonQueue"] == f"{name}-poison"
    assert [one["event"] for one in told].count("message") == 1
    assert "a secret" not in "".join(process.output)


def lines(record: logging.LogRecord, *, verbose: bool = False) -> str:
    out = StringIO()
    Log(verbose=verbose, out=Console(file=out, force_terminal=True, soft_wrap=True, highlight=False)).emit(record)
    return out.getvalue()


def failure() -> logging.LogRecord:
    error = ValueError("text of \x1b]0;others\x07")
    info = (type(error), error, None)
    return logging.LogRecord("local_host", logging.ERROR, "f", 1, "%s failed", ("f\x1b[2J\nf",), info)


def test_what_others_wrote_can_do_nothing_to_a_terminal() -> None:
    styles = re.compile(r"\x1b\[[\d;]*m")
    for verbose in (False, True):
        shown = styles.sub("", lines(failure(), verbose=verbose))
        assert not re.search(r"[^\x20-\x7e\n]", shown)
        assert ("text of" in shown) == verbose, "an exception's own text is for --verbose"
        assert "ValueError" in shown
    assert len(lines(failure()).splitlines()) == 1
