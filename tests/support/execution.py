"""One execution of the *registered* orchestrator, an event at a time, as the Durable extension keeps it.

Every call of the handle is a fresh replay from the first event, as after a crash; each replay must schedule what the
ones before it scheduled, in the same order, before anything new.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED, EXECUTION_STARTED = 12, 13, 0
TASK_SCHEDULED, TASK_COMPLETED, TASK_FAILED, TIMER_CREATED, TIMER_FIRED = 4, 5, 6, 10, 11
CALL_ACTIVITY_WITH_RETRY, CONTINUE_AS_NEW, CREATE_TIMER = 1, 4, 5


@dataclass(frozen=True)
class Timer:
    """Under way until its time; ``retries`` tells the extension's own, before it tries an activity again."""

    fire_at: datetime
    id: int
    retries: Activity | None = None


@dataclass(frozen=True)
class Activity:
    """Under way until it has a result; the orchestrator asked for it as ``action`` says."""

    name: str
    input: Any
    id: int
    action: dict[str, Any]
    attempt: int = 1


@dataclass
class Stored:
    """What the extension has stored of an execution; ``pending`` is None once it has ended."""

    input: str
    history: list[dict[str, Any]] = field(default_factory=list)
    scheduled: list[dict[str, Any]] = field(default_factory=list)
    next_id: int = 0
    pending: Timer | Activity | None = None
    output: Any = None
    failure: str | None = None
    generations: list[list[dict[str, Any]]] = field(default_factory=list)
    custom_statuses: list[Any] = field(default_factory=list)

    def copy(self) -> Stored:
        """The same, to go back to."""
        lists: dict[str, Any] = {key: list(value) for key, value in vars(self).items() if isinstance(value, list)}
        return replace(self, **lists)


