"""Any life of a run: whatever states it goes through, whatever fails, whoever else cancels it, whenever workers die.

Hypothesis plays the world, an event at a time, against the registered orchestrator. The same orchestration may be begun
again while it runs (two executions of one id, as the Azure Storage backend lets happen), activities may be carried out
twice, and a worker may die after any turn, before what it decided was stored.

It is longer than most: the world, what may happen in it and what must hold are one state machine.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from function_app import create_app
from tests.support.execution import Activity, Execution, Timer
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import ORDER, START, busy_for, run, script

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLE = orchestrator_of(create_app({}), "cancel-active-run")
TERMINAL = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
ACTIVE = ["PENDING", "QUEUED", "BLOCKED", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY", "HIBERNATING"]
ENDS = [("TERMINATED", "CANCELED"), ("TERMINATED", "SUCCESS"), ("SKIPPED", None), ("INTERNAL_ERROR", "FAILED")]
FAULTS = ["passing", "throttled", "lost", "denied", "gone", "raises"]
A_MOMENT = timedelta(milliseconds=1)  # the custom status shows times to the millisecond

# between two continue_as_new, as JSON: with the longest texts that are ever carried, and with ordinary ones
HISTORY_LIMIT, ORDINARY_LIMIT = 600_000, 30_000  # bytes
EVENTS_LIMIT, ORDINARY_EVENTS = 600, 150  # the one where every call is tried three times because workers die
PARTS, EXAMPLES_OF_A_PART = 4, 150
AT_ONCE = 3  # executions of the one orchestration
DRAIN_LIMIT = 2_000  # events until everything must have ended


@dataclass
class Watched:
    """One execution, and what it did and was told."""

    execution: Execution
    calls: list[tuple[datetime, str, datetime]] = field(default_factory=list)  # when, what, when it was due
    reads: list[dict[str, Any]] = field(default_factory=list)
    accepted: int = 0
    raised_in_a_row: int = 0

    @property
    def pending(self) -> Timer | Activity | None:
        return self.execution.stored.pending

    @property
    def deadline(self) -> datetime:
        return datetime.fromisoformat(self.execution.stored.custom_statuses[0]["deadline"])

    @property
    def knows_the_end(self) -> bool:
        return bool(self.reads) and self.reads[-1]["lifeCycleState"] in TERMINAL


class AnyLife(RuleBasedStateMachine):
    """The world around the orchestrator."""

    lives: ClassVar[int] = 0
    turns: ClassVar[int] = 0

    @initialize(wait=st.sampled_from([1, 30, 300, 1800]), first=st.sampled_from([0.05, 1.0, 20.0]))
    def a_cancellation_begins(self, wait: int, first: float) -> None:
        type(self).lives += 1
        self.now = START
        self.state: tuple[str, str | None] = ("RUNNING", None)
        self.faults: deque[str] = deque()
        self.down = False
        schedule = {"first_seconds": first, "max_seconds": 60.0, "cancel_again_after_seconds": 40.0}
        self.order = {**ORDER, "waitTimeoutSeconds": wait, "schedule": schedule}
        self.all: list[Watched] = []
        self._begin()

    # -- what may happen ---------------------------------------------------------------------------------------------

    @precondition(lambda self: sum(one.pending is not None for one in self.all) < AT_ONCE)
    @rule()
    def it_is_begun_again(self) -> None:
        self._begin()

    @rule(state=st.sampled_from(ACTIVE))
    def the_run_is_in_another_state(self, state: str) -> None:
        self.state = (state, None)

    @rule(end=st.sampled_from(ENDS))
    def the_run_ends(self, end: tuple[str, str | None]) -> None:
        self.state = end

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4))
    def something_goes_wrong(self, faults: list[str]) -> None:
        self.faults.extend(faults)

    @rule()
    def the_workspace_is_down_for_good(self) -> None:
        self.down = True

    @precondition(lambda self: any(one.pending for one in self.all))
    @rule(
        which=st.integers(0, AT_ONCE),
        late=st.sampled_from([0.0, 0.2, 7.0, 700.0]),
        twice=st.booleans(),
        dies=st.booleans(),
    )
    def time_goes_on(self, which: int, late: float, *, twice: bool, dies: bool) -> None:
        open_ = [one for one in self.all if one.pending is not None]
        self._step(open_[which % len(open_)], timedelta(seconds=late), twice=twice, dies=dies)

    def teardown(self) -> None:
        """Whatever was wrong is mended, or stays down; everything ends."""
        self.faults.clear()
        left = [one for one in self.all if one.pending is not None]
        for _ in range(DRAIN_LIMIT):
            open_ = [one for one in left if one.pending is not None]
            if not open_:
                break
            self._step(min(open_, key=self._due), timedelta(milliseconds=200), twice=False, dies=False)
        assert all(one.pending is None for one in left), "it never ends"
        if self.state[0] in TERMINAL and not self.down:
            for one in left:
                assert one.execution.stored.output["stopped"] is True, "an end was not noticed"

    # -- how it happens ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        execution = Execution(HANDLE, self.order, instance_id="prod-455644833", now=self.now)
        self.all.append(Watched(execution))

    def _due(self, one: Watched) -> datetime:
        return one.pending.fire_at if isinstance(one.pending, Timer) else self.now

    def _step(self, one: Watched, late: timedelta, *, twice: bool, dies: bool) -> None:
        type(self).turns += 1
        if isinstance(one.pending, Timer):
            if one.pending.retries is None:
                assert one.pending.fire_at <= one.deadline + A_MOMENT, "it waits beyond the deadline"
            self.now = one.execution.now = max(self.now, one.pending.fire_at + late)
            one.execution.fire()
        else:
            self._carry_out(one, late, twice=twice)
        if dies:
            self.now = one.execution.now = self.now + timedelta(seconds=3)
            one.execution.crash()
        self._judge(one)

    def _carry_out(self, one: Watched, late: timedelta, *, twice: bool) -> None:
        assert isinstance(one.pending, Activity)
        name = one.pending.name
        self._may_be_asked(one, name, self.now, one.pending.attempt)
        answer = self._answer(name)
        if twice:
            answer = self._answer(name)  # its first answer came too late, or its worker died
        self.now = one.execution.now = self.now + late
        if answer is None:
            one.raised_in_a_row += 1
            one.execution.fail(RuntimeError("unforeseen"))
            return
        one.raised_in_a_row = 0
        one.accepted += "accepted" in answer
        if "run" in answer:
            one.reads.append(answer["run"])
        one.execution.complete(answer)

    def _answer(self, name: str) -> dict[str, Any] | None:
        """The activity's result; None when it raises."""
        fault = "passing" if self.down else self.faults.popleft() if self.faults else ""
        if name == "cancelRun" and fault in {"", "lost"} and self.state[0] not in TERMINAL:
            self.state = ("TERMINATING", None)
        if fault in {"", "lost"}:
            done = {"accepted": True} if name == "cancelRun" else run(*self.state)
            return done if not fault else busy_for(0)
        return {
            "passing": busy_for(0),
            "throttled": busy_for(1e9),
            "denied": {"error": {"code": "PermissionDenied", "message": "403", "statusCode": 403}},
            "gone": {"error": {"code": "RunNotFound", "message": "400", "statusCode": 400}},
        }.get(fault)

    # -- what must hold ----------------------------------------------------------------------------------------------

    def _may_be_asked(self, one: Watched, name: str, now: datetime, attempt: int) -> None:
        due = datetime.fromisoformat(one.execution.stored.custom_statuses[-1]["nextPollAt"])
        assert now >= due, "it is asked before it is due"
        assert not one.knows_the_end, "something is asked of a run that is known to have ended"
        if name == "cancelRun":
            assert one.reads, "a run is canceled that was never read"
        if name == "pollRun":
            polls = [(at, when) for at, called, when in one.calls if called == "pollRun"]
            assert all(when < due for _, when in polls), "two polls for one due time"
            assert all(at < one.deadline for at, _ in polls), "a second poll after the deadline"
        if attempt == 1:
            one.calls.append((now, name, due))

    def _judge(self, one: Watched) -> None:
        stored = one.execution.stored
        assert len(stored.history.events) <= EVENTS_LIMIT
        if one.knows_the_end:
            assert stored.pending is None, "the end was read and not noticed"
        if stored.pending is not None:
            return
        assert max(len(json.dumps(history)) for history in stored.generations) < HISTORY_LIMIT
        if stored.failure is not None:
            assert one.raised_in_a_row == 3, "an instance failed by something that can be foreseen"
            return
        output = stored.output
        last = one.reads[-1] if one.reads else {"lifeCycleState": None, "resultState": None}
        assert (output["finalLifeCycleState"], output["resultState"]) == (last["lifeCycleState"], last["resultState"])
        assert output["stopped"] == one.knows_the_end
        assert output["cancels"] == one.accepted
        assert output["polls"] == sum(name == "pollRun" for _, name, _ in one.calls)
        by_us = one.accepted > 0 and last["resultState"] == "CANCELED"
        assert (output["outcome"] == "canceled") == by_us
        if output["outcome"] == "timedOut":
            assert self.now >= one.deadline


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "part" in metafunc.fixturenames:  # in parts, so that several workers have something to do
        metafunc.parametrize("part", range(PARTS if metafunc.config.getoption("soak") else 1))


