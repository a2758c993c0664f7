"""A Logic App's HTTP action against the HTTP triggers, through every ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from local_host.emulators.run_life import Life, Row, canceling
from tests.support.http_action import HttpAction

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


def action(host: LocalHost, run_id: int, query: str = "", **more: Any) -> HttpAction:
    return HttpAction(f"{host.url}/api/cancel-active-run{query}", {"runId": run_id, **more})


def test_a_canceled_run_is_stopped(host: LocalHost, workspace: JobsApi, pause: Callable[[], None]) -> None:
    calling = action(host, workspace.add_run(canceling(0.5)))
    answer = calling.run(pause)
    assert (answer.status_code, answer.json()["stopped"], answer.json()["outcome"]) == (200, True, "canceled")
    assert calling.waits
    assert all(1 <= seconds <= 67 for seconds in calling.waits)


def test_a_run_that_has_already_ended_is_stopped(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    answer = action(host, workspace.add_run(Life((Row("TERMINATED", result="SUCCESS"),)))).run(pause)
    assert (answer.status_code, answer.json()["stopped"], answer.json()["outcome"]) == (200, True, "alreadyEnded")


def test_a_run_that_does_not_stop_is_a_success_of_the_action_that_the_condition_on_stopped_tells_apart(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    answer = action(host, run_id, waitTimeoutSeconds=1).run(pause)
    assert (answer.status_code, answer.json()["stopped"], answer.json()["outcome"]) == (200, False, "timedOut")


def test_a_refusal_of_databricks_is_the_same(host: LocalHost, pause: Callable[[], None]) -> None:
    answer = action(host, 7).run(pause)
    assert (answer.status_code, answer.json()["stopped"], answer.json()["outcome"]) == (200, False, "rejected")


def test_a_failed_instance_is_told_as_failed(host: LocalHost, workspace: JobsApi, pause: Callable[[], None]) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    calling = action(host, run_id)

    def terminate_then_pause() -> None:
        workspace.wait_for(lambda seen: seen.count("cancel", run_id) == 1)
        host.engine.terminate(f"prod-{run_id}", "maintenance")
        pause()

    answer = calling.run(terminate_then_pause)
    assert (answer.status_code, answer.json()["stopped"], answer.json()["outcome"]) == (200, False, "failed")


def test_a_red_step_can_be_had_and_its_retries_neither_cancel_again_nor_change_the_answer(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    run_id = workspace.add_run(Life(may_manage=False))
    calling = action(host, run_id, "?returnInternalServerErrorOnFailure=true")
    answer = calling.run(pause)
    assert (answer.status_code, answer.json()["outcome"]) == (500, "rejected")
    assert [request.method for request in calling.sent].count("POST") == 1
    assert workspace.count("cancel", run_id) == 1


def test_a_bad_request_ends_the_action_at_once(host: LocalHost, pause: Callable[[], None]) -> None:
    calling = action(host, 0)
    assert calling.run(pause).status_code == 400
    assert len(calling.sent) == 1


def test_a_post_that_is_sent_again_joins_what_it_has_begun(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    run_id = workspace.add_run(canceling(0.5))
    requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, timeout=20)
    assert action(host, run_id).run(pause).json()["outcome"] == "canceled"
    assert workspace.count("cancel", run_id) == 1


def test_a_task_hub_that_comes_back_between_the_actions_retries_is_no_failure(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    run_id = workspace.add_run()
    calling = action(host, run_id)
    host.endpoint.out_of_order = 503
    calling.between_tries = lambda: setattr(host.endpoint, "out_of_order", None)
    assert calling.run(pause).json()["outcome"] == "canceled"
    assert [request.method for request in calling.sent].count("POST") == 2


def test_a_key_in_the_query_is_in_every_location_because_headers_are_not_sent_again(
    host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    calling = action(host, workspace.add_run(canceling(0.5)), "?code=the-callers-own")
    calling.run(pause)
    looks = [request for request in calling.sent if request.method == "GET"]
    assert looks
    assert all("code=the-callers-own" in str(request.url) for request in looks)
    assert all("x-ms-workflow-name" not in request.headers for request in looks)


def test_an_identity_is_shown_with_every_call(host: LocalHost, workspace: JobsApi, pause: Callable[[], None]) -> None:
    calling = action(host, workspace.add_run(canceling(0.5)))
    calling.authentication = "Bearer a-managed-identity's"
    assert calling.run(pause).json()["stopped"] is True
    assert {request.headers["Authorization"] for request in calling.sent} == {calling.authentication}
