"""The queue trigger, against a real Azurite by the real Storage client: nothing lost, poison kept, twice is once.

It is longer than most: one scene, and what may happen to a message in it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local_host.emulators.run_life import Life, Row, canceling
from local_host.queue_client import queue_client
from local_host.queue_output import write_to_queue
from local_host.queue_trigger import attach_queues
from tests.support.alerts import log_alert
from tests.support.azurite import RULES, needs_azurite, wait_for_message, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.storage.queue import QueueClient

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 30.0

pytestmark = needs_azurite


@pytest.fixture
def fed(start_host: Callable[..., LocalHost], environ: dict[str, str], storage: str, name: str) -> Iterator[LocalHost]:
    """The app, fed from the queue."""
    host = start_host(
        {**environ, "CANCEL_QUEUE_NAME": name},
        outputs={"queue": lambda binding, value: write_to_queue(storage, binding, value)},
    )
    attach_queues(host, storage, RULES)
    yield host
    while host._attached:  # noqa: SLF001  # what close() does first; the engine is closed with the others
        host._attached.pop().close()  # noqa: SLF001


def ended(host: LocalHost, workspace: JobsApi, run_id: int) -> dict[str, Any]:
    workspace.wait_for(lambda seen: seen.count("get", run_id) > 0, SECONDS)
    output: dict[str, Any] = host.engine.wait_until_ended(f"prod-{run_id}", SECONDS).output
    return output


@pytest.mark.parametrize(
    "encode", [str, lambda text: base64.b64encode(text.encode()).decode()], ids=["plain", "base64"]
)
def test_a_message_cancels_its_run(
    encode: Callable[[str], str], queue: QueueClient, fed: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    queue.send_message(encode(json.dumps({"runId": run_id, "reason": "from a queue"})))
    output = ended(fed, workspace, run_id)
    assert (output["outcome"], output["reason"]) == ("canceled", "from a queue")


def test_an_alert_that_was_posted_cancels_its_run(fed: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    alert = {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {"monitorCondition": "Fired", "alertRule": "over budget"},
            "alertContext": {"condition": {"allOf": [{"dimensions": [{"name": "runId", "value": str(run_id)}]}]}},
        },
    }
    accepted = requests.post(f"{fed.url}/api/alerts", json=alert, timeout=SECONDS)
    assert (accepted.status_code, accepted.json()) == (202, {"queued": True})
    output = ended(fed, workspace, run_id)
    assert (output["outcome"], output["reason"], output["requestedBy"]) == (
        "canceled",
        "alert over budget",
        "azure-monitor",
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1.10, "b":[]}',
        b'[{"a":1},\n\t{"a":2}]',
        b"[]",
        b'"2026-01-31T12:00:00+02:00"',
        b'{"a":1e400}',
        b"[" * 100 + b"]" * 100,
        b"[%s]" % b",".join([b"1"] * 30_000),
        b'"%s"' % (b"x" * (64 * 1024 - 2)),
        '"\u0001\u0085\U0001f600"'.encode().replace(b"\x01", rb"\u0001"),
    ],
    ids=lambda body: body[:20],
)
def test_what_is_posted_is_in_the_queue_byte_for_byte(
    body: bytes, start_host: Callable[..., LocalHost], environ: dict[str, str], storage: str, name: str
) -> None:
    host = start_host(
        {**environ, "CANCEL_QUEUE_NAME": name},
        outputs={"queue": lambda binding, value: write_to_queue(storage, binding, value)},
    )
    headers = {"Content-Type": "application/json"}
    assert requests.post(f"{host.url}/api/alerts", data=body, headers=headers, timeout=SECONDS).status_code == 202
    with contextlib.closing(queue_client(storage, name)) as queue:
        assert [message.content.encode() for message in queue.receive_messages()] == [body]


def test_what_xml_cannot_hold_is_escaped_and_split_by_the_size_that_it_has_then(
    start_host: Callable[..., LocalHost], environ: dict[str, str], storage: str, name: str
) -> None:
    host = start_host(
        {**environ, "CANCEL_QUEUE_NAME": name},
        outputs={"queue": lambda binding, value: write_to_queue(storage, binding, value)},
    )
    answers = [
        requests.post(f"{host.url}/api/alerts", data=b'"%s"' % text.encode(), timeout=SECONDS).status_code
        for text in ("\ufffe\uffff", "\ufffe" * 20_000)
    ]
    assert answers == [202, 202]
    with contextlib.closing(queue_client(storage, name)) as queue:
        first, second = [message.content for message in queue.receive_messages()]
    assert first == r'"\ufffe\uffff"'
    assert list(json.loads(second)) == ["refused"]


def test_an_alert_that_no_message_can_hold_cancels_its_runs_and_says_what_it_cannot(
    fed: LocalHost, workspace: JobsApi, poison: QueueClient, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [workspace.add_run() for _ in range(50)]
    alert = log_alert(*({"runId": run, "query": "x" * 3000} for run in runs), {"runId": "none", "query": "x" * 3000})
    assert len(json.dumps(alert)) > 2 * 64 * 1024
    assert requests.post(f"{fed.url}/api/alerts", json=alert, timeout=SECONDS).status_code == 202
    for run_id in runs:
        assert ended(fed, workspace, run_id)["outcome"] == "canceled"
    assert list(json.loads(wait_for_message(poison).content)) == ["refused"]
    told = [record for record in caplog.records if "cannot be taken" in record.getMessage()]
    assert len(told) == 1
    assert "row 51: the run id 'none'" in told[0].getMessage()


@pytest.mark.parametrize(("body", "status_code"), [(b"not json", 400), (b" " * 300_000, 413)])
def test_what_no_alert_can_be_does_not_reach_the_queue(
    body: bytes, status_code: int, fed: LocalHost, queue: QueueClient
) -> None:
    headers = {"Content-Type": "application/json"}
    refused = requests.post(f"{fed.url}/api/alerts", data=body, headers=headers, timeout=SECONDS)
    assert refused.status_code == status_code
    assert queue.get_queue_properties().approximate_message_count == 0


def test_the_same_message_twice_is_one_cancellation(queue: QueueClient, fed: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(canceling(1.0))
    for _ in range(5):
        queue.send_message(json.dumps({"runId": run_id}))
    assert ended(fed, workspace, run_id)["outcome"] == "canceled"
    assert workspace.count("cancel", run_id) == 1


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        '{"runId": 0}',
        '{"runId": 1, "workspace": "elsewhere"}',
        '{"runId": 0, "id": "forged", "dequeueCount": 77}',
        '{"runId": 0, "insertionTime": "soon", "DequeueCount": "many"}',
    ],
)
def test_a_message_that_can_never_work_ends_in_the_poison_queue_with_one_line_that_names_it(
    message: str, queue: QueueClient, poison: QueueClient, fed: LocalHost, caplog: pytest.LogCaptureFixture
) -> None:
    assert fed.url
    sent = queue.send_message(message)
    poisoned = wait_for_message(poison).content
    assert poisoned == message
    told = [record for record in caplog.records if record.name == "cancel_run.triggers.queue_trigger"]
    assert [record.levelno for record in told] == [logging.ERROR]
    line = told[0].getMessage()
    assert str(sent.id) in line
    assert f"(text {hashlib.sha256(poisoned.encode()).hexdigest()[:16]})" in line  # the copy has another id
    assert message not in line


def test_a_task_hub_that_is_away_for_a_moment_loses_no_message(
    queue: QueueClient, fed: LocalHost, workspace: JobsApi, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = workspace.add_run()
    fed.endpoint.out_of_order = 503
    queue.send_message(json.dumps({"runId": run_id}))
    wait_until(lambda: "startFromQueue failed" in [record.getMessage() for record in caplog.records])
    fed.endpoint.out_of_order = None
    assert ended(fed, workspace, run_id)["outcome"] == "canceled"


@pytest.mark.soak
def test_of_hundreds_of_messages_with_duplicates_none_is_lost(
    queue: QueueClient,
    poison: QueueClient,
    fed: LocalHost,
    workspace: JobsApi,
    soak: bool,
    tally: Callable[[str, int], None],
) -> None:
    ended_before, active = (450, 50) if soak else (120, 30)
    runs = [workspace.add_run(Life((Row("TERMINATED", result="SUCCESS"),))) for _ in range(ended_before)]
    runs += [workspace.add_run() for _ in range(active)]
    tally("messages, each of them twice", len(runs))
    for run_id in [*runs, *runs]:
        queue.send_message(json.dumps({"runId": run_id}))
    workspace.wait_for(lambda seen: {int(call.run_id) for call in seen.calls} == set(runs), 60)
    for run_id in runs:
        assert fed.engine.wait_until_ended(f"prod-{run_id}", SECONDS).output["stopped"] is True
    assert poison.get_queue_properties().approximate_message_count == 0
