"""Histories made in one pass: the orchestrator's generator is driven once from end to end, and every call answered.

The tests replay every turn of every history; a benchmark of poll 5,000 cannot, and a count need not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from local_host.emulators.durable_history import History

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)

Answers = Callable[[str, datetime], Any]  # an activity's name, and when it was called
Orchestrator = Callable[[Any], Generator[Any, Any, Any]]


class Context:
    """The calls of the SDK's context, as descriptions of themselves."""

    def __init__(self, instance_id: str, input_text: str, now: datetime) -> None:
        self.instance_id = instance_id
        self.is_replaying = True  # nothing is told of what happens here
        self.current_utc_datetime = now
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
    orchestrator: Orchestrator, input_: Any, answers: Answers, instance_id: str, answer_seconds: float = 0.2
) -> Generator[History, None, None]:
    """One generation of an instance after the other, until it ends; every answer takes so long."""
    now = BEGAN
    while input_ is not None:
        history = History(json.dumps(input_))
        context = Context(instance_id, history.input_text, now)
        _drive(orchestrator(context), context, history, answers, timedelta(seconds=answer_seconds))
        yield history
        now, input_ = context.current_utc_datetime, context.next_input


def _drive(
    running: Generator[Any, Any, Any], context: Context, history: History, answers: Answers, answer_time: timedelta
) -> None:
    """The generation has ended."""
    history.begin("cancel-active-run", context.current_utc_datetime)
    answer: Any = None
    while True:
        try:
            asked = running.send(answer)
        except StopIteration:
            history.end(context.current_utc_datetime)
            return
        now = context.current_utc_datetime
        if isinstance(asked, datetime):
            task_id = history.create_timer(asked, now)
            answer, context.current_utc_datetime = None, max(asked, now)
            history.fire(task_id, asked, context.current_utc_datetime)
        else:
            name, input_ = asked
            task_id = history.call(name, json.dumps(input_), now)
            answer, context.current_utc_datetime = answers(name, now), now + answer_time
            history.complete(task_id, answer, context.current_utc_datetime)