class Execution:
    """Its orchestrator has taken every turn there was; ``stored.pending`` is what it waits for.

    ``now`` is the time of the next turn and the caller's to move. With ``twice`` every turn is replayed twice.
    """

    def __init__(
        self, handle: Callable[[str], str], input_: Any, *, instance_id: str, now: datetime, twice: bool = False
    ) -> None:
        self._handle, self._instance_id, self._twice = handle, instance_id, twice
        self.now = now
        self.stored = Stored("")
        self._happens(lambda: self._begin(json.dumps(input_)))

    # -- what may happen to it ---------------------------------------------------------------------------------------

    def fire(self) -> None:
        """The timer that is pending has fired."""
        self._happens(self._fired)

    def complete(self, result: Any) -> None:
        """The activity that is pending has returned."""
        self._happens(lambda: self._completed(result))

    def fail(self, error: Exception) -> None:
        """The activity that is pending has raised; where its action says so, the extension tries it again later."""
        self._happens(lambda: self._failed(error))

    def crash(self) -> None:
        """The worker died before what its last turn decided was stored: the turn is taken again, now."""
        self.stored = self._before.copy()
        self._last_event()

    def _happens(self, event: Callable[[], None]) -> None:
        self._before, self._last_event = self.stored.copy(), event
        event()

    # -- the extension's side ----------------------------------------------------------------------------------------

    def _fired(self) -> None:
        timer = self.stored.pending
        assert isinstance(timer, Timer)
        self._turn(TIMER_FIRED, TimerId=timer.id, FireAt=_wire(timer.fire_at))
        tried = timer.retries
        if tried is not None and tried.attempt < tried.action["retryOptions"]["maxNumberOfAttempts"]:
            self._schedule(tried.action, tried.attempt + 1)

    def _completed(self, result: Any) -> None:
        activity = self.stored.pending
        assert isinstance(activity, Activity)
        self._turn(TASK_COMPLETED, TaskScheduledId=activity.id, Result=json.dumps(result))

    def _failed(self, error: Exception) -> None:
        activity = self.stored.pending
        assert isinstance(activity, Activity)
        said = f"Activity function '{activity.name}' failed"
        self._turn(TASK_FAILED, TaskScheduledId=activity.id, Reason=said, Details=repr(error))
        if activity.action["actionType"] == CALL_ACTIVITY_WITH_RETRY:
            # DTFx waits once more after the last attempt, too, before it gives up
            wait = timedelta(milliseconds=activity.action["retryOptions"]["firstRetryIntervalInMilliseconds"])
            self._create_timer(self.now + wait, activity)

    def _begin(self, input_: str) -> None:
        self.stored.input, self.stored.history, self.stored.scheduled = input_, [], []
        self.stored.next_id, self.stored.pending = 0, None
        self._add(ORCHESTRATOR_STARTED)
        self._add(EXECUTION_STARTED, Name="cancel-active-run", Input=input_, Version="")
        self._carry_out()

    def _turn(self, kind: int, **facts: Any) -> None:
        self.stored.history = [{**event, "IsPlayed": True} for event in self.stored.history]
        self._add(ORCHESTRATOR_STARTED)
        self._add(kind, **facts)
        self.stored.pending = None
        self._carry_out()

    def _carry_out(self) -> None:
        """The orchestrator has replayed, and what it newly asks for is under way."""
        try:
            state = self._replayed()
        except Exception as error:  # the SDK raises a bare Exception that carries the state
            if "$OutOfProcData$" not in str(error):
                raise
            self._end(failure=str(error).partition("\n\n$OutOfProcData$")[0])
            return
        self.stored.custom_statuses.append(state.get("customStatus"))
        new = self._new_actions(state)
        if not state["isDone"]:
            for action in new:
                if action["actionType"] == CREATE_TIMER:
                    self._create_timer(datetime.fromisoformat(action["fireAt"]))
                else:
                    self._schedule(action)
        elif new and new[-1]["actionType"] == CONTINUE_AS_NEW:
            again = new[-1]["input"]
            self.stored.generations.append(self.stored.history)
            self._begin(again if isinstance(again, str) else json.dumps(again))
        else:
            self._end(output=state.get("output"))

    def _replayed(self) -> dict[str, Any]:
        context = {
            "history": self.stored.history,
            "input": self.stored.input,
            "instanceId": self._instance_id,
            "isReplaying": len(self.stored.history) > 2,
            "parentInstanceId": None,
            "upperSchemaVersion": 2,
            "upperSchemaVersionNew": 2,
        }
        text = json.dumps(context)
        first = self._handle(text)
        assert not self._twice or first == self._handle(text), "two replays of one history differ"
        state: dict[str, Any] = json.loads(first)
        return state

    def _new_actions(self, state: dict[str, Any]) -> list[dict[str, Any]]:
        actions: list[dict[str, Any]] = state["actions"][0] if state["actions"] else []
        known = len(self.stored.scheduled)
        assert actions[:known] == self.stored.scheduled, "a replay schedules something else than the one before it"
        new = actions[known:]
        assert len(new) <= 1, "one step at a time is all that this orchestrator does"
        self.stored.scheduled = actions
        # a call with retry comes wrapped as the one child of a compound action
        return [action["compoundActions"][0] if "compoundActions" in action else action for action in new]

    def _schedule(self, action: dict[str, Any], attempt: int = 1) -> None:
        name, given = action["functionName"], action["input"]
        input_ = json.loads(given) if isinstance(given, str) else given
        self.stored.pending = Activity(name, input_, self._take_id(), action, attempt)
        self._add(TASK_SCHEDULED, EventId=self.stored.pending.id, Name=name, Input=given)
        self._add(ORCHESTRATOR_COMPLETED)

    def _create_timer(self, fire_at: datetime, retries: Activity | None = None) -> None:
        self.stored.pending = Timer(fire_at, self._take_id(), retries)
        self._add(TIMER_CREATED, EventId=self.stored.pending.id, FireAt=_wire(fire_at))
        self._add(ORCHESTRATOR_COMPLETED)

    def _end(self, *, output: Any = None, failure: str | None = None) -> None:
        self.stored.output, self.stored.failure = output, failure
        self.stored.generations.append(self.stored.history)

    def _add(self, event_type: int, **facts: Any) -> None:
        event = {"EventType": event_type, "EventId": -1, "IsPlayed": False, "Timestamp": _wire(self.now), **facts}
        self.stored.history.append(event)

    def _take_id(self) -> int:
        self.stored.next_id += 1
        return self.stored.next_id - 1


def _wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
