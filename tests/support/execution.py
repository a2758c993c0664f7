"""One execution of the *registered* orchestrator, an event at a time, as the Durable extension keeps it.

Every call of the handle is a fresh replay from the first event, as after a crash; each replay must schedule what the
ones before it scheduled, in the same order, before anything new.
It is longer than most: the extension keeps one history, and all that may happen to it is here.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from local_host.emulators.durable_history import History

if TYPE_CHECKING:
    from collections.abc import Callable

CALL_ACTIVITY_WITH_RETRY, CONTINUE_AS_NEW, CREATE_TIMER = 1, 4, 5


class ReplayDiffersError(AssertionError):
    """A replay schedules something else than the one before it; Durable would fail the instance."""


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

    history: History
    scheduled: list[dict[str, Any]] = field(default_factory=list)
    pending: Timer | Activity | None = None
    output: Any = None
    failure: str | None = None
    generations: list[list[dict[str, Any]]] = field(default_factory=list)
    custom_statuses: list[Any] = field(default_factory=list)

    def copy(self) -> Stored:
        """The same, to go back to."""
        lists: dict[str, Any] = {key: list(value) for key, value in vars(self).items() if isinstance(value, list)}
        return replace(self, history=self.history.copy(), **lists)


class Execution:
    """Its orchestrator has taken every turn there was; ``stored.pending`` is what it waits for.

    ``now`` is the time of the next turn and the caller's to move. With ``twice`` every turn is replayed twice.
    ``handle`` may change between two turns, as when another release takes over; then replays are to be compared ``by``
    what the Durable Task Framework compares, see :func:`shape`.
    """

    def __init__(  # what a host knows of an instance
        self,
        handle: Callable[[str], str],
        input_: Any,
        *,
        instance_id: str,
        now: datetime,
        twice: bool = False,
        version: str = "",
        by: Callable[[dict[str, Any]], Any] = lambda action: action,
    ) -> None:
        self.handle, self._instance_id, self._twice = handle, instance_id, twice
        self._version, self._by = version, by
        self.now = now
        self.stored = Stored(History(json.dumps(input_)))
        self._happens(self._begin)

    def copy(self) -> Execution:
        """The same, to go on with in another way (but not to crash)."""
        twin = copy.copy(self)
        twin.stored = self.stored.copy()
        return twin

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
        self.stored.history.fire(timer.id, timer.fire_at, self.now)
        self._turn()
        tried = timer.retries
        if tried is not None and tried.attempt < tried.action["retryOptions"]["maxNumberOfAttempts"]:
            self._schedule(tried.action, tried.attempt + 1)

    def _completed(self, result: Any) -> None:
        activity = self.stored.pending
        assert isinstance(activity, Activity)
        self.stored.history.complete(activity.id, result, self.now)
        self._turn()

    def _failed(self, error: Exception) -> None:
        activity = self.stored.pending
        assert isinstance(activity, Activity)
        said = f"Activity function '{activity.name}' failed"
        self.stored.history.fail(activity.id, said, repr(error), self.now)
        self._turn()
        if activity.action["actionType"] == CALL_ACTIVITY_WITH_RETRY:
            # DTFx waits once more after the last attempt, too, before it gives up
            wait = timedelta(milliseconds=activity.action["retryOptions"]["firstRetryIntervalInMilliseconds"])
            self._create_timer(self.now + wait, activity)

    def _begin(self) -> None:
        self.stored.history.begin("cancel-active-run", self.now, self._version)
        self._turn()

    def _turn(self) -> None:
        """The orchestrator has replayed, and what it newly asks for is under way."""
        self.stored.pending = None
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
            self.stored.generations.append(self.stored.history.events)
            self.stored.history = History(again if isinstance(again, str) else json.dumps(again))
            self.stored.scheduled = []
            self._begin()
        else:
            self._end(output=state.get("output"))

    def _replayed(self) -> dict[str, Any]:
        text = self.stored.history.context(self._instance_id)
        first = self.handle(text)
        assert not self._twice or first == self.handle(text), "two replays of one history differ"
        state: dict[str, Any] = json.loads(first)
        return state

    def _new_actions(self, state: dict[str, Any]) -> list[dict[str, Any]]:
        actions: list[dict[str, Any]] = state["actions"][0] if state["actions"] else []
        known = len(self.stored.scheduled)
        before, again = ([self._by(action) for action in told] for told in (self.stored.scheduled, actions[:known]))
        if before != again:
            raise ReplayDiffersError(f"scheduled was {before}, the replay says {again}")
        new = actions[known:]
        assert len(new) <= 1, "one step at a time is all that this orchestrator does"
        self.stored.scheduled = actions
        return [_plain(action) for action in new]

    def _schedule(self, action: dict[str, Any], attempt: int = 1) -> None:
        name, given = action["functionName"], action["input"]
        input_ = json.loads(given) if isinstance(given, str) else given
        task_id = self.stored.history.call(name, given, self.now)
        self.stored.pending = Activity(name, input_, task_id, action, attempt)

    def _create_timer(self, fire_at: datetime, retries: Activity | None = None) -> None:
        self.stored.pending = Timer(fire_at, self.stored.history.create_timer(fire_at, self.now), retries)

    def _end(self, *, output: Any = None, failure: str | None = None) -> None:
        self.stored.output, self.stored.failure = output, failure
        self.stored.generations.append(self.stored.history.events)


def shape(action: dict[str, Any]) -> tuple[int, str]:
    """What the Durable Task Framework compares of an action with the history: what it is, and the activity's name."""
    plain = _plain(action)
    return plain["actionType"], plain.get("functionName", "")


def _plain(action: dict[str, Any]) -> dict[str, Any]:
    """A call with retry comes wrapped as the one child of a compound action."""
    plain: dict[str, Any] = action["compoundActions"][0] if "compoundActions" in action else action
    return plain
