"""function_app.py on Microsoft's own worker: it indexes the app, and every function is invoked as the host does it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.cancellation.order import Order
from function_app import create_app
from local_host.emulators.run_life import Life, Row
from tests.support.alerts import log_alert
from tests.support.execution import Activity, Execution, Timer

pytest.importorskip(
    "azure_functions_runtime",
    reason=f"azure-functions-runtime, Microsoft's worker, is for Python 3.13; this is {sys.version.partition(' ')[0]}",
)
from tests.support.worker import InvocationFailedError, Worker, as_json, binary, http, text

if TYPE_CHECKING:
    from local_host.background import BackgroundServers
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 20.0
URL = "https://app.example/api/cancel-active-run"
ORDER = {"runId": 7, "reason": "a test"}
RECEIVED = {  # of a message, as the host tells it
    "Id": text("5f1e7ab2"),
    "DequeueCount": as_json(3),
    "PopReceipt": text("AgAAAAMAAAA"),
    "InsertionTime": as_json("2026-11-25T12:00:00+00:00"),
    "ExpirationTime": as_json("2026-12-02T12:00:00+00:00"),
    "NextVisibleTime": as_json("2026-11-25T12:10:00+00:00"),
    "sys": as_json({"MethodName": "startFromQueue", "UtcNow": "2026-11-25T12:00:01Z", "RandGuid": "1"}),
}


@pytest.fixture
def worker(environ: dict[str, str], servers: BackgroundServers, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """The worker, which imports the app anew under the test's settings."""
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delitem(sys.modules, "function_app")
    return Worker(servers.run)


# -- indexing ----------------------------------------------------------------------------------------------------------


def test_every_function_is_indexed_with_the_bindings_that_the_local_host_goes_by(worker: Worker) -> None:
    here = {
        function.get_function_name(): {
            binding.name: (binding.type, int(binding.direction), binding.data_type and int(binding.data_type))
            for binding in function.get_bindings()
        }
        for function in create_app({}).get_functions()
    }
    there = {
        name: {
            key: (binding.type, int(binding.direction), binding.data_type and int(binding.data_type))
            for key, binding in function.bindings.items()
        }
        for name, function in worker.functions.items()
    }
    assert there == here
    assert len(there) == len(create_app({}).get_functions())


def test_the_host_is_told_routes_methods_queues_and_levels_as_the_local_host_reads_them(worker: Worker) -> None:
    here = {
        function.get_function_name(): [json.loads(binding) for binding in function.get_raw_bindings()]
        for function in create_app({}).get_functions()
    }
    assert worker.raw_bindings == here
    trigger = next(one for one in worker.raw_bindings["startFromQueue"] if one["type"] == "queueTrigger")
    assert trigger["dataType"] == "BINARY"


# -- invoking ----------------------------------------------------------------------------------------------------------


def test_a_post_starts_and_a_get_looks(worker: Worker, host: LocalHost) -> None:
    client = text(host.client_binding)
    answer = worker.invoke("startFromHttp", req=http("POST", URL, json.dumps(ORDER).encode()), client=client)
    response = answer.return_value.http
    assert response.status_code == "202"
    assert response.headers["Location"] == f"{URL}/prod-7"
    assert json.loads(response.body.bytes)["instanceId"] == "prod-7"
    host.engine.wait_until_ended("prod-7", SECONDS)
    looked = worker.invoke("getCancellation", req=http("GET", f"{URL}/prod-7", instanceId="prod-7"), client=client)
    assert looked.return_value.http.status_code == "200"
    assert json.loads(looked.return_value.http.body.bytes)["outcome"] == "rejected"


def test_a_request_whose_body_did_not_come_is_told_to_name_its_length(worker: Worker, host: LocalHost) -> None:
    headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
    req = http("POST", URL, headers=headers)
    client = text(host.client_binding)
    answers = [worker.invoke("startFromHttp", req=req, client=client), worker.invoke("enqueueAlert", req=req)]
    assert [answer.return_value.http.status_code for answer in answers] == ["411", "411"]


@pytest.mark.parametrize("body", [b'{"a":1.10}', b'["one",2]', b"[]"])
def test_an_alert_goes_to_the_queue_as_bytes(body: bytes, worker: Worker) -> None:
    answer = worker.invoke("enqueueAlert", req=http("POST", "https://app.example/api/alerts", body))
    assert answer.return_value.http.status_code == "202"
    (output,) = answer.output_data
    assert (output.name, vars(output.data)) == ("message", {"bytes": body})


