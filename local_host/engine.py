"""Orchestrations and activities of a Durable Functions app on durabletask's in-memory backend.

Everything is forgotten with the process: this is for one machine, for trying and for tests. In Azure the durability is
the Durable Task Framework's.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
from durabletask.client import OrchestrationStatus, TaskHubGrpcClient
from durabletask.internal import orchestrator_service_pb2_grpc as services
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend
from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

from local_host.background import LOOPBACK
from local_host.orchestration_context import adapted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from types import TracebackType
    from typing import Self

ACTIVITY_THREADS = 32
HISTORY_LIMIT = 1_000_000  # events: no limit of Azure's is imitated here

# Durable's names for what durabletask calls the status of an orchestration
RUNTIME_STATUS = {
    OrchestrationStatus.PENDING: "Pending",
    OrchestrationStatus.RUNNING: "Running",
    OrchestrationStatus.CONTINUED_AS_NEW: "ContinuedAsNew",
    OrchestrationStatus.SUSPENDED: "Suspended",
    OrchestrationStatus.COMPLETED: "Completed",
    OrchestrationStatus.FAILED: "Failed",
    OrchestrationStatus.TERMINATED: "Terminated",
}
ENDED = frozenset({"Completed", "Failed", "Terminated"})


class InstanceExistsError(Exception):
    """An instance of that id has not ended yet."""


class UnknownOrchestratorError(Exception):
    """The app has no orchestrator of that name."""


@dataclass(frozen=True)
class Instance:
    """What a look at an instance tells; input, output and custom status as JSON values."""

    name: str
    instance_id: str
    runtime_status: str
    input: Any
    output: Any
    custom_status: Any
    created_at: datetime
    last_updated_at: datetime


class Engine:
    """Runs what the given functions register; thread-safe, its methods block."""

    def __init__(self, functions: Iterable[Any]) -> None:
        logging.getLogger("durabletask").setLevel(logging.ERROR)  # it tells of every start and every failed try
        self._orchestrators: set[str] = set()
        self._starting = threading.Lock()
        self._backend = InMemoryOrchestrationBackend(max_history_size=HISTORY_LIMIT)
        # the backend's own start() would listen to every interface, with no authentication
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
        services.add_TaskHubSidecarServiceServicer_to_server(self._backend, self._server)  # type: ignore[no-untyped-call]  # generated code
        address = f"{LOOPBACK}:{self._server.add_insecure_port(f'{LOOPBACK}:0')}"
        self._server.start()
        logger = logging.getLogger("durabletask")
        self._worker = TaskHubGrpcWorker(
            host_address=address,
            logger=logger,
            emit_trace_spans=False,
            concurrency_options=ConcurrencyOptions(
                maximum_concurrent_activity_work_items=ACTIVITY_THREADS, maximum_thread_pool_workers=ACTIVITY_THREADS
            ),
        )
        self._client = TaskHubGrpcClient(host_address=address, logger=logger, emit_trace_spans=False)
        for function in functions:
            self._register(function)
        self._worker.start()  # type: ignore[no-untyped-call]  # durabletask leaves it untyped

    def _register(self, function: Any) -> None:
        name, trigger = function.get_function_name(), function.get_trigger()
        if trigger.type == "orchestrationTrigger":
            self._orchestrators.add(name)
            registered = adapted(function.get_user_function().orchestrator_function)
            self._worker._registry.add_named_orchestrator(name, registered)  # noqa: SLF001  # names with a hyphen
        elif trigger.type == "activityTrigger":
            called = _activity(function.get_user_function(), trigger.name)
            self._worker._registry.add_named_activity(name, called)  # noqa: SLF001  # no public way takes a name

    def start(self, name: str, instance_id: str, input_text: str) -> None:
        """A new instance runs; an ended one of the same id is replaced.

        Raises:
            UnknownOrchestratorError: nobody registered that name.
            InstanceExistsError: an instance of that id has not ended.
        """
        if name not in self._orchestrators:
            raise UnknownOrchestratorError(name)
        with self._starting:
            existing = self.get(instance_id)
            if existing is not None:
                if existing.runtime_status not in ENDED:
                    raise InstanceExistsError(existing.runtime_status)
                self._client.purge_orchestration(instance_id)
            self._client.schedule_new_orchestration(name, instance_id=instance_id, input=input_text)

    def get(self, instance_id: str) -> Instance | None:
        """The instance as it is now, or None when there is none."""
        state = self._client.get_orchestration_state(instance_id)
        if state is None:
            return None
        failure = state.failure_details
        return Instance(
            name=state.name,
            instance_id=state.instance_id,
            runtime_status=RUNTIME_STATUS[state.runtime_status],
            input=_twice(state.serialized_input),
            output=failure.message if failure is not None else _twice(state.serialized_output),
            custom_status=json.loads(state.serialized_custom_status) if state.serialized_custom_status else None,
            created_at=state.created_at,
            last_updated_at=state.last_updated_at,
        )

    def instances(self) -> list[Instance]:
        """Every instance that is known."""
        found = (self.get(state.instance_id) for state in self._client.get_all_orchestration_states())
        return [instance for instance in found if instance is not None]

    def history(self, instance_id: str) -> str:
        """The whole history of an instance as text, for whoever searches it."""
        return "\n".join(str(event) for event in self._client.get_orchestration_history(instance_id))

    def wait_until_ended(self, instance_id: str, timeout: float) -> Instance:
        """The instance once it has ended.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        self._client.wait_for_orchestration_completion(instance_id, timeout=timeout)
        instance = self.get(instance_id)
        assert instance is not None  # noqa: S101  # the wait above has seen it
        return instance

    def terminate(self, instance_id: str, reason: str) -> None:
        """The instance ends as Terminated, at its next turn."""
        self._client.terminate_orchestration(instance_id, output=reason)

    def purge(self, instance_id: str) -> bool:
        """True when there was such an instance; it has ended and is forgotten now."""
        return self._client.purge_orchestration(instance_id).deleted_instance_count > 0

    def close(self) -> None:
        """Nothing runs any more, and everything is forgotten."""
        self._worker.stop()  # type: ignore[no-untyped-call]  # the same
        self._backend.stop()
        self._client.close()
        self._server.stop(grace=None).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _activity(user_function: Callable[..., Any], parameter: str) -> Callable[[Any, str], Any]:
    """A durabletask activity that calls the app's as the worker does: by keyword, with the input's JSON parsed."""

    def call(_: Any, input_text: str) -> Any:
        result = user_function(**{parameter: json.loads(input_text)})
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        return json.loads(json.dumps(result))

    return call


def _twice(text: str | None) -> Any:
    """The value in a payload that is a JSON text inside a JSON text, as the adapter writes it."""
    inner = json.loads(text) if text else None
    try:
        return json.loads(inner) if isinstance(inner, str) else inner
    except ValueError:
        return inner  # a reason given with a termination is plain text
