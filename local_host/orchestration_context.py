"""The 1.x SDK's orchestration context over durabletask's: what an unchanged 1.x generator sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from durabletask.task import OrchestrationContext, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from azure.durable_functions import RetryOptions


class ContextAdapter:
    """The calls that both 1.x and 2.x of the SDK have, answered by durabletask."""

    def __init__(self, context: OrchestrationContext, input_text: str) -> None:
        self._context = context
        self._input_text = input_text
        self.continued = False

    @property
    def instance_id(self) -> str:
        """The instance's id."""
        return self._context.instance_id

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of the current turn; aware of its zone, as the 1.x SDK's is."""
        return self._context.current_utc_datetime.replace(tzinfo=UTC)

    @property
    def is_replaying(self) -> bool:
        """True while the history is told again."""
        return self._context.is_replaying

    def get_input(self) -> Any:
        """The input, fresh from its JSON text, so that nobody shares it."""
        return json.loads(self._input_text)

    def call_activity(self, name: str, input_: Any = None) -> Any:
        """A task that ends as the activity does."""
        return self._context.call_activity(name, input=json.dumps(input_))

    def call_activity_with_retry(self, name: str, retry_options: RetryOptions, input_: Any = None) -> Any:
        """A task that ends as the activity's last try does."""
        policy = RetryPolicy(
            first_retry_interval=timedelta(milliseconds=retry_options.first_retry_interval_in_milliseconds),
            max_number_of_attempts=retry_options.max_number_of_attempts,
        )
        return self._context.call_activity(name, input=json.dumps(input_), retry_policy=policy)

    def create_timer(self, fire_at: datetime) -> Any:
        """A task that ends at ``fire_at``."""
        return self._context.create_timer(fire_at)

    def set_custom_status(self, status: Any) -> None:
        """What a look at the instance shows beside its runtime status."""
        self._context.set_custom_status(status)

    def continue_as_new(self, input_: Any) -> None:
        """The instance begins again with this input and an empty history."""
        self.continued = True
        self._context.continue_as_new(json.dumps(input_))


def adapted(generator_function: Callable[[Any], Any]) -> Callable[[OrchestrationContext, str], Any]:
    """A durabletask orchestrator that runs a 1.x one. Its input and output are JSON texts, as on Azure's wire."""

    def orchestrate(context: OrchestrationContext, input_text: str) -> Generator[Any, Any, str | None]:
        adapter = ContextAdapter(context, input_text)
        output = yield from generator_function(adapter)
        # after continue_as_new whatever is returned is nobody's
        return None if adapter.continued else json.dumps(output)

    return orchestrate
