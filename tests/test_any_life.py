"""Any life of a run: whatever states it goes through, whatever fails, whoever else cancels it, whenever workers die.

Hypothesis plays the world, an event at a time, against the registered orchestrator and the app's own activities; only
the workspace's client is played. The same orchestration may be begun again while it runs (two executions of one id, as
the Azure Storage backend lets happen), an activity may be carried out late, twice, and once more when everything has
moved on, its answer may lie about, and a worker may die after any turn, before what it decided was stored. The owner
of the run may repair it at any moment after its end.

It is longer than most: the world, what may happen in it and what must hold are one state machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.schedule import Schedule
from function_app import create_app
from tests.support.execution import Activity, Execution, Timer
from tests.support.played_workspace import ACTIVE, ENDS, FAULTS, PlayedWorkspace
from tests.support.replay import Replay, orchestrator_of
from tests.support.scripts import ORDER, RUN_ID, START, run, script

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLE = orchestrator_of(create_app({}), "cancel-active-run")
A_MOMENT = timedelta(milliseconds=1)  # the custom status shows times to the millisecond
GRACE = timedelta(seconds=31)  # for a last read that had no place at the deadline
FRESH = timedelta(seconds=10)  # a cancel is sent on no older sight of the run than this

# between two continue_as_new, as JSON: with the longest texts that are ever carried, and with ordinary ones
HISTORY_LIMIT, ORDINARY_LIMIT = 600_000, 40_000  # bytes
EVENTS_LIMIT, ORDINARY_EVENTS = 600, 150  # the one where every call is tried three times because workers die
PARTS, EXAMPLES_OF_A_PART = 4, 2_500
AT_ONCE = 3  # executions of the one orchestration
DRAIN_LIMIT = 2_000  # events until everything must have ended


@dataclass
class Watched:
    """One execution, and what it did and was told."""

    execution: Execution
    calls: list[tuple[datetime, str, datetime]] = field(default_factory=list)  # when, what, when it was due
    reads: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)  # of cancelRun
    seen_active_at: datetime | None = None  # by any read on its behalf, also one whose answer was lost
    sent: int = 0  # cancels, as far as it can know
    held: bool = False  # it was told to come back later
    raised_in_a_row: int = 0

    @property
    def pending(self) -> Timer | Activity | None:
        return self.execution.stored.pending

    @property
    def deadline(self) -> datetime:
        return datetime.fromisoformat(self.execution.stored.custom_statuses[0]["deadline"])

    @property
    def knows_the_end(self) -> bool:
        return bool(self.reads) and self.reads[-1]["means"] == "ended"


class AnyLife(RuleBasedStateMachine):
    """The world around the orchestrator."""

    lives: ClassVar[int] = 0
    cancels: ClassVar[int] = 0
    turns: ClassVar[int] = 0

    @initialize(wait=st.sampled_from([1, 30, 300]), first=st.sampled_from([1.0, 20.0]), from_queue=st.booleans())
    def a_cancellation_begins(self, wait: int, first: float, *, from_queue: bool) -> None:
        type(self).lives += 1
        self.world = PlayedWorkspace(START)
        schedule = Schedule(first_seconds=first, cancel_again_after_seconds=40.0, order_max_age_seconds=3600.0)
        self.order = Order(
            RUN_ID, "prod", wait_timeout_seconds=wait, schedule=schedule, asked_at=START, from_queue=from_queue
        )
        self.all: list[Watched] = []
        self._begin()

    # -- what may happen ---------------------------------------------------------------------------------------------

    @precondition(lambda self: sum(one.pending is not None for one in self.all) < AT_ONCE)
    @rule()
    def it_is_begun_again(self) -> None:
        self._begin()

    @precondition(lambda self: not self.world.ended)
    @rule(state=st.sampled_from(ACTIVE))
    def the_run_is_in_another_state(self, state: str) -> None:
        self.world.state = (state, None)

    @precondition(lambda self: not self.world.ended)
    @rule(end=st.sampled_from(ENDS))
    def the_run_ends(self, end: tuple[str, str | None]) -> None:
        self.world.state = end

    @precondition(lambda self: self.world.ended)
    @rule()
    def the_run_is_repaired(self) -> None:
        self.world.repair()

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4))
    def something_goes_wrong(self, faults: list[str]) -> None:
        self.world.faults.extend(faults)

    @rule()
    def the_workspace_is_down_for_good(self) -> None:
        self.world.down = True

    @precondition(lambda self: any(one.questions for one in self.all))
    @rule(which=st.integers(0, 20), late=st.sampled_from([61.0, 700.0]))
    def a_cancel_that_was_decided_long_ago_is_carried_out_again(self, which: int, late: float) -> None:
        """Nobody waits for its answer any more."""
        asked = [(one, question) for one in self.all for question in one.questions]
        self.world.now += timedelta(seconds=late)
        self._carried_out(*asked[which % len(asked)], "cancelRun")

    @precondition(lambda self: any(one.pending for one in self.all))
    @rule(
        which=st.integers(0, AT_ONCE),
        queued=st.sampled_from([0.0, 0.0, 12.0, 700.0]),
        late=st.sampled_from([0.0, 0.2, 7.0, 700.0]),
        twice=st.booleans(),
        dies=st.booleans(),
    )
    def time_goes_on(self, which: int, queued: float, late: float, *, twice: bool, dies: bool) -> None:
        open_ = [one for one in self.all if one.pending is not None]
        one = open_[which % len(open_)]
        self._step(one, timedelta(seconds=queued), timedelta(seconds=late), twice=twice, dies=dies)

    def teardown(self) -> None:
        """Whatever was wrong is mended, or stays down; everything ends."""
        self.world.faults.clear()
        left = [one for one in self.all if one.pending is not None]
        for _ in range(DRAIN_LIMIT):
            open_ = [one for one in left if one.pending is not None]
            if not open_:
                break
            one = min(open_, key=self._due)
            self._step(one, timedelta(0), timedelta(milliseconds=200), twice=False, dies=False)
        assert all(one.pending is None for one in left), "it never ends"
        if self.world.ended and not self.world.down:
            for one in left:
                assert one.execution.stored.output["stopped"] is True, "an end was not noticed"

    # -- how it happens ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        execution = Execution(HANDLE, self.order.to_json(), instance_id="prod-455644833", now=self.world.now)
        self.all.append(Watched(execution))
        self._judge(self.all[-1])

    def _due(self, one: Watched) -> datetime:
        return one.pending.fire_at if isinstance(one.pending, Timer) else self.world.now

    def _step(self, one: Watched, queued: timedelta, late: timedelta, *, twice: bool, dies: bool) -> None:
        type(self).turns += 1
        if isinstance(one.pending, Timer):
            if one.pending.retries is None:
                assert one.pending.fire_at <= one.deadline + (GRACE if one.held else A_MOMENT), "beyond the deadline"
            self.world.now = one.execution.now = max(self.world.now, one.pending.fire_at + late)
            one.execution.fire()
        else:
            self._carry_out(one, queued, late, twice=twice)
        if dies:
            self.world.now = one.execution.now = self.world.now + timedelta(seconds=3)
            one.execution.crash()
        self._judge(one)

    def _carry_out(self, one: Watched, queued: timedelta, late: timedelta, *, twice: bool) -> None:
        assert isinstance(one.pending, Activity)
        name, question, attempt = one.pending.name, one.pending.input, one.pending.attempt
        self._may_be_asked(one, name)
        asked_at = self.world.now
        self.world.now += queued
        answer = self._carried_out(one, question, name)
        if twice:  # its first answer came too late, or its worker died
            self.world.now += late
            answer = self._carried_out(one, question, name)
        self.world.now = one.execution.now = self.world.now + late
        later = answer is not None and "later" in answer
        one.held |= later
        if attempt == 1 and not later:
            one.calls.append((asked_at, name, self._when_due(one)))
        if name == "cancelRun":
            one.questions.append(question)
            # what broke after the first cancel may have sent one: before it, only a look can break
            one.sent += one.sent > 0 if answer is None else "accepted" in answer or answer.get("unsure", False)
        if answer is None:
            one.raised_in_a_row += 1
            one.execution.fail(RuntimeError("unforeseen"))
            return
        one.raised_in_a_row = 0
        if "run" in answer:
            one.reads.append(answer["run"])
        one.execution.complete(answer)

    def _carried_out(self, one: Watched, question: dict[str, Any], name: str) -> dict[str, Any] | None:
        """The activity's result; None when it raises. Every cancel that it sends is judged."""
        self.world.on_read = lambda seen: self._saw(one, active=not seen.ended)
        self.world.on_cancel = lambda: self._may_be_canceled(one)
        activity = {
            "readRun": self.world.activities.read_run,
            "cancelRun": self.world.activities.cancel_run,
            "pollRun": self.world.activities.poll_run,
        }[name]
        try:
            answer: dict[str, Any] = json.loads(json.dumps(activity(question)))  # type: ignore[arg-type]
        except RuntimeError:
            return None
        return answer

    # -- what must hold ----------------------------------------------------------------------------------------------

    def _saw(self, one: Watched, *, active: bool) -> None:
        one.seen_active_at = self.world.now if active else None

    def _may_be_canceled(self, one: Watched) -> None:
        type(self).cancels += 1
        assert not one.knows_the_end, "a cancel is sent to a run that a read had shown ended or repaired"
        assert one.seen_active_at is not None, "a cancel is sent to a run that was not last seen active"
        assert self.world.now - one.seen_active_at <= FRESH, "a cancel is sent on an old sight of the run"

    def _when_due(self, one: Watched) -> datetime:
        return datetime.fromisoformat(one.execution.stored.custom_statuses[-1]["nextPollAt"])

    def _may_be_asked(self, one: Watched, name: str) -> None:
        due = self._when_due(one)
        assert self.world.now >= due, "it is asked before it is due"
        assert not one.knows_the_end, "something is asked of a run that is known to have ended"
        if name == "cancelRun":
            assert one.reads, "a run is canceled that was never read"
        if name == "pollRun":
            polls = [(at, when) for at, called, when in one.calls if called == "pollRun"]
            assert all(when < due for _, when in polls), "two polls for one due time"
            assert all(at < one.deadline for at, _ in polls), "a second poll after the deadline"

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
        last = one.reads[-1] if one.reads else {"lifeCycleState": None}
        told = (output["finalLifeCycleState"], output["resultState"])
        assert told == (last["lifeCycleState"], last.get("resultState"))
        assert output["stopped"] == one.knows_the_end
        assert output["cancels"] == one.sent
        assert (output["cancelRequestedAt"] is None) == (one.sent == 0)
        assert output["polls"] == sum(name == "pollRun" for _, name, _ in one.calls)
        assert output["repairedSince"] == last.get("repairedSince", False)
        assert not output["repairedSince"] or self.world.repairs
        assert (output["outcome"] == "canceled") == (one.sent > 0 and last.get("canceled", False))
        self._judge_what_is_no_end(one, output)

    def _judge_what_is_no_end(self, one: Watched, output: dict[str, Any]) -> None:
        if output["outcome"] == "timedOut":
            assert self.world.now >= one.deadline
        elif output["outcome"] == "expired":
            assert one.sent == 0
            assert (self.world.now - START).total_seconds() > self.order.schedule.order_max_age_seconds
        elif output["outcome"] == "rejected" and self.order.from_queue:
            assert output["error"]["code"] != "PermissionDenied" or self.world.now >= one.deadline


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "part" in metafunc.fixturenames:  # in parts, so that several workers have something to do
        metafunc.parametrize("part", range(PARTS if metafunc.config.getoption("soak") else 1))


