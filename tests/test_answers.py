"""Answers are believed only as far as they go: strange and hostile ones, met at one step, and what came of the order.

What a case sets wrong is at the workspace, over real sockets; the time is played. tests/test_fault_matrix.py has each
call with each fault that is of no particular step.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from function_app import create_app
from local_host.background import LOOPBACK
from local_host.emulators.faults import Fault, json_fault
from local_host.emulators.run_life import STOPPED, Life, Row
from tests.support.played_workspace import PlayedWorkspace
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import RUN_ID, START
from tests.support.story import FROM_QUEUE, OVER_HTTP, SCHEDULE, Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.cancellation.order import Order
    from local_host.background import BackgroundServers
    from local_host.emulators.key_vault import KeyVault

AT_ONCE = Life(after_cancel=STOPPED[1:])
NEVER = Life(after_cancel=(Row("TERMINATING"),))
UNTOUCHED = Life(ignored_cancels=10**6)
CANCELED = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
A_DAY = 86_400
LOST = Fault(503, b"{}", after_effect=True)
HTML = Fault(404, b"<html><title>404</title></html>", "text/html")


@pytest.fixture
def story(servers: BackgroundServers, vault: KeyVault) -> Story:
    told = Story({"KEY_VAULT_URI": vault.uri})
    told.url = f"http://{LOOPBACK}:{servers.serve(told.workspace.app)}"
    return told


def error(status_code: int, error_code: Any, message: str, **headers: str) -> Fault:
    return json_fault(status_code, {"error_code": error_code, "message": message}, **headers)


# -- an answer that is of no such run, or of none that is ours ---------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {"run_id": 777, "state": CANCELED},
        {"run_id": str(RUN_ID), "state": CANCELED},
        {"state": CANCELED},
        {"run_id": None, "status": {"state": "TERMINATED", "termination_details": {"code": "USER_CANCELED"}}},
    ],
)
@pytest.mark.parametrize("at", ["get before cancel", "get after cancel"])
def test_an_answer_about_another_run_is_asked_again_and_is_never_an_outcome(at: str, told: Any, story: Story) -> None:
    story.add_run(NEVER)
    story.workspace.faults.fail(at, json_fault(200, told), times=None)
    ended = story.play(replace(FROM_QUEUE, wait_timeout_seconds=60))
    assert (ended.output["outcome"], ended.output["stopped"]) == ("timedOut", False)
    assert ended.output["error"]["code"] == "UnreadableAnswer"
    assert story.workspace.faults.met[at] > 5


@pytest.mark.parametrize("padding", [b"", b', "tasks": "' + b"x" * 5_000_000 + b'"'], ids=["whole", "cut"])
@pytest.mark.parametrize("key", ["run_id", "state"])
def test_an_answer_that_gives_a_key_twice_is_not_believed(key: str, padding: bytes, story: Story) -> None:
    story.add_run(NEVER)
    ended = json.dumps({"run_id": RUN_ID, "state": CANCELED}).encode()
    twice = ended[:-1] + f', "{key}": '.encode() + json.dumps({"run_id": RUN_ID, "state": CANCELED}[key]).encode()
    story.workspace.faults.fail("get after cancel", Fault(200, twice + padding + b"}"), times=None)
    output = story.play(replace(FROM_QUEUE, wait_timeout_seconds=10)).output
    assert (output["outcome"], output["stopped"]) == ("timedOut", False)
    assert output["error"]["code"] in {"UnreadableAnswer", "AnswerTooLarge"}


# -- a cancel whose fate is unknown ------------------------------------------------------------------------------------


def test_a_cancel_that_took_effect_but_was_answered_503_is_sent_once_and_ends_as_canceled(story: Story) -> None:
    story.add_run(Life(after_cancel=(Row("RUNNING", seconds=0.5), *STOPPED[1:])))
    story.workspace.faults.fail("cancel", LOST, times=None)
    ended = story.play()
    assert (ended.output["outcome"], ended.output["cancels"], ended.output["error"]) == ("canceled", 1, None)
    assert ended.output["cancelRequestedAt"] is not None
    assert len(story.cancels_sent) == 1


@pytest.mark.parametrize("retry_after", ["0", "5", "40"])
@pytest.mark.parametrize("goes_on", [(Row("RUNNING"),), (Row("TERMINATED", result="SUCCESS"),)])
def test_a_run_that_is_repaired_after_such_a_cancel_gets_no_other(
    retry_after: str, goes_on: tuple[Row, ...], story: Story
) -> None:
    story.add_run(Life(after_cancel=(Row("RUNNING", seconds=0.5), *STOPPED[1:])))
    story.workspace.faults.fail("cancel", replace(LOST, headers={"Retry-After": retry_after}), times=None)
    story.after(3, lambda: story.workspace.repair(RUN_ID, goes_on))
    output = story.play().output
    seen_before = retry_after == "0"
    assert (output["outcome"], output["stopped"], output["repairedSince"]) == ("canceled", True, not seen_before)
    assert (output["resultState"], output["cancels"]) == ("CANCELED", 1)
    assert len(story.cancels_sent) == 1


DEEP = b'{"message": ' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize("repaired", [True, False])
@pytest.mark.parametrize("order", [FROM_QUEUE, OVER_HTTP], ids=["queue", "HTTP"])
@pytest.mark.parametrize(
    "answer", [(200, DEEP), (200, b'{"a": 1, "a": 2}'), (201, b"{}"), (202, b""), (204, b""), (299, b"x")], ids=str
)
def test_a_yes_in_other_words_is_a_cancel_that_was_sent_and_a_read_tells(
    answer: tuple[int, bytes], order: Order, *, repaired: bool, story: Story
) -> None:
    story.add_run(Life(after_cancel=(Row("RUNNING", seconds=0.5), *STOPPED[1:])))
    story.workspace.faults.fail("cancel", Fault(*answer, after_effect=True), times=None)
    if repaired:
        story.once_in("TERMINATED", lambda: story.workspace.repair(RUN_ID))
    output = story.play(order).output
    assert (output["outcome"], output["repairedSince"], output["error"]) == ("canceled", repaired, None)
    assert (output["cancels"], len(story.cancels_sent)) == (1, 1)
    assert output["cancelRequestedAt"] is not None


def test_a_no_that_is_nested_too_deeply_to_be_read_is_a_no(story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("cancel", Fault(403, DEEP))
    output = story.play().output
    assert (output["outcome"], output["cancels"], output["error"]) == ("canceled", 1, None)


def test_a_cancel_whose_worker_died_is_not_sent_again_to_a_run_that_was_repaired_meanwhile(story: Story) -> None:
    story.add_run(Life(after_cancel=(Row("RUNNING", seconds=0.5), *STOPPED[1:])))

    def the_worker_dies_after_it_was_sent() -> None:
        story.workspace.cancel_all()
        raise RuntimeError("the worker died")

    story.once_in("RUNNING", the_worker_dies_after_it_was_sent, step="cancelRun")
    story.once_in("TERMINATED", lambda: story.workspace.repair(RUN_ID))
    output = story.play().output
    assert (output["stopped"], output["repairedSince"], story.cancels_sent) == (True, True, [])


def test_a_cancel_that_breaks_after_it_was_sent_is_counted_and_not_sent_again_unseen() -> None:
    world = PlayedWorkspace(START)
    world.faults.extend(["", "breaks after its effect"])
    steps = {"readRun": world.activities.read_run, "cancelRun": world.activities.cancel_run}

    def answer(step: str, question: Any) -> Any:
        if step == "pollRun":
            world.state = ("TERMINATED", "CANCELED")
        return steps.get(step, world.activities.poll_run)(question)

    ended = Replay(orchestrator_of(create_app({}), "cancel-active-run"), answer, now=START).run(FROM_QUEUE.to_json())
    assert ended.steps == ["readRun", "cancelRun", "pollRun"]
    assert (ended.output["outcome"], ended.output["cancels"]) == ("canceled", 1)


# -- a repaired run is not ours any more -------------------------------------------------------------------------------


@pytest.mark.parametrize("goes_on", [(Row("RUNNING"),), (Row("TERMINATED", result="SUCCESS"),)])
@pytest.mark.parametrize("repairs", [1, 2])
def test_a_repair_between_two_polls_ends_the_cancellation_also_when_it_has_ended_meanwhile(
    repairs: int, goes_on: tuple[Row, ...], story: Story
) -> None:
    story.add_run(Life(after_cancel=(Row("RUNNING", seconds=5), *STOPPED[1:]), ignored_cancels=3))

    def repair() -> None:
        assert story.now() - story.cancels_sent[-1] > timedelta(seconds=20), "another cancel would be due"
        for _ in range(repairs):
            story.workspace.repair(RUN_ID, goes_on)

    story.once_in("TERMINATED", repair, step="pollRun")
    output = story.play(replace(FROM_QUEUE, schedule=replace(SCHEDULE, cancel_again_after_seconds=20))).output
    assert (output["outcome"], output["stopped"], output["repairedSince"]) == ("canceled", True, True)
    assert (output["finalLifeCycleState"], output["resultState"]) == ("TERMINATED", "CANCELED")
    assert len(story.cancels_sent) == output["cancels"] == 4


@pytest.mark.parametrize("repaired", [True, False])
def test_a_cancel_that_is_carried_out_late_looks_first_and_leaves_what_has_ended_or_was_repaired_alone(
    repaired: bool, story: Story
) -> None:
    story.add_run(Life((Row("RUNNING", seconds=2), Row("TERMINATED", result="SUCCESS"))))

    def lies_about() -> None:
        story.pass_time(60)
        if repaired:
            story.workspace.repair(RUN_ID)

    story.once_in("RUNNING", lies_about, step="cancelRun")
    output = story.play().output
    assert (output["outcome"], output["resultState"], output["repairedSince"]) == ("endedFirst", "SUCCESS", repaired)
    assert (output["stopped"], output["cancels"], output["cancelRequestedAt"]) == (True, 0, None)
    assert story.cancels_sent == []


def test_a_run_that_had_been_repaired_before_is_canceled_as_any_other(story: Story) -> None:
    story.add_run(Life((Row("TERMINATED", result="FAILED"),)))
    story.workspace.repair(RUN_ID)
    output = story.play().output
    assert (output["outcome"], output["repairedSince"], output["cancels"]) == ("canceled", False, 1)


def attempt(repair_id: int, began: float | None, state: str = "RUNNING") -> dict[str, Any]:
    """An entry of the history; it began so many seconds after the order."""
    start = {} if began is None else {"start_time": int(1000 * (START.timestamp() + began))}
    return {"type": "REPAIR", "id": repair_id, "state": {"life_cycle_state": state}} | start


ORIGINAL = {"type": "ORIGINAL", "start_time": 1, "state": {"life_cycle_state": "TERMINATED", "result_state": "FAILED"}}
FOURTH, FIFTH = attempt(4, -500, "TERMINATED"), attempt(5, -50)


@pytest.mark.parametrize(
    ("first", "later", "repaired"),
    [
        (None, [ORIGINAL, FIFTH], False),
        (None, None, False),
        (None, [ORIGINAL, attempt(6, 1)], True),
        (None, [attempt(6, 1)], True),
        ([], [attempt(6, 1)], True),
        ([ORIGINAL, FOURTH, FIFTH], [ORIGINAL, FOURTH], False),
        ([ORIGINAL, FOURTH, FIFTH], [ORIGINAL], False),
        ([ORIGINAL, FOURTH, FIFTH], [FOURTH, attempt(3, 1)], True),
        ([ORIGINAL, FIFTH], [ORIGINAL, FIFTH, attempt(3, None)], False),
        ([ORIGINAL, FIFTH], [ORIGINAL, attempt(5, -50, "TERMINATED"), attempt(3, None)], True),
        ([ORIGINAL, FIFTH], [ORIGINAL, FIFTH, attempt(3, 1)], True),
    ],
)
def test_a_run_was_repaired_since_where_the_repair_began_after_it_was_first_seen_here(
    first: list[Any] | None, later: list[Any] | None, *, repaired: bool, story: Story
) -> None:
    story.add_run(UNTOUCHED)
    for at, history, times in (("get before cancel", first, 1), ("get after cancel", later, None)):
        told = {} if history is None else {"repair_history": history}
        running = {"run_id": RUN_ID, "state": {"life_cycle_state": "RUNNING"}, **told}
        story.workspace.faults.fail(at, json_fault(200, running), times=times)
    output = story.play(replace(FROM_QUEUE, wait_timeout_seconds=60)).output
    assert (output["stopped"], output["repairedSince"]) == (repaired, repaired)
    assert output["outcome"] == ("endedFirst" if repaired else "timedOut")


# -- a wait that somebody asks for -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status_code", [429, 503])
@pytest.mark.parametrize("at", ["get before cancel", "cancel"])
def test_a_retry_after_of_a_day_postpones_no_first_cancel_beyond_the_ceiling_and_is_told(
    at: str, status_code: int, story: Story
) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail(at, error(status_code, "BUSY", "later", Retry_After=str(A_DAY)))
    ended = story.play()
    assert ended.output["outcome"] == "canceled"
    assert max(story.cancels_sent) - START < timedelta(seconds=SCHEDULE.retry_after_ceiling_seconds + 10)
    told = [status["problem"] or {} for status in ended.custom_statuses]
    assert any(problem.get("retryAfterSeconds") == A_DAY for problem in told)


def test_a_retry_after_of_a_day_at_a_poll_does_not_postpone_the_last_read(story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("get after cancel", error(503, "BUSY", "later", Retry_After=str(A_DAY)))
    ended = story.play(replace(FROM_QUEUE, wait_timeout_seconds=600))
    assert (ended.output["outcome"], ended.output["polls"]) == ("canceled", 2)
    assert ended.timers[-1] == START + timedelta(seconds=600)


# -- one strange answer ------------------------------------------------------------------------------------------------

STRANGE = [
    HTML,
    Fault(400, b"bad gateway address", "text/plain"),
    Fault(401),
    Fault(403, b"<html><title>Forbidden</title></html>", "text/html"),
    Fault(302, headers={"Location": "/login.html"}),
    Fault(307, headers={"Location": "http://[::"}),
    error(404, "RESOURCE_DOES_NOT_EXIST", "Run not found"),
]


@pytest.mark.parametrize("fault", STRANGE, ids=lambda fault: str(fault.status_code))
@pytest.mark.parametrize("at", ["get before cancel", "cancel"])
def test_one_strange_answer_does_not_end_an_order_that_nobody_would_repeat(at: str, fault: Fault, story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail(at, fault)
    output = story.play().output
    assert (output["outcome"], output["cancels"], output["error"]) == ("canceled", 1, None)


@pytest.mark.parametrize("fault", STRANGE, ids=lambda fault: str(fault.status_code))
def test_whoever_asked_over_http_is_told_at_once(fault: Fault, story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("get", fault, times=None)
    ended = story.play(OVER_HTTP)
    assert (ended.output["outcome"], ended.steps) == ("rejected", ["readRun"])
    assert story.cancels_sent == []


@pytest.mark.parametrize(
    ("status_code", "error_code", "message", "code"),
    [
        (400, "REQUEST_LIMIT_EXCEEDED", "token bucket limit has been exceeded", "Throttled"),
        (403, "RESOURCE_EXHAUSTED", "quota", "Throttled"),
        (404, "TEMPORARILY_UNAVAILABLE", "soon", "ServiceUnavailable"),
        (
            400,
            "INVALID_PARAMETER_VALUE",
            "UnknownWorkerEnvironmentException: Unknown worker environment WorkerEnvId(workerenv-1)",
            "ServiceUnavailable",
        ),
    ],
)
@pytest.mark.parametrize("order", [FROM_QUEUE, OVER_HTTP], ids=["queue", "HTTP"])
def test_what_databricks_own_clients_treat_as_passing_passes_whatever_the_status_code(
    order: Order, status_code: int, error_code: str, message: str, code: str, story: Story
) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("get before cancel", error(status_code, error_code, message), times=3)
    ended = story.play(order)
    assert (ended.output["outcome"], ended.output["retries"]) == ("canceled", 3)
    assert any((status["problem"] or {}).get("code") == code for status in ended.custom_statuses)


@pytest.mark.parametrize("order", [FROM_QUEUE, OVER_HTTP], ids=["queue", "HTTP"])
def test_not_implemented_is_final(order: Order, story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("get", error(501, "NOT_IMPLEMENTED", "no"), times=None)
    ended = story.play(order)
    assert (ended.output["outcome"], ended.output["error"]["statusCode"]) == ("rejected", 501)
    assert ended.ended_at - START < timedelta(seconds=10)


@pytest.mark.parametrize("error_code", ["RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"])
@pytest.mark.parametrize("order", [FROM_QUEUE, OVER_HTTP], ids=["queue", "HTTP"])
def test_a_run_that_a_poll_does_not_find_twice_does_not_exist(order: Order, error_code: str, story: Story) -> None:
    story.add_run(NEVER)
    story.workspace.faults.fail("get after cancel", error(404, error_code, "Run not found"), times=None)
    ended = story.play(order)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("rejected", "RunNotFound")
    assert (ended.output["polls"], ended.output["cancels"]) == (2, 1)


def test_a_run_that_one_poll_does_not_find_is_polled_on(story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.faults.fail("get after cancel", error(404, "NOT_FOUND", "Run not found"))
    assert story.play(OVER_HTTP).output["outcome"] == "canceled"


# -- what an operator can mend -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "fault", "code"),
    [
        ("get", error(403, 403, "Invalid access token."), "TokenRejected"),
        ("cancel", error(403, "PERMISSION_DENIED", "no"), "PermissionDenied"),
        ("secret", error(403, "Forbidden", "no role"), "VaultDenied"),
        ("secret", error(404, "SecretNotFound", "none"), "SecretNotFound"),
    ],
)
def test_a_refusal_that_an_operator_can_mend_does_not_use_up_an_order_from_the_queue_and_is_told_at_once(
    at: str, fault: Fault, code: str, story: Story, vault: KeyVault, caplog: pytest.LogCaptureFixture
) -> None:
    story.add_run(AT_ONCE)
    faults = vault.faults if at == "secret" else story.workspace.faults
    faults.fail(at, fault, times=None)
    told: list[str] = []
    story.after(60, lambda: told.extend(record.getMessage() for record in caplog.records))
    story.after(1800, lambda: faults.heal(at))
    ended = story.play()
    assert (ended.output["outcome"], ended.output["cancels"], ended.output["error"]) == ("canceled", 1, None)
    blocked = [json.loads(line) for line in told if line.startswith('{"event":"cancellationBlocked"')]
    assert [line["errorCode"] for line in blocked] == [code]
    assert any((status["problem"] or {}).get("code") == code for status in ended.custom_statuses)
    assert len(ended.calls) < 40, "every few minutes"


def test_one_that_nobody_mends_is_rejected_at_the_deadline(story: Story) -> None:
    story.add_run(AT_ONCE)
    story.workspace.tokens = set()
    ended = story.play()
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("rejected", "TokenRejected")
    assert ended.ended_at - START >= timedelta(seconds=FROM_QUEUE.wait_timeout_seconds)


def test_what_a_refused_second_cancel_said_is_told(story: Story) -> None:
    story.add_run(UNTOUCHED)
    refuse: Callable[[], object] = lambda: story.workspace.faults.fail(  # noqa: E731
        "cancel", error(403, "PERMISSION_DENIED", "not any more"), times=None
    )
    story.after(60, refuse)
    output = story.play().output
    assert (output["outcome"], output["error"]["code"], output["error"]["statusCode"]) == (
        "timedOut", "PermissionDenied", 403
    )  # fmt: skip
    assert "not any more" in output["error"]["message"]
    assert (output["cancels"], len(story.cancels_sent) > 10) == (1, True)
    assert output["cancelRequestedAt"].startswith("2026-01-31T12:00:00")


# -- what the run is, and who stopped it -------------------------------------------------------------------------------


def test_the_result_of_a_continuous_run_says_that_it_starts_again(story: Story) -> None:
    story.add_run(replace(AT_ONCE, facts={"job_id": 2, "run_name": "stream", "trigger": "CONTINUOUS"}))
    output = story.play().output
    assert (output["outcome"], output["restartsItself"], output["trigger"]) == ("canceled", True, "CONTINUOUS")
    assert (output["jobId"], output["runName"]) == (2, "stream")


@pytest.mark.parametrize("beside", [{}, {"state": CANCELED}])
@pytest.mark.parametrize(("code", "outcome"), [("CANCELED", "endedFirst"), ("USER_CANCELED", "canceled")])
def test_the_termination_code_decides_whose_cancel_it_was(
    code: str, outcome: str, beside: dict[str, Any], story: Story
) -> None:
    story.add_run(NEVER)
    details = {"code": code, "type": "CLIENT_ERROR", "message": "max duration exceeded"}
    told = {"run_id": RUN_ID, "status": {"state": "TERMINATED", "termination_details": details}, **beside}
    story.workspace.faults.fail("get after cancel", json_fault(200, told))
    output = story.play().output
    assert (output["outcome"], output["stopped"], output["resultState"]) == (outcome, True, "CANCELED")


# -- another's result, and an order that came late ---------------------------------------------------------------------

STOOD = {"outcome": "canceled", "stopped": True, "runId": RUN_ID, "resultState": "CANCELED", "polls": 4}
FAILED = {**STOOD, "outcome": "timedOut", "stopped": False}


def test_an_earlier_result_that_says_stopped_stands_unless_the_run_is_active_again(story: Story) -> None:
    story.add_run(Life((Row("TERMINATED", result="SUCCESS"),)))
    assert story.play(replace(FROM_QUEUE, earlier=STOOD)).output == STOOD
    assert story.play(replace(FROM_QUEUE, earlier=FAILED)).output["outcome"] == "alreadyEnded"
    story.workspace.repair(RUN_ID)
    assert story.play(replace(FROM_QUEUE, earlier=STOOD)).output["outcome"] == "canceled"
    assert len(story.cancels_sent) == 1


def test_it_stands_too_where_the_run_is_not_kept_any_more(story: Story) -> None:
    assert story.play(replace(OVER_HTTP, earlier=STOOD)).output == STOOD
    assert story.play(replace(OVER_HTTP, earlier=FAILED)).output["error"]["code"] == "RunNotFound"


@pytest.mark.parametrize("earlier", [None, STOOD, FAILED])
def test_an_order_that_is_too_old_sends_nothing_and_replaces_no_result(
    earlier: dict[str, Any] | None, story: Story
) -> None:
    story.add_run()
    late = replace(FROM_QUEUE, asked_at=START - timedelta(seconds=A_DAY + 1), earlier=earlier)
    ended = story.play(late)
    if earlier is None:
        assert (ended.output["outcome"], ended.output["error"]["code"]) == ("expired", "OrderExpired")
    else:
        assert ended.output == earlier
    assert (ended.steps, story.state()) == ([], "RUNNING")
    just = replace(late, asked_at=START - timedelta(seconds=A_DAY - 60))
    assert story.play(just).output["outcome"] == "canceled"
