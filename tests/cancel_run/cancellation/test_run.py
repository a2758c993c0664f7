"""A run as the Jobs API tells of it, in both of its shapes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cancel_run.cancellation.run import NEVER_REPAIRED, Run
from cancel_run.cancellation.states import LifeCycleState, Means, meaning
from tests.support.json_values import JSON


@pytest.mark.parametrize("state", LifeCycleState)
def test_each_of_the_nine_states_means_one_thing(state: LifeCycleState) -> None:
    assert len(LifeCycleState) == 9
    ended = state in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
    assert meaning(state) == (Means.ENDED if ended else Means.STOPPING if state == "TERMINATING" else Means.UNTOUCHED)


@pytest.mark.parametrize("state", ["WAITING", "", "terminated", "A_NEW_ONE"])
def test_a_state_that_nobody_knows_is_active_and_not_untouched(state: str) -> None:
    assert meaning(state) is Means.STOPPING


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
    run = Run.from_api({"run_id": 7, **answer}, 7)
    assert (run.life_cycle_state, run.result_state) == (state, result)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "x",
        {},
        {"run_id": 7, "state": None},
        {"run_id": 7, "state": {"life_cycle_state": 1}},
        {"run_id": 7, "status": []},
    ],
)
def test_an_answer_without_a_state_is_no_run(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"answer|run_id|life_cycle_state"):
        Run.from_api(answer, 7)


@pytest.mark.parametrize("run_id", [777, None, "7", 7.0, True])
def test_an_answer_about_another_run_or_about_none_is_not_believed(run_id: Any) -> None:
    with pytest.raises(ValueError, match="run_id"):
        Run.from_api({"run_id": run_id, "state": {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}}, 7)


@pytest.mark.parametrize(
    ("code", "result", "canceled"),
    [
        ("USER_CANCELED", "CANCELED", True),
        ("CANCELED", "CANCELED", False),
        (None, "CANCELED", True),
        (None, "FAILED", False),
        ("SUCCESS", "CANCELED", False),
    ],
)
def test_the_termination_code_decides_who_canceled_it_also_beside_state(
    code: str | None, result: str, canceled: bool
) -> None:
    status: dict[str, Any] = {"state": "TERMINATED"}
    if code:
        status["termination_details"] = {"code": code}
    state = {"life_cycle_state": "TERMINATED", "result_state": result}
    assert Run.from_api({"run_id": 7, "state": state, "status": status}, 7).canceled is canceled


def test_the_facts_of_the_run_are_kept_and_a_continuous_job_is_known() -> None:
    answer = {
        "run_id": 7,
        "state": {"life_cycle_state": "RUNNING"},
        "trigger": "CONTINUOUS",
        "job_id": 2,
        "run_name": "s",
    }
    run = Run.from_api(answer, 7)
    assert (run.job_id, run.run_name, run.trigger, run.restarts_itself) == (2, "s", "CONTINUOUS", True)
    assert Run.from_api({**answer, "trigger": "PERIODIC"}, 7).restarts_itself is False


def repaired(*ids: int | None, state: str = "RUNNING") -> dict[str, Any]:
    ended = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED", "state_message": "Run cancelled."}
    history = [{"type": "ORIGINAL", "start_time": 0, "state": ended}]
    history += [{"type": "REPAIR", "id": id_, "start_time": at, "state": ended} for at, id_ in enumerate(ids, 1)]
    return {"run_id": 7, "state": {"life_cycle_state": state}, "repair_history": history[::-1]}


@pytest.mark.parametrize("state", ["RUNNING", "TERMINATED"])
def test_of_a_run_that_was_repaired_since_the_attempt_before_it_is_told(state: str) -> None:
    run = Run.attempt_from_api(repaired(50, 12, state=state), 7, 50)
    assert run is not None
    assert (run.life_cycle_state, run.result_state, run.ended, run.canceled) == ("TERMINATED", "CANCELED", True, True)
    assert (run.repaired_since, run.state_message) == (True, "Run cancelled.")
    assert Run.attempt_from_api(repaired(50), 7, NEVER_REPAIRED) is not None


def test_the_attempt_that_is_the_newest_is_read_as_it_is() -> None:
    assert Run.from_api(repaired(50, 12), 7).repair_id == 12
    assert Run.from_api(repaired(), 7).repair_id == NEVER_REPAIRED
    untold = {"run_id": 7, "state": {"life_cycle_state": "RUNNING"}}
    seen = [(repaired(50, 12), 12), (repaired(), NEVER_REPAIRED), (repaired(50), None), (repaired(), 50), (untold, 50)]
    for answer, known in seen:
        assert Run.attempt_from_api(answer, 7, known) is None


def test_an_attempt_that_the_history_has_forgotten_has_ended_nobody_knows_how() -> None:
    run = Run.attempt_from_api({**repaired(), "repair_history": [{"id": 9, "start_time": 5}]}, 7, 8)
    assert run is not None
    assert (run.ended, run.canceled, run.result_state, run.repaired_since) == (True, False, None, True)


def test_a_repair_that_has_not_begun_yet_is_the_newest() -> None:
    answer = repaired(50, 12)
    answer["repair_history"].append({"type": "REPAIR", "id": 3, "start_time": 0, "state": answer["state"]})
    run = Run.attempt_from_api(answer, 7, 12)
    assert run is not None
    assert (run.result_state, run.repaired_since) == ("CANCELED", True)


def test_an_attempt_that_its_entry_calls_active_has_ended_all_the_same() -> None:
    answer = repaired(50)
    answer["repair_history"][-1]["state"] = {"life_cycle_state": "TERMINATING"}
    run = Run.attempt_from_api(answer, 7, NEVER_REPAIRED)
    assert run is not None
    assert (run.life_cycle_state, run.result_state, run.ended) == ("TERMINATED", None, True)


def test_what_databricks_says_is_cut_and_put_on_one_line() -> None:
    run = Run.from_api(
        {"run_id": 7, "state": {"life_cycle_state": "RUNNING", "state_message": "a\n\x1b[31mb" + "x" * 10_000_000}}, 7
    )
    assert run.state_message is not None
    assert len(run.state_message) == 1000
    assert run.state_message.startswith("a [31mbx")


@given(JSON)
def test_any_answer_is_a_run_that_survives_its_own_json_or_a_value_error(answer: Any) -> None:
    try:
        run = Run.from_api({"run_id": 7, "state": answer, "status": answer, "repair_history": answer}, 7)
    except ValueError:
        return
    assert Run.from_json(run.to_json()) == run