@pytest.mark.soak
@pytest.mark.usefixtures("part")
def test_in_any_life_of_a_run_the_invariants_hold(soak: bool, tally: Callable[[str, int], None]) -> None:
    AnyLife.lives = AnyLife.turns = AnyLife.cancels = 0
    examples, steps = (EXAMPLES_OF_A_PART, 30) if soak else (20, 40)
    run_state_machine_as_test(AnyLife, settings=settings(max_examples=examples, stateful_step_count=steps))
    assert AnyLife.cancels > AnyLife.lives // 10, "the lives hold next to nothing"
    tally("examples run, of any life of a run", AnyLife.lives)
    tally("turns replayed in them", AnyLife.turns)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("Run cancelled.", ORDINARY_LIMIT), ("\N{PILE OF POO}" * 1000, HISTORY_LIMIT)],
    ids=["ordinary texts", "the longest texts"],
)
def test_a_history_stays_small_however_long_the_wait_and_however_the_run_flaps(text: str, limit: int) -> None:
    polls = [run(state) for state in list(ACTIVE) * 20]
    for poll in polls:
        poll["run"] |= {"stateMessage": text, "runPageUrl": text}
    order = {**ORDER, "reason": text, "requestedBy": text, "waitTimeoutSeconds": 7 * 24 * 3600}
    ended = Replay(HANDLE, script(polls=[*polls, run("TERMINATED", "CANCELED")]), now=START).run(order)
    assert len(ended.generations) > 7
    assert max(len(json.dumps(history)) for history in ended.generations) < limit
    assert max(len(history) for history in ended.generations) <= ORDINARY_EVENTS
