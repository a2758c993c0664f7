"""Drives the *registered* orchestrator through whole histories, as the Durable extension drives it.

Every call of the handle is a fresh replay from the first event, as after a crash; one event at a time is added to the
history, and each replay must schedule what the ones before it scheduled, in the same order, before anything new.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED, EXECUTION_STARTED = 12, 13, 0
TASK_SCHEDULED, TASK_COMPLETED, TASK_FAILED, TIMER_CREATED, TIMER_FIRED = 4, 5, 6, 10, 11
CALL_ACTIVITY, CALL_ACTIVITY_WITH_RETRY, CONTINUE_AS_NEW, CREATE_TIMER = 0, 1, 4, 5

ROUND_LIMIT = 20_000

Answers = Callable[[str, Any], Any]


def orchestrator_of(app: Any, name: str) -> Callable[[str], str]:
    """The handle that the worker would call for the orchestrator of that name."""
    for function in app.get_functions():
        if function.get_function_name() == name:
            handle: Callable[[str], str] = function.get_user_function()
            return handle
    raise LookupError(name)


@dataclass
class Ended:
    """How a replayed instance ended, and everything that it left behind on the way."""

    output: Any
    failure: str | None
    custom_statuses: list[Any]
    calls: list[tuple[datetime, str, Any]]
    timers: list[datetime]
    generations: list[list[dict[str, Any]]]
    ended_at: datetime

    @property
    def steps(self) -> list[str]:
        """The activities' names in the order of their calls."""
        return [name for _, name, _ in self.calls]


