"""The app's orchestrators and activities as durabletask runs them: unchanged 1.x functions, JSON between them."""

from __future__ import annotations

import asyncio
import inspect
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from durabletask.serialization import DataConverter
from durabletask.task import OrchestrationContext, RetryPolicy, Task, when_all, when_any

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator

    from azure.durable_functions import RetryOptions

    from local_host.engine.client_binding import ActivityClient

# between an instance's id and the number of its execution; no id may contain it
EXECUTION_MARK = "#"


CUSTOM_STATUS_LIMIT = 16 * 1024  # bytes of its JSON in UTF-16


class CustomStatusTooLargeError(Exception):
    """A custom status of so many bytes in UTF-16."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The custom status has {size} bytes of UTF-16; at most {CUSTOM_STATUS_LIMIT} are taken.")


class PlainJson(DataConverter):
    """Nothing travels but JSON, as between Azure's host and its worker: what JSON cannot say is an error."""

    def serialize(self, value: Any) -> str:
        """The JSON text of ``value``; None is ``null``."""
        return json.dumps(value)

    def deserialize(self, data: str | None, target_type: type | None = None) -> Any:  # noqa: ARG002  # no types travel
        """The value of the JSON text; None where there is none."""
        return json.loads(data) if data else None

    def coerce(self, value: Any, target_type: type | None = None) -> Any:  # noqa: ARG002  # the same
        """The value as it is."""
        return value


class ContextAdapter:
    """The 1.x SDK's orchestration context: the calls that its 2.x has too, answered by durabletask."""

    def __init__(self, context: OrchestrationContext, input_: Any) -> None:
        self._context = context
        self._input_text = json.dumps(input_)
        self.continued = False

    @property
    def instance_id(self) -> str:
        """The instance's id, as it was started."""
        return self._context.instance_id.partition(EXECUTION_MARK)[0]

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of the current turn; aware of its zone, as the 1.x SDK's is."""
        return self._context.current_utc_datetime.replace(tzinfo=UTC)

    @property
    def version(self) -> str | None:
        """host.json's ``defaultVersion`` when the instance was begun, which it keeps for life."""
        return self._context.version

    @property
    def is_replaying(self) -> bool:
        """True while the history is told again."""
        return self._context.is_replaying

    def get_input(self) -> Any:
        """The input, fresh from its JSON text, so that nobody shares it."""
        return json.loads(self._input_text)

    def call_activity(self, name: str, input_: Any = None) -> Task[Any]:
        """A task that ends as the activity does."""
        return self._context.call_activity(name, input=input_)

    def call_activity_with_retry(self, name: str, retry_options: RetryOptions, input_: Any = None) -> Task[Any]:
        """A task that ends as the activity's last try does."""
        policy = RetryPolicy(
            first_retry_interval=timedelta(milliseconds=retry_options.first_retry_interval_in_milliseconds),
            max_number_of_attempts=retry_options.max_number_of_attempts,
        )
        return self._context.call_activity(name, input=input_, retry_policy=policy)

    def create_timer(self, fire_at: datetime) -> Task[Any]:
        """A task that ends at ``fire_at``, which is UTC where it names no zone."""
        return self._context.create_timer(fire_at)

    def wait_for_external_event(self, name: str) -> Task[Any]:
        """A task that ends with the data of the event."""
        return self._context.wait_for_external_event(name)

    def task_all(self, activities: list[Task[Any]]) -> Task[list[Any]]:
        """A task that ends, with their results, when all of them have."""
        return when_all(activities)

    def task_any(self, activities: list[Task[Any]]) -> Task[Task[Any]]:
        """A task that ends, with the first of them to end, when one has."""
        return when_any(activities)

    def set_custom_status(self, status: Any) -> None:
        """What a look at the instance shows beside its runtime status.

        Raises:
            CustomStatusTooLargeError: the extension would not take it, and the instance fails of that.
        """
        size = len(json.dumps(status, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le"))
        if size > CUSTOM_STATUS_LIMIT:
            raise CustomStatusTooLargeError(size)
        self._context.set_custom_status(status)

    def continue_as_new(self, input_: Any) -> None:
        """The instance begins again with this input and an empty history."""
        self.continued = True
        self._context.continue_as_new(input_)


def adapted_orchestrator(
    name: str, user_function: Callable[[Any], Any]
) -> Callable[[OrchestrationContext, Any], Generator[Any, Any, Any]]:
    """The 1.x orchestrator, a generator or a plain function, for durabletask, under its registered name."""

    def orchestrate(context: OrchestrationContext, input_: Any) -> Generator[Any, Any, Any]:
        adapter = ContextAdapter(context, input_)
        output = user_function(adapter)
        if inspect.isgenerator(output):
            output = yield from output
        # after continue_as_new whatever is returned is nobody's
        return None if adapter.continued else output

    orchestrate.__name__ = name
    return orchestrate


def adapted_activity(
    function: Any, client: ActivityClient | None, closed: threading.Event
) -> Callable[[Any, Any], Any]:
    """The activity for durabletask, under its registered name: called by keyword, and no more once it is closed."""
    name, parameter, user_function = (
        function.get_function_name(),
        function.get_trigger().name,
        function.get_user_function(),
    )
    bound = next((binding.name for binding in function.get_bindings() if binding.type == "durableClient"), None)

    def call(_: Any, input_: Any) -> Any:
        if closed.is_set():
            raise RuntimeError("The engine has been closed.")
        if bound is not None and client is None:
            raise RuntimeError(f"{name} has a durable client, and this engine has none to give.")
        try:
            if bound is not None and client is not None:
                return client.call(user_function, bound, **{parameter: input_})
            result = user_function(**{parameter: input_})
            return asyncio.run(result) if inspect.iscoroutine(result) else result
        except Exception as error:
            if str(error):
                raise
            # durabletask's backend takes a failure without a message for a success
            raise RuntimeError(repr(error)) from error

    call.__name__ = name
    return call