@pytest.mark.soak
@pytest.mark.usefixtures("part")
def test_in_any_life_of_a_run_the_invariants_hold(soak: bool, tally: Callable[[str, int], None]) -> None:
    AnyLife.lives = AnyLife.turns = 0
    examples, steps = (EXAMPLES_OF_A_PART, 60) if soak else (20, 40)
    run_state_machine_as_test(AnyLife, settings=settings(max_examples=examples, stateful_step_count=steps))
    tally("examples run, of any life of a run", AnyLife.lives)
    tally("turns replayed in them", AnyLife.turns)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("Run cancelled.", ORDINARY_LIMIT), ("\N{PILE OF POO}" * 1000, HISTORY_LIMIT)],
    ids=["ordinary texts", "the longest texts"],
)
def test_a_history_stays_small_however_long_the_wait_and_however_the_run_flaps(text: str, limit: int) -> None:
    polls = [run(state) for state in ACTIVE * 20]
    for poll in polls:
        poll["run"] |= {"stateMessage": text, "runPageUrl": text}
    order = {**ORDER, "reason": text, "requestedBy": text, "waitTimeoutSeconds": 7 * 24 * 3600}
    ended = Replay(HANDLE, script(polls=[*polls, run("TERMINATED", "CANCELED")]), now=START).run(order)
    assert len(ended.generations) > 7
    assert max(len(json.dumps(history)) for history in ended.generations) < limit
    assert max(len(history) for history in ended.generations) <= ORDINARY_EVENTS
