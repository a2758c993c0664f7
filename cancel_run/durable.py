"""What this app uses of the Durable Functions SDK: only calls that exist in both 1.x and 2.x of it.

And what its orchestrators have in common: the time, and the wait for the next step.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from azure.durable_functions import RetryOptions

Steps = Generator[Any, Any, Any]


class OrchestrationContext(Protocol):
    """The calls of the SDK's context that the orchestrator keeps to."""

    instance_id: str
    current_utc_datetime: datetime
    is_replaying: bool

    def get_input(self) -> Any:  # noqa: D102  # these are the SDK's, and documented there
        ...

    def call_activity(self, name: str, input_: Any) -> Any:  # noqa: D102
        ...

    def call_activity_with_retry(self, name: str, retry_options: RetryOptions, input_: Any) -> Any:  # noqa: D102
        ...

    def create_timer(self, fire_at: datetime) -> Any:  # noqa: D102
        ...

    def set_custom_status(self, status: Any) -> None:  # noqa: D102
        ...

    def continue_as_new(self, input_: Any) -> None:  # noqa: D102
        ...


class Waiting(Protocol):
    """What has a next step that is due at some time."""

    next_at: datetime

    def custom_status(self) -> dict[str, Any]:
        """What the status endpoint shows until then."""
        ...


def wait(context: OrchestrationContext, progress: Waiting) -> Steps:
    """The next step is due: a durable timer, which holds no thread."""
    context.set_custom_status(progress.custom_status())
    if progress.next_at > now(context):
        yield context.create_timer(progress.next_at)


def now(context: OrchestrationContext) -> datetime:
    """The orchestration's own time, which is the same in every replay."""
    time = context.current_utc_datetime
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # 1.x is aware of the zone, other engines are not
