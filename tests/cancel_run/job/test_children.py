"""startCancellations and readCancellations, called as often as Durable may call them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from cancel_run.clock import SystemClock
from cancel_run.settings import Settings
from cancel_run.triggers import children
from local_host.emulators.run_life import Life, Row
from tests.support.caller import cancel, post

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 20.0


class Family:
    """The order of a job, given three days ago; and the two activities for it."""

    def __init__(self, host: LocalHost, environ: dict[str, str]) -> None:
        self.host = host
        self._client = df.DurableOrchestrationClient(host.client_binding)
        self._settings = functools.cache(lambda: Settings.from_environ(environ))
        since = datetime.now(UTC) - timedelta(days=3)
        self.asked = {"workspace": "prod", "event": "job x", "since": since.isoformat(), "waitTimeoutSeconds": 60}

    def begin(self, *runs: int) -> Any:
        asked: Any = {**self.asked, "runs": list(runs)}
        started = children.start_cancellations(asked, self._client, self._settings, SystemClock())
        return self.host.servers.run(started)

    def look(self, *runs: Any) -> Any:
        asked: Any = {**self.asked, "runs": [one if isinstance(one, dict) else {"runId": one} for one in runs]}
        return self.host.servers.run(children.read_cancellations(asked, self._client))


@pytest.fixture
def family(host: LocalHost, environ: dict[str, str]) -> Family:
    return Family(host, environ)


def test_a_second_call_begins_nothing_whether_the_first_has_ended_or_not(family: Family, workspace: JobsApi) -> None:
    runs = [workspace.add_run(), workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))]
    assert [one["runId"] for one in family.begin(*runs)["begun"]] == runs
    family.host.engine.wait_until_ended(f"prod-{runs[0]}", SECONDS)
    began = [instance.created_at for instance in family.host.engine.instances()]
    assert [one["runId"] for one in family.begin(*runs)["begun"]] == runs
    assert [instance.created_at for instance in family.host.engine.instances()] == began
    seen = family.look(*runs)
    assert seen == {
        "ended": [{"runId": runs[0], "stopped": True, "outcome": "canceled", "state": "TERMINATED"}],
        "lost": [],
    }
    assert workspace.count("cancel", runs[0]) == 1


def test_one_that_ended_without_a_stop_is_this_orders_however_often_it_is_begun(
    family: Family, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(may_manage=False))
    again: Any = {}
    for _ in range(2):  # while it is under way, or after its end
        again = family.begin(run_id)
        family.host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    assert again == family.begin(run_id) == {"begun": [{"runId": run_id}]}  # and joins nobody
    assert family.look(run_id)["ended"][0]["outcome"] == "rejected"


def test_one_that_is_begun_days_after_the_order_is_not_too_old(family: Family, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    family.begin(run_id)
    assert family.host.engine.wait_until_ended(f"prod-{run_id}", SECONDS).output["outcome"] == "canceled"


def test_the_end_of_one_that_was_joined_counts_and_that_of_a_later_one_does_not(
    family: Family, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING", seconds=0.5), Row("TERMINATED"))))
    post(family.host, {"runId": run_id})
    (joined,) = family.begin(run_id)["begun"]
    assert joined["joined"]
    assert family.look(joined) == {"ended": [], "lost": []}
    family.host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    assert family.look(joined)["ended"][0]["stopped"] is True
    workspace.repair(run_id, (Row("TERMINATING"),))
    post(family.host, {"runId": run_id})  # another order, after the end of the one that was joined
    assert family.look(joined)["lost"] == [run_id]


def test_one_that_was_stopped_since_the_order_counts_whoever_did_it(family: Family, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    cancel(family.host, run_id)
    family.begin(run_id)
    assert family.look(run_id)["ended"][0]["outcome"] == "canceled"
    assert workspace.count("cancel", run_id) == 1


def test_one_that_nobody_knows_is_lost(family: Family) -> None:
    assert family.look(7) == {"ended": [], "lost": [7]}


@pytest.mark.parametrize("status_code", [0, 500, 503])
def test_a_task_hub_that_does_not_answer_is_a_problem_and_no_end(status_code: int, family: Family) -> None:
    family.host.endpoint.out_of_order = status_code
    for answer in (family.begin(7), family.look(7)):
        assert answer["problem"]["code"] == "TaskHubUnavailable"
        assert not answer.get("begun")
        assert not answer.get("ended")
        assert not answer.get("lost")
    family.host.endpoint.out_of_order = None
