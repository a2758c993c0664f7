"""A run as the Jobs API tells of it, in both of its shapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cancel_run.cancellation.run import TERMINAL, UNTOUCHED, LifeCycleState, Run, is_terminal
from tests.support.json_values import JSON


def test_the_nine_states_are_terminal_or_untouched_or_terminating() -> None:
    assert set(LifeCycleState) == TERMINAL | UNTOUCHED | {LifeCycleState.TERMINATING}
    assert not TERMINAL & UNTOUCHED
    assert len(LifeCycleState) == 9


@pytest.mark.parametrize("state", ["TERMINATED", "SKIPPED", "INTERNAL_ERROR"])
def test_three_states_are_terminal(state: str) -> None:
    assert is_terminal(state)


@pytest.mark.parametrize("state", ["RUNNING", "TERMINATING", "WAITING", "", "terminated", "A_NEW_ONE"])
def test_every_other_state_is_not(state: str) -> None:
    assert not is_terminal(state)


@pytest.mark.parametrize(
    ("answer", "state", "result"),
    [
        ({"state": {"life_cycle_state": "RUNNING"}}, "RUNNING", None),
        ({"state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}, "TERMINATED", "SUCCESS"),
        ({"state": {"life_cycle_state": "NEW", "result_state": "NEWER"}}, "NEW", "NEWER"),
        ({"status": {"state": "WAITING"}}, "WAITING", None),
        (
            {"status": {"state": "TERMINATED", "termination_details": {"code": "USER_CANCELED"}}},
            "TERMINATED",
            "CANCELED",
        ),
        ({"status": {"state": "TERMINATED", "termination_details": {"code": "CANCELED"}}}, "TERMINATED", "CANCELED"),
        ({"status": {"state": "TERMINATED", "termination_details": {"code": "SUCCESS"}}}, "TERMINATED", "SUCCESS"),
        ({"status": {"state": "RUNNING", "termination_details": {"code": "SUCCESS"}}}, "RUNNING", None),
        ({"state": {}, "status": {"state": "QUEUED"}}, "QUEUED", None),
        ({"state": {"life_cycle_state": "RUNNING"}, "status": {"state": "TERMINATED"}}, "RUNNING", None),
    ],
)
def test_states_are_kept_as_they_come(answer: dict[str, Any], state: str, result: str | None) -> None:
    run = Run.from_api(answer)
    assert (run.life_cycle_state, run.result_state) == (state, result)


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"state": None}, {"state": {"life_cycle_state": 1}}, {"status": []}]
)
def test_an_answer_without_a_state_is_no_run(answer: Any) -> None:
    with pytest.raises(ValueError, match="answer"):
        Run.from_api(answer)


def test_what_databricks_says_is_cut_and_put_on_one_line() -> None:
    run = Run.from_api({"state": {"life_cycle_state": "RUNNING", "state_message": "a\n\x1b[31mb" + "x" * 10_000_000}})
    assert run.state_message is not None
    assert len(run.state_message) == 1000
    assert run.state_message.startswith("a [31mbx")


@given(JSON)
def test_any_answer_is_a_run_that_survives_its_own_json_or_a_value_error(answer: Any) -> None:
    try:
        run = Run.from_api({"state": answer, "status": answer})
    except ValueError:
        return
    assert Run.from_json(run.to_json()) == run
