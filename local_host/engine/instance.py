"""What a look at an orchestration instance tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from durabletask.client import OrchestrationStatus

from local_host.engine.context import EXECUTION_MARK

if TYPE_CHECKING:
    from durabletask.client import OrchestrationState

# Durable spells CONTINUED_AS_NEW, durabletask's name, ContinuedAsNew; and so the others
RUNTIME_STATUS = {status: status.name.title().replace("_", "") for status in OrchestrationStatus}
ENDED = frozenset({"Completed", "Failed", "Terminated"})
ENDS = frozenset(status.value for status, name in RUNTIME_STATUS.items() if name in ENDED)  # as durabletask's messages


@dataclass(frozen=True)
class Instance:
    """An instance as it was when it was looked at; input, output and custom status as JSON values, times in UTC."""

    name: str
    instance_id: str
    runtime_status: str
    input: Any
    output: Any
    custom_status: Any
    created_at: datetime
    last_updated_at: datetime


def seen(state: OrchestrationState) -> Instance:
    """The instance that durabletask's client tells of, under the id that it was started with."""
    failure = state.failure_details
    status = RUNTIME_STATUS[state.runtime_status]
    output = failure.message if failure is not None else state.get_output()
    return Instance(
        name=state.name,
        instance_id=state.instance_id.partition(EXECUTION_MARK)[0],
        runtime_status=status,
        input=state.get_input(),
        output=None if status == "Terminated" else output,  # durabletask has the reason there, Azure nothing
        custom_status=state.get_custom_status(),
        created_at=state.created_at.replace(tzinfo=UTC),
        last_updated_at=state.last_updated_at.replace(tzinfo=UTC),
    )