def test_what_an_alert_that_no_message_can_hold_asks_for_goes_to_the_queue_as_a_list_of_texts(worker: Worker) -> None:
    rows = [{"runId": run, "query": "x" * 3000} for run in (*map(str, range(1, 31)), "none")]
    body = json.dumps(log_alert(*rows)).encode()
    answer = worker.invoke("enqueueAlert", req=http("POST", "https://app.example/api/alerts", body))
    assert answer.return_value.http.status_code == "202"
    (output,) = answer.output_data
    orders, refusals = json.loads(output.data.json)  # the host writes one message for each
    assert orders.count('"runId"') == 30
    assert list(json.loads(refusals)) == ["refused"]


def test_the_document_names_the_server_of_the_request(worker: Worker) -> None:
    answer = worker.invoke("getOpenApi", req=http("GET", "https://app.example/api/openapi.json"))
    document = json.loads(answer.return_value.http.body.bytes)
    assert document["servers"] == [{"url": "https://app.example/api"}]


def test_a_message_starts_and_its_keys_are_not_its_metadata(worker: Worker, host: LocalHost) -> None:
    client = text(host.client_binding)
    worker.invoke("startFromQueue", RECEIVED, message=binary(json.dumps(ORDER).encode()), client=client)
    host.engine.wait_until_ended("prod-7", SECONDS)


def test_a_message_that_cannot_work_fails_its_invocation_in_our_words(worker: Worker, host: LocalHost) -> None:
    client = text(host.client_binding)
    with pytest.raises(InvocationFailedError, match="RequestError: The request cannot be taken"):
        worker.invoke("startFromQueue", RECEIVED, message=binary(b'{"id": "forged"}'), client=client)


def test_the_nightly_purge_is_called_by_the_timer(worker: Worker, host: LocalHost) -> None:
    timer = as_json({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False})
    assert worker.invoke("purgeHistory", timer=timer, client=text(host.client_binding)).return_value is None


def test_the_activities_of_a_job_are_given_a_durable_client(
    worker: Worker, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    client = text(host.client_binding)
    family: dict[str, Any] = {
        "workspace": "prod",
        "event": "job x",
        "since": "2026-01-31T12:00:00+00:00",
        "runs": [run_id],
    }
    family |= {"waitTimeoutSeconds": 60}
    begun = worker.invoke("startCancellations", family=text(json.dumps(family)), client=client)
    assert json.loads(begun.return_value.json) == {"begun": [{"runId": run_id}]}
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    asked = text(json.dumps(family | {"runs": [{"runId": run_id}]}))
    (ended,) = json.loads(worker.invoke("readCancellations", family=asked, client=client).return_value.json)["ended"]
    assert ended == {"runId": run_id, "stopped": True, "outcome": "canceled", "state": "TERMINATED"}


def test_a_whole_cancellation_goes_through_the_worker_turn_by_turn(worker: Worker, workspace: JobsApi) -> None:
    stops = (Row("TERMINATING", reads=2), Row("TERMINATED", result="CANCELED"))
    run_id = workspace.add_run(Life(after_cancel=stops))

    def handle(context: str) -> str:
        state: str = worker.invoke("cancel-active-run", context=text(context)).return_value.json
        return state

    order = Order(run_id, workspace="prod", asked_at=datetime.now(UTC)).to_json()
    # the extension replays: each turn is taken twice, and both times alike
    execution = Execution(handle, order, instance_id=f"prod-{run_id}", now=datetime.now(UTC), twice=True)
    called: list[str] = []
    while execution.stored.pending is not None:
        pending: Timer | Activity = execution.stored.pending
        if isinstance(pending, Timer):
            execution.now = pending.fire_at
            execution.fire()
        else:
            called.append(pending.name)
            answer = worker.invoke(pending.name, question=text(json.dumps(pending.input)))
            execution.complete(json.loads(answer.return_value.json))
    assert execution.stored.failure is None
    assert execution.stored.output["outcome"] == "canceled"
    assert called == ["readRun", "cancelRun", "pollRun", "pollRun", "pollRun"]
    assert workspace.count("cancel", run_id) == 1
