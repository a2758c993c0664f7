"""An orchestration's history as the Durable extension keeps it, and what it hands of it to the worker of the 1.x SDK.

Nothing of the local host needs it, whose engine has a history of its own. It is here because the tests, the benchmark
and the count of what a cancellation costs all do, and this folder is where Azure's services are emulated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

# event types of the Durable Task Framework, by number
ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED, EXECUTION_STARTED = 12, 13, 0
TASK_SCHEDULED, TASK_COMPLETED, TASK_FAILED, TIMER_CREATED, TIMER_FIRED = 4, 5, 6, 10, 11

Event = dict[str, Any]


@dataclass
class History:
    """One execution between two ``continue_as_new``: its input, and its events with where each turn ends."""

    input_text: str
    events: list[Event] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)  # how many events each turn of the orchestrator was given
    next_id: int = 0

    def copy(self) -> History:
        """The same, to go back to."""
        return replace(self, events=list(self.events), turns=list(self.turns))

    @property
    def calls(self) -> list[str]:
        """The activities' names, in the order in which they were scheduled."""
        return [event["Name"] for event in self.events if event["EventType"] == TASK_SCHEDULED]

    @property
    def timers(self) -> int:
        """How many were created."""
        return sum(event["EventType"] == TIMER_CREATED for event in self.events)

    @property
    def size(self) -> int:
        """Bytes of its events, as JSON."""
        return len(json.dumps(self.events))

    # -- what the worker asks for ------------------------------------------------------------------------------------

    def call(self, name: str, input_text: Any, now: datetime) -> int:
        """An activity is scheduled; its input is as the SDK's action has it. The id of the task."""
        return self._asked(TASK_SCHEDULED, now, Name=name, Input=input_text)

    def create_timer(self, fire_at: datetime, now: datetime) -> int:
        """A timer is set. The id of the task."""
        return self._asked(TIMER_CREATED, now, FireAt=_wire(fire_at))

    def end(self, now: datetime) -> None:
        """The orchestrator asks for nothing more."""
        self._add(ORCHESTRATOR_COMPLETED, now)

    # -- what happens to it, each of which begins a turn -------------------------------------------------------------

    def begin(self, name: str, now: datetime, version: str = "") -> None:
        """The orchestrator of that name is started; ``version`` is the host.json's when the instance was begun."""
        self._happened(EXECUTION_STARTED, now, Name=name, Input=self.input_text, Version=version)

    def complete(self, task_id: int, result: Any, now: datetime) -> None:
        """The activity has returned."""
        self._happened(TASK_COMPLETED, now, TaskScheduledId=task_id, Result=json.dumps(result))

    def fail(self, task_id: int, reason: str, details: str, now: datetime) -> None:
        """The activity has raised."""
        self._happened(TASK_FAILED, now, TaskScheduledId=task_id, Reason=reason, Details=details)

    def fire(self, task_id: int, fire_at: datetime, now: datetime) -> None:
        """The timer's time has come."""
        self._happened(TIMER_FIRED, now, TimerId=task_id, FireAt=_wire(fire_at))

    def context(self, instance_id: str, turn: int = -1) -> str:
        """What the extension hands to the worker for that turn, as JSON."""
        given = self.events[: self.turns[turn]]
        # the last two are news: that the turn has begun, and what it has begun for
        history = [{**event, "IsPlayed": place < len(given) - 2} for place, event in enumerate(given)]
        return json.dumps(
            {
                "history": history,
                "input": self.input_text,
                "instanceId": instance_id,
                "isReplaying": len(given) > 2,  # noqa: PLR2004  # the two with which it begins
                "parentInstanceId": None,
                "upperSchemaVersion": 2,
                "upperSchemaVersionNew": 2,
            }
        )

    def _asked(self, kind: int, now: datetime, **facts: Any) -> int:
        task_id, self.next_id = self.next_id, self.next_id + 1
        self._add(kind, now, EventId=task_id, **facts)
        self._add(ORCHESTRATOR_COMPLETED, now)
        return task_id

    def _happened(self, kind: int, now: datetime, **facts: Any) -> None:
        self._add(ORCHESTRATOR_STARTED, now)
        self._add(kind, now, **facts)
        self.turns.append(len(self.events))

    def _add(self, kind: int, now: datetime, **facts: Any) -> None:
        self.events.append({"EventType": kind, "EventId": -1, "IsPlayed": False, "Timestamp": _wire(now), **facts})


def _wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
