"""Histories as the Durable extension keeps them, made by driving an orchestrator's generator once from end to end.

The tests replay every turn of every history; a benchmark of poll 5,000 cannot. What is timed is the SDK's own replay of
a history that was made here.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df

# event types of the Durable Task Framework, by number
STARTED, COMPLETED, BEGUN, SCHEDULED, DONE, TIMER_CREATED, TIMER_FIRED = 12, 13, 0, 4, 5, 10, 11

Event = dict[str, Any]
Answers = Callable[[str, datetime], Any]
Orchestrator = Callable[[Any], Generator[Any, Any, Any]]


@dataclass
class Generation:
    """One execution between two ``continue_as_new``: its input, and its events with where each turn ends."""

    input_text: str
    events: list[Event] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)  # how many events each turn of the orchestrator was given
    calls: list[str] = field(default_factory=list)  # the activities' names
    timers: int = 0

    @property
    def size(self) -> int:
        """Bytes of its events, as JSON."""
        return len(json.dumps(self.events))

    def context(self, turn: int, instance_id: str) -> str:
        """What the extension hands to the worker for that turn, as JSON."""
        given = self.events[: self.turns[turn]]
        # the last two are news: that the turn has begun, and what it has begun for
        history = [{**event, "IsPlayed": place < len(given) - 2} for place, event in enumerate(given)]
        return json.dumps(
            {
                "history": history,
                "input": self.input_text,
                "instanceId": instance_id,
                "isReplaying": turn > 0,
                "parentInstanceId": None,
                "upperSchemaVersion": 2,
                "upperSchemaVersionNew": 2,
            }
        )


class Context:
    """The calls of the SDK's context, as descriptions of themselves."""

    def __init__(self, instance_id: str, input_text: str) -> None:
        self.instance_id = instance_id
        self.is_replaying = True  # nothing is told of what happens here
        self.current_utc_datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self.custom_status: Any = None
        self.next_input: Any = None
        self._input_text = input_text

    def get_input(self) -> Any:
        """The input, fresh from its text."""
        return json.loads(self._input_text)

    def call_activity(self, name: str, input_: Any) -> tuple[str, Any]:
        """An activity's name and input."""
        return name, input_

    def call_activity_with_retry(self, name: str, _: Any, input_: Any) -> tuple[str, Any]:
        """The same; nothing fails here."""
        return name, input_

    def create_timer(self, fire_at: datetime) -> datetime:
        """The moment."""
        return fire_at

    def set_custom_status(self, status: Any) -> None:
        """The last one is kept."""
        self.custom_status = status

    def continue_as_new(self, input_: Any) -> None:
        """The next generation has this input."""
        self.next_input = input_


def generations(
    orchestrator: Orchestrator, input_: Any, answers: Answers, instance_id: str
) -> Generator[Generation, None, None]:
    """One generation of an instance after the other, until it ends."""
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    while input_ is not None:
        generation = Generation(json.dumps(input_))
        context = Context(instance_id, generation.input_text)
        context.current_utc_datetime = now
        _drive(orchestrator(context), context, generation, answers)
        yield generation
        now, input_ = context.current_utc_datetime, context.next_input


def _drive(running: Generator[Any, Any, Any], context: Context, generation: Generation, answers: Answers) -> None:
    """The generation has ended."""
    events = generation.events

    def event(kind: int, **facts: Any) -> None:
        moment = context.current_utc_datetime.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        events.append({"EventType": kind, "EventId": -1, "IsPlayed": False, "Timestamp": moment, **facts})

    event(STARTED)
    event(BEGUN, Name="cancel-active-run", Input=generation.input_text, Version="")
    answer: Any = None
    for number in itertools.count():
        generation.turns.append(len(events))
        try:
            asked = running.send(answer)
        except StopIteration:
            event(COMPLETED)
            return
        if isinstance(asked, datetime):
            fire_at = asked.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            event(TIMER_CREATED, EventId=number, FireAt=fire_at)
            event(COMPLETED)
            generation.timers += 1
            context.current_utc_datetime, answer = max(asked, context.current_utc_datetime), None
            event(STARTED)
            event(TIMER_FIRED, TimerId=number, FireAt=fire_at)
        else:
            name, input_ = asked
            event(SCHEDULED, EventId=number, Name=name, Input=json.dumps(input_))
            event(COMPLETED)
            generation.calls.append(name)
            answer = answers(name, context.current_utc_datetime)
            context.current_utc_datetime += timedelta(milliseconds=200)
            event(STARTED)
            event(DONE, TaskScheduledId=number, Result=json.dumps(answer))


def handle_of(orchestrator: Orchestrator) -> Callable[[str], str]:
    """What the worker calls for this orchestrator: the SDK's replay of it, JSON in and out."""
    handle: Callable[[str], str] = df.Orchestrator.create(orchestrator)
    return handle


def replayed(handle: Callable[[str], str], context: str) -> dict[str, Any]:
    """What the worker's answer to a turn says: ``{"isDone", "actions", "output", "customStatus"}``."""
    state: dict[str, Any] = json.loads(handle(context))
    return state