@dataclass
class Replay:
    """One instance. ``answers(name, input)`` gives each activity's result, or raises for its failure."""

    handle: Callable[[str], str]
    answers: Answers
    instance_id: str = "prod-455644833"
    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    activity_time: timedelta = timedelta(milliseconds=200)
    timer_delay: Callable[[datetime], timedelta] = lambda _: timedelta(0)

    _history: list[dict[str, Any]] = field(default_factory=list)
    _scheduled: list[dict[str, Any]] = field(default_factory=list)
    _next_id: int = 0

    def run(self, input_: Any) -> Ended:
        """The instance has been driven from its start to its end, over every continue_as_new."""
        ended = Ended(None, None, [], [], [], [], self.now)
        text = json.dumps(input_)
        while True:
            again = self._generation(text, ended)
            ended.generations.append(self._history)
            if again is None:
                ended.ended_at = self.now
                return ended
            text = json.dumps(again)

    def _generation(self, input_: str, ended: Ended) -> Any:
        """The input of the next generation, or None when the instance has ended."""
        self._history, self._scheduled, self._next_id = [], [], 0
        self._event(ORCHESTRATOR_STARTED)
        self._event(EXECUTION_STARTED, Name="cancel-active-run", Input=input_, Version="")
        for _ in range(ROUND_LIMIT):
            try:
                state = self._replayed(input_)
            except Exception as error:  # the SDK raises a bare Exception that carries the state
                if "$OutOfProcData$" not in str(error):
                    raise
                ended.failure = str(error).partition("\n\n$OutOfProcData$")[0]
                return None
            ended.custom_statuses.append(state.get("customStatus"))
            new = self._new_actions(state)
            if state["isDone"]:
                if new and new[-1]["actionType"] == CONTINUE_AS_NEW:
                    return new[-1]["input"] if not isinstance(new[-1]["input"], str) else json.loads(new[-1]["input"])
                ended.output = state.get("output")
                return None
            if new:
                self._carry_out(new[0], ended)
            else:
                self._settle(ended)
        raise AssertionError("the instance never ends")

    # -- the extension's side --------------------------------------------------------------------------------------

    def _replayed(self, input_: str) -> dict[str, Any]:
        context = {
            "history": self._history,
            "input": input_,
            "instanceId": self.instance_id,
            "isReplaying": len(self._history) > 2,
            "parentInstanceId": None,
            "upperSchemaVersion": 2,
            "upperSchemaVersionNew": 2,
        }
        text = json.dumps(context)
        first, second = self.handle(text), self.handle(text)
        assert first == second, "two replays of one history differ"
        state: dict[str, Any] = json.loads(first)
        return state

    def _new_actions(self, state: dict[str, Any]) -> list[dict[str, Any]]:
        actions: list[dict[str, Any]] = state["actions"][0] if state["actions"] else []
        known = len(self._scheduled)
        assert actions[:known] == self._scheduled, "a replay schedules something else than the one before it"
        new = actions[known:]
        assert len(new) <= 1, "one step at a time is all that this orchestrator does"
        self._scheduled = actions
        # a call with retry comes wrapped as the one child of a compound action
        return [action["compoundActions"][0] if "compoundActions" in action else action for action in new]

    def _carry_out(self, action: dict[str, Any], ended: Ended) -> None:
        self._pending = action
        self._attempts = 0
        if action["actionType"] == CREATE_TIMER:
            fire_at = datetime.fromisoformat(action["fireAt"])
            ended.timers.append(fire_at)
            self._timer(fire_at)
        else:
            self._schedule(action)
        self._settle(ended)

    def _schedule(self, action: dict[str, Any]) -> None:
        self._open: tuple[int, int, datetime | None] = (TASK_SCHEDULED, self._take_id(), None)
        self._event(TASK_SCHEDULED, EventId=self._open[1], Name=action["functionName"], Input=action["input"])
        self._event(ORCHESTRATOR_COMPLETED)

    def _timer(self, fire_at: datetime) -> None:
        self._open = (TIMER_CREATED, self._take_id(), fire_at)
        self._event(TIMER_CREATED, EventId=self._open[1], FireAt=_wire(fire_at))
        self._event(ORCHESTRATOR_COMPLETED)

    def _settle(self, ended: Ended) -> None:
        """The one thing that is under way has ended, and the orchestrator's next turn begins with it."""
        kind, id_, fire_at = self._open
        if kind == TIMER_CREATED:
            assert fire_at is not None
            self.now = max(self.now, fire_at + self.timer_delay(fire_at))
            self._turn(TIMER_FIRED, TimerId=id_, FireAt=_wire(fire_at))
            if self._pending["actionType"] == CALL_ACTIVITY_WITH_RETRY and self._attempts < self._most_attempts():
                self._schedule(self._pending)
            return
        name = self._pending["functionName"]
        given = self._pending["input"]
        input_ = json.loads(given) if isinstance(given, str) else given
        ended.calls.append((self.now, name, input_))
        self._attempts += 1
        try:
            result = self.answers(name, input_)
        except Exception as error:  # noqa: BLE001  # whatever the test's activity raises is what a worker would report
            self.now += self.activity_time
            self._turn(
                TASK_FAILED, TaskScheduledId=id_, Reason=f"Activity function '{name}' failed", Details=repr(error)
            )
            if self._pending["actionType"] == CALL_ACTIVITY_WITH_RETRY:
                wait = self._pending["retryOptions"]["firstRetryIntervalInMilliseconds"]
                self._timer(self.now + timedelta(milliseconds=wait))
            return
        self.now += self.activity_time
        self._turn(TASK_COMPLETED, TaskScheduledId=id_, Result=json.dumps(result))

    def _most_attempts(self) -> int:
        most: int = self._pending["retryOptions"]["maxNumberOfAttempts"]
        return most

    def _turn(self, event_type: int, **facts: Any) -> None:
        for event in self._history:
            event["IsPlayed"] = True
        self._event(ORCHESTRATOR_STARTED)
        self._event(event_type, **facts)

    def _event(self, event_type: int, **facts: Any) -> None:
        event = {"EventType": event_type, "EventId": -1, "IsPlayed": False, "Timestamp": _wire(self.now), **facts}
        self._history.append(event)

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1


def _wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
