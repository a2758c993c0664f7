"""What the seed, the Arazzo workflow ``cancel-active-run``, says; and what we do otherwise, on purpose.

The seed's words stand here as data: its steps in their order, the criteria by which pollRun ends or goes on, and its
three outputs. For the states that it knows, the product does what it says.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cancel_run import orchestrator
from cancel_run.cancellation import progress
from function_app import create_app
from tests.support.scripts import CANCELED, NOT_FOUND, cancellation, run, script

WORKFLOW = "cancel-active-run"
STEPS = ["readRun", "cancelRun", "pollRun"]
ENDS_AT = ["TERMINATED", "INTERNAL_ERROR"]  # pollRun, onSuccess `cancelled`, type end
GOES_ON_AT = ["RUNNING", "TERMINATING", "PENDING"]  # pollRun, onSuccess `stillActive`, type goto pollRun
OUTPUTS = ["runId", "finalLifeCycleState", "resultState"]


def test_the_workflow_and_its_steps_have_the_seeds_names_in_azure() -> None:
    names = [function.get_function_name() for function in create_app({}).get_functions()]
    assert {WORKFLOW, *STEPS} <= set(names)


def test_the_steps_stand_in_the_orchestrator_in_the_seeds_order() -> None:
    source = inspect.getsource(orchestrator.cancel_active_run)
    places = [source.index(f"_call(context, {name}") for name in ("READ_RUN", "CANCEL_RUN", "POLL_RUN")]
    assert places == sorted(places)
    assert [progress.READ_RUN, progress.CANCEL_RUN, progress.POLL_RUN] == STEPS


@pytest.mark.parametrize("state", GOES_ON_AT)
def test_an_active_run_is_read_then_canceled_then_polled(state: str) -> None:
    ended = cancellation(script(reads=[run(state)], polls=[CANCELED]))
    assert ended.steps == STEPS


@pytest.mark.parametrize("state", ENDS_AT)
def test_polling_ends_where_the_seed_ends_it(state: str) -> None:
    assert cancellation(script(polls=[run(state, "CANCELED")])).steps == STEPS


@pytest.mark.parametrize("state", GOES_ON_AT)
def test_polling_goes_on_where_the_seed_goes_back_to_it(state: str) -> None:
    assert cancellation(script(polls=[run(state), CANCELED])).steps == [*STEPS, "pollRun"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_succeeds_at_status_code_200_and_a_refusal_of_it_is_no_success(step: str) -> None:
    answers: dict[str, Any] = {
        "readRun": script(reads=[NOT_FOUND]),
        "cancelRun": script(cancels=[NOT_FOUND], polls=[NOT_FOUND]),
        "pollRun": script(polls=[NOT_FOUND]),
    }
    assert cancellation(answers[step]).output["outcome"] == "rejected"


def test_the_outputs_are_the_seeds_three_and_they_come_first() -> None:
    output = cancellation(script(polls=[CANCELED])).output
    assert list(output)[:3] == OUTPUTS
    assert [output[name] for name in OUTPUTS] == [455644833, "TERMINATED", "CANCELED"]


# -- what is otherwise, on purpose ---------------------------------------------------------------------------------


def test_otherwise_no_cancel_is_sent_to_a_run_that_has_already_ended() -> None:
    """The seed reads the run "to confirm it is currently active" and then cancels it in any case."""
    assert cancellation(script(reads=[CANCELED])).steps == ["readRun"]


@pytest.mark.parametrize("state", ["QUEUED", "BLOCKED", "WAITING_FOR_RETRY"])
def test_otherwise_the_active_states_that_the_seed_forgets_are_polled_on(state: str) -> None:
    assert cancellation(script(polls=[run(state), CANCELED])).steps == [*STEPS, "pollRun"]


def test_otherwise_skipped_ends_the_polling() -> None:
    assert cancellation(script(polls=[run("SKIPPED")])).output["stopped"] is True


def test_otherwise_there_is_a_wait_between_polls_and_a_deadline_to_them() -> None:
    """The seed goes back to pollRun at once, for ever."""
    ended = cancellation(script(polls=[run("RUNNING")]))
    assert len(ended.timers) == ended.steps.count("pollRun")
    assert ended.output["outcome"] == "timedOut"


def test_otherwise_the_token_is_no_input() -> None:
    """The seed takes the token with the run id; here a request that carries one is refused."""
    ended = cancellation(script(), {"runId": 1, "token": "dapi-secret"})
    assert ended.output["outcome"] == "rejected"
    assert "dapi-secret" not in str(ended.output)
