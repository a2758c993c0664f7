"""The orchestrator where something is refused or fails, for a while or for good."""

from __future__ import annotations

from itertools import chain, repeat

from tests.support.scripts import (
    BUSY,
    CANCELED,
    DENIED,
    NOT_FOUND,
    ORDER,
    accepted,
    busy_for,
    cancellation,
    run,
    script,
)


def test_a_run_that_does_not_exist_is_rejected_without_a_cancel() -> None:
    ended = cancellation(script(reads=[NOT_FOUND]))
    assert ended.steps == ["readRun"]
    assert (ended.output["outcome"], ended.output["stopped"]) == ("rejected", False)
    assert ended.output["error"] == NOT_FOUND["error"]
    assert ended.output["finalLifeCycleState"] is None


def test_a_refused_cancel_of_a_run_that_goes_on_is_rejected_with_the_cancels_error() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[run("RUNNING")]))
    assert ended.steps == ["readRun", "cancelRun", "pollRun"]
    assert (ended.output["outcome"], ended.output["cancels"]) == ("rejected", 0)
    assert ended.output["error"] == {"code": "PermissionDenied", "message": "no CAN MANAGE RUN", "statusCode": 403}
    assert ended.output["finalLifeCycleState"] == "RUNNING"


def test_a_refused_cancel_of_a_run_that_has_just_ended_is_decided_by_the_next_read() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[run("TERMINATED", "SUCCESS")]))
    assert (ended.output["outcome"], ended.output["stopped"]) == ("endedFirst", True)


def test_canceled_by_somebody_else_after_our_cancel_was_refused_is_not_our_cancel() -> None:
    ended = cancellation(script(cancels=[DENIED], polls=[CANCELED]))
    assert ended.output["outcome"] == "endedFirst"


def test_a_refused_second_cancel_does_not_end_the_wait() -> None:
    ended = cancellation(script(cancels=chain([accepted], repeat(DENIED)), polls=[run("RUNNING")] * 30 + [CANCELED]))
    assert ended.steps.count("cancelRun") > 1
    assert (ended.output["outcome"], ended.output["cancels"]) == ("canceled", 1)


def test_a_run_that_vanishes_while_it_is_polled_is_rejected() -> None:
    ended = cancellation(script(polls=[run("RUNNING"), NOT_FOUND]))
    assert (ended.output["outcome"], ended.output["finalLifeCycleState"]) == ("rejected", "RUNNING")


def test_access_lost_while_polling_is_waited_out_because_a_token_may_be_in_rotation() -> None:
    ended = cancellation(script(polls=[run("RUNNING"), DENIED, DENIED, CANCELED]))
    assert (ended.output["outcome"], ended.output["retries"]) == ("canceled", 2)


def test_a_failure_that_passes_never_ends_the_wait() -> None:
    ended = cancellation(
        script(polls=[BUSY, RuntimeError("the worker died"), BUSY, run("TERMINATING"), BUSY, CANCELED])
    )
    assert (ended.output["outcome"], ended.output["retries"], ended.output["polls"]) == ("canceled", 4, 6)
    assert ended.output["error"] is None


def test_a_failing_read_is_tried_until_it_answers() -> None:
    ended = cancellation(script(reads=[BUSY] * 30 + [run("RUNNING")], polls=[CANCELED]))
    assert ended.steps == ["readRun"] * 31 + ["cancelRun", "pollRun"]
    assert ended.output["outcome"] == "canceled"


def test_a_cancel_that_fails_for_a_while_is_sent_until_it_is_accepted() -> None:
    throttled = busy_for(3)
    ended = cancellation(script(cancels=[throttled, throttled, accepted], polls=[CANCELED]))
    assert ended.steps == ["readRun", "cancelRun", "cancelRun", "cancelRun", "pollRun"]
    assert ended.output["cancels"] == 1


def test_a_cancel_whose_fate_is_unknown_is_followed_by_a_read_and_sent_again_only_to_a_run_seen_untouched() -> None:
    ended = cancellation(script(cancels=[BUSY, accepted], polls=[BUSY, *[run("RUNNING")] * 8, CANCELED]))
    assert ended.steps[:4] == ["readRun", "cancelRun", "pollRun", "pollRun"]
    assert ended.steps.count("cancelRun") == ended.output["cancels"] == 2
    assert ended.output["outcome"] == "canceled"
    alone = cancellation(script(cancels=[BUSY], polls=[CANCELED]))
    assert alone.steps == ["readRun", "cancelRun", "pollRun"]
    assert (alone.output["outcome"], alone.output["cancels"]) == ("canceled", 1)
    assert alone.output["cancelRequestedAt"] is not None


def test_an_outage_until_the_deadline_is_timed_out_with_what_was_last_said() -> None:
    ended = cancellation(script(reads=repeat(BUSY)), {**ORDER, "waitTimeoutSeconds": 120})
    assert (ended.output["outcome"], ended.output["finalLifeCycleState"]) == ("timedOut", None)
    assert ended.output["error"] == {"code": "ServiceUnavailable", "message": "503", "statusCode": 503}
    assert "cancelRun" not in ended.steps


def test_a_read_that_breaks_unforeseen_three_times_fails_the_instance() -> None:
    ended = cancellation(script(reads=repeat(ValueError("a defect"))))
    assert ended.steps == ["readRun"] * 3
    assert ended.failure is not None


def test_a_read_that_breaks_once_is_retried_durably() -> None:
    ended = cancellation(script(reads=[ValueError("a dead worker"), run("RUNNING")], polls=[CANCELED]))
    assert ended.output["outcome"] == "canceled"
