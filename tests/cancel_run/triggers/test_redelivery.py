"""A message that is delivered again begins nothing that its earlier delivery began, whatever has become of the run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest
from azure.functions.queue import QueueMessage

from cancel_run.clock import SystemClock
from cancel_run.errors import RequestError
from cancel_run.settings import Settings
from cancel_run.triggers import queue_trigger
from local_host.emulators.run_life import Life, Row
from tests.support.alerts import log_alert
from tests.support.caller import cancel, result_of

if TYPE_CHECKING:
    from local_host.background import BackgroundServers
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

MINUTE = timedelta(minutes=1)


class Doors:
    """The queue's trigger of the host, without a queue."""

    def __init__(self, host: LocalHost, servers: BackgroundServers, environ: dict[str, str]) -> None:
        self._client = df.DurableOrchestrationClient(host.client_binding)
        self._servers, self._environ = servers, environ

    def deliver(self, body: Any, message_id: str, inserted: datetime, dequeue_count: int = 1) -> None:
        message = QueueMessage(  # type: ignore[no-untyped-call]  # untyped there
            id=message_id, body=json.dumps(body).encode(), dequeue_count=dequeue_count, insertion_time=inserted
        )
        settings = Settings.from_environ(self._environ)
        self._servers.run(queue_trigger.take(message, self._client, lambda: settings, SystemClock()))


@pytest.fixture
def doors(host: LocalHost, servers: BackgroundServers, environ: dict[str, str]) -> Doors:
    return Doors(host, servers, environ)


def alert(*run_ids: int | str, fired: str = "2026-01-01T00:00:00Z") -> Any:
    return log_alert(*({"runId": str(run_id)} for run_id in run_ids), firedDateTime=fired)


@pytest.mark.parametrize("goes_on", ["RUNNING", "TERMINATED"])
def test_the_same_message_leaves_a_run_alone_that_has_been_repaired_since(
    goes_on: str, doors: Doors, host: LocalHost, workspace: JobsApi
) -> None:
    run_id, inserted = workspace.add_run(), datetime.now(UTC)
    doors.deliver({"runId": run_id}, "m-1", inserted)
    first = result_of(host, run_id)
    workspace.repair(run_id, (Row(goes_on),))
    for tries in (2, 3):
        doors.deliver({"runId": run_id}, "m-1", inserted, tries)
    assert result_of(host, run_id) == first
    assert (first["outcome"], workspace.count("cancel"), workspace.state_of(run_id)) == ("canceled", 1, goes_on)


def test_the_same_event_in_a_later_message_is_known_by_its_own_identity(
    doors: Doors, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    doors.deliver(alert(run_id), "m-1", datetime.now(UTC))
    first = result_of(host, run_id)
    workspace.repair(run_id)
    doors.deliver(alert(run_id), "m-2", datetime.now(UTC) + MINUTE)
    assert result_of(host, run_id) == first
    assert workspace.count("cancel") == 1
    doors.deliver(alert(run_id, fired="2026-01-01T00:05:00Z"), "m-3", datetime.now(UTC) + MINUTE)
    assert (result_of(host, run_id)["outcome"], workspace.count("cancel")) == ("canceled", 2)


def test_a_webhook_that_is_sent_again_is_a_new_message_and_asks_anew(
    doors: Doors, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    doors.deliver({"runId": run_id}, "m-1", datetime.now(UTC))
    first = result_of(host, run_id)
    doors.deliver({"runId": run_id}, "m-2", datetime.now(UTC) + MINUTE)
    assert result_of(host, run_id) == first, "the run is not active, so the result stands"
    workspace.repair(run_id)
    doors.deliver({"runId": run_id}, "m-3", datetime.now(UTC) + MINUTE)
    assert result_of(host, run_id)["outcome"] == "canceled"
    assert workspace.count("cancel") == 2


def test_a_message_that_had_joined_another_order_is_done_with_it(
    doors: Doors, host: LocalHost, workspace: JobsApi
) -> None:
    run_id, inserted = workspace.add_run(), datetime.now(UTC)
    first = cancel(host, run_id)  # begun over HTTP, after the message was sent
    workspace.repair(run_id)
    doors.deliver({"runId": run_id}, "m-1", inserted, 2)
    assert result_of(host, run_id) == first
    assert workspace.count("cancel") == 1


def test_after_a_partial_failure_only_what_was_not_begun_is_begun(
    doors: Doors, host: LocalHost, workspace: JobsApi
) -> None:
    one, two, inserted = workspace.add_run(), workspace.add_run(), datetime.now(UTC)
    for tries in range(1, 6):
        with pytest.raises(RequestError, match="row 2: the run id 'none'"):
            doors.deliver(alert(one, "none", two), "m-1", inserted, tries)
        assert [result_of(host, run_id)["outcome"] for run_id in (one, two)] == ["canceled"] * 2
        workspace.repair(one)
    assert (workspace.count("cancel", one), workspace.count("cancel", two)) == (1, 1)


def test_an_order_that_is_too_old_replaces_no_result(doors: Doors, host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    first = cancel(host, run_id, waitTimeoutSeconds=1)
    assert first["outcome"] == "timedOut"
    doors.deliver({"runId": run_id}, "m-1", datetime.now(UTC) - timedelta(days=2))
    assert result_of(host, run_id) == first
    other = workspace.add_run()
    doors.deliver({"runId": other}, "m-2", datetime.now(UTC) - timedelta(days=2))
    assert (result_of(host, other)["outcome"], workspace.count("cancel", other)) == ("expired", 0)
