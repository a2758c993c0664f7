"""Drives the *registered* orchestrator through whole histories: one instance, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.execution import Activity, Execution

EVENT_LIMIT = 20_000

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
    twice: bool = False

    def run(self, input_: Any) -> Ended:
        """The instance has been driven to its end, over every continue_as_new; every turn was replayed ``twice``."""
        execution = Execution(self.handle, input_, instance_id=self.instance_id, now=self.now, twice=self.twice)
        calls: list[tuple[datetime, str, Any]] = []
        timers: list[datetime] = []
        for _ in range(EVENT_LIMIT):
            pending = execution.stored.pending
            if pending is None:
                stored = execution.stored
                told = (stored.output, stored.failure, stored.custom_statuses)
                return Ended(*told, calls, timers, stored.generations, self.now)
            if isinstance(pending, Activity):
                calls.append((self.now, pending.name, pending.input))
                self._answer(execution, pending)
            else:
                if pending.retries is None:
                    timers.append(pending.fire_at)
                self.now = execution.now = max(self.now, pending.fire_at + self.timer_delay(pending.fire_at))
                execution.fire()
        raise AssertionError("the instance never ends")

    def _answer(self, execution: Execution, activity: Activity) -> None:
        try:
            result = self.answers(activity.name, activity.input)
        except Exception as error:  # noqa: BLE001  # whatever the test's activity raises is what a worker would report
            self.now = execution.now = self.now + self.activity_time
            execution.fail(error)
        else:
            self.now = execution.now = self.now + self.activity_time
            execution.complete(result)
