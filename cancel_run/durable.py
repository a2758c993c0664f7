"""What this app uses of the Durable Functions SDK: only calls that exist in both 1.x and 2.x of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from azure.durable_functions import RetryOptions


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
