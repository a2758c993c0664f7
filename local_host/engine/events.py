"""What happens in the engine, told to the log: each event has a line for a person and fields for a program."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from local_host.engine.context import EXECUTION_MARK

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("local_host")


def tell(event: str, text: str, level: int = logging.INFO, **fields: object) -> None:
    """The event is in the log: ``text`` is the record's message, its ``event`` and ``fields`` are for a program."""
    logger.log(level, "%s", text, extra={"event": event, "fields": fields})


def started(name: str, instance_id: str) -> None:
    """An orchestration instance has begun."""
    tell("started", f"{instance_id}  has begun", instanceId=instance_id, orchestrator=name)


def ended(instance_id: str, runtime_status: str) -> None:
    """An orchestration instance has ended; that it has completed is no news where the app tells its outcome."""
    level = logging.DEBUG if runtime_status == "Completed" else logging.ERROR
    text = f"{instance_id}  has ended: {runtime_status}"
    tell("ended", text, level, instanceId=instance_id, runtimeStatus=runtime_status)


def told(activity: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The activity of durabletask's, each call of which is an event."""
    name = activity.__name__

    def call(context: Any, input_: Any) -> Any:
        began, failure = time.perf_counter(), None
        try:
            return activity(context, input_)
        except Exception as error:
            failure = type(error).__name__
            raise
        finally:
            spent = round((time.perf_counter() - began) * 1000)
            instance_id = str(context.orchestration_id).partition(EXECUTION_MARK)[0]
            text = f"{instance_id}  {name}  {spent} ms{f'  {failure}' if failure else ''}"
            fields = {"instanceId": instance_id, "activity": name, "milliseconds": spent, "error": failure}
            tell("activity", text, logging.DEBUG, **fields)

    call.__name__ = name
    return call
