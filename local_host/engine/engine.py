"""Orchestrations and activities of a Durable Functions app on durabletask's in-memory backend.

Everything is forgotten with the process: for trying and for tests (``journaled_engine.py`` remembers a little more). In
Azure the Durable Task Framework is durable.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from durabletask.client import OrchestrationQuery, TaskHubGrpcClient

from local_host.engine import events
from local_host.engine.backend import Backend
from local_host.engine.channel import InProcessChannel
from local_host.engine.context import EXECUTION_MARK, PlainJson
from local_host.engine.instance import ENDED, Instance, seen
from local_host.engine.versioning import Versioning
from local_host.engine.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local_host.engine.client_binding import ActivityClient

ACTIVITY_THREADS = 20  # host.json's maxConcurrentActivityFunctions
PAGE = 200  # instances in one answer of the backend
LOOK_SECONDS = 0.01  # between two looks at an instance whose end is waited for


class InstanceExistsError(Exception):
    """An instance of that id has not ended yet."""

    def __init__(self, instance_id: str, runtime_status: str) -> None:
        super().__init__(f"An orchestration instance {instance_id} with the status {runtime_status} already exists.")
        self.instance_id = instance_id
        self.runtime_status = runtime_status


class UnknownOrchestratorError(Exception):
    """The app has no orchestrator of that name."""


class Engine:
    """Runs the orchestrators and activities among the given functions; thread-safe, its methods block.

    An instance has the ``versioning``'s default version for life; one that is refused for its version waits for
    somebody who takes it. ``client`` is for activities with a durable client.
    """

    def __init__(
        self,
        functions: Iterable[Any],
        *,
        activity_threads: int = ACTIVITY_THREADS,
        versioning: Versioning = Versioning(),
        client: ActivityClient | None = None,
    ) -> None:
        logger = logging.getLogger("durabletask")
        logger.setLevel(logging.ERROR)  # it tells of every start and every failed try
        self._lock = threading.RLock()
        self._closed = threading.Event()
        # what is left of an earlier execution, a timer or an activity, must not reach the next one of the same id: to
        # the backend each execution is an instance of its own
        self._current: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._backend = Backend(self._end)
        # the backend's own start() would listen to every interface, with no authentication, and cost a socket each turn
        self._common: dict[str, Any] = {"channel": InProcessChannel(self._backend), "data_converter": PlainJson()}
        self._common |= {"logger": logger, "emit_trace_spans": False}
        self._activity_threads = activity_threads
        self._activity_client = client
        self._client = TaskHubGrpcClient(**self._common)
        self._work(functions, versioning)

    def _work(self, functions: Iterable[Any], versioning: Versioning) -> None:
        self._worker = Worker(
            functions,
            versioning,
            activity_threads=self._activity_threads,
            closed=self._closed,
            client=self._activity_client,
            **self._common,
        )
        self._version = versioning.default_version

    def deploy(self, functions: Iterable[Any], versioning: Versioning) -> None:
        """Another release of the app goes on with what is under way."""
        with self._lock:
            self._worker.stop()
            self._work(functions, versioning)

    def start(self, name: str, instance_id: str, input_: Any = None) -> None:
        """A new instance runs; an ended one of the same id is replaced.

        Raises:
            UnknownOrchestratorError: nobody registered that name.
            InstanceExistsError: an instance of that id has not ended.
        """
        if name not in self._worker.orchestrators:
            raise UnknownOrchestratorError(name)
        with self._lock:
            existing = self.get(instance_id)
            if existing is not None and existing.runtime_status not in ENDED:
                raise InstanceExistsError(instance_id, existing.runtime_status)
            execution = f"{instance_id}{EXECUTION_MARK}{next(self._numbers)}"
            self._note_start(name, instance_id, input_)
            self._client.schedule_new_orchestration(name, instance_id=execution, input=input_, version=self._version)
            if instance_id in self._current:
                self._client.purge_orchestration(self._current[instance_id])
            self._current[instance_id] = execution
            events.started(name, instance_id)

    def _end(self, instance: Instance) -> None:
        self._note_end(instance)
        if not self._closed.is_set():
            events.ended(instance.instance_id, instance.runtime_status)

    def _note_start(self, name: str, instance_id: str, input_: Any) -> None:
        """For an engine that remembers: the instance is about to begin."""

    def _note_end(self, instance: Instance) -> None:
        """For an engine that remembers: the instance has ended, and nobody knows it yet."""

    def get(self, instance_id: str) -> Instance | None:
        """The instance as it is now, or None when there is none."""
        with self._lock:
            execution = self._current.get(instance_id)
            state = self._client.get_orchestration_state(execution) if execution else None
        return seen(state) if state else None

    def instances(self) -> list[Instance]:
        """Every instance that is known, the oldest first."""
        query = OrchestrationQuery(max_instance_count=PAGE, fetch_inputs_and_outputs=True)
        with self._lock:
            return [seen(state) for state in self._client.get_all_orchestration_states(query)]

    def history_events(self, instance_id: str) -> list[dict[str, Any]]:
        """What has happened since the instance began, or began again, as JSON objects; none where it is unknown."""
        with self._lock:
            execution = self._current.get(instance_id)
            events = self._client.get_orchestration_history(execution) if execution is not None else []
        return [{"EventType": type(event).__name__.removesuffix("Event")} | event.to_dict() for event in events]

    def history(self, instance_id: str) -> str:
        """The same as text, for whoever searches it."""
        return "\n".join(str(event) for event in self.history_events(instance_id))

    def wait_until_ended(self, instance_id: str, timeout: float) -> Instance:
        """The instance once it has ended.

        Raises:
            KeyError: there is no such instance.
            TimeoutError: not within ``timeout`` seconds, or the engine was closed.
        """
        deadline = time.monotonic() + timeout
        # the backend's own wait would miss it when the id passes to a next execution
        while not self._closed.is_set() and time.monotonic() < deadline:
            instance = self.get(instance_id)
            if instance is None:
                raise KeyError(instance_id)
            if instance.runtime_status in ENDED:
                return instance
            self._closed.wait(LOOK_SECONDS)
        raise TimeoutError(instance_id)

    def terminate(self, instance_id: str, reason: str) -> Instance | None:
        """The instance ends as Terminated, at its next turn, with the reason as its output.

        This and the other orders return the instance as the order found it: None where there is none, unchanged where
        it had ended.
        """
        return self._order(instance_id, lambda id_: self._client.terminate_orchestration(id_, output=reason))

    def suspend(self, instance_id: str, reason: str) -> Instance | None:
        """The instance takes no further step until it is resumed."""
        return self._order(instance_id, lambda id_: self._client.suspend_orchestration(id_, reason=reason))

    def resume(self, instance_id: str, reason: str) -> Instance | None:
        """The instance goes on with what has come in the meantime."""
        return self._order(instance_id, lambda id_: self._client.resume_orchestration(id_, reason=reason))

    def raise_event(self, instance_id: str, name: str, data: Any) -> Instance | None:
        """The instance has an event of that name, with a JSON value."""
        return self._order(instance_id, lambda id_: self._client.raise_orchestration_event(id_, name, data=data))

    def _order(self, instance_id: str, order: Callable[[str], None]) -> Instance | None:
        with self._lock:
            found = self.get(instance_id)
            if found is not None and found.runtime_status not in ENDED:
                order(self._current[instance_id])
            return found

    def purge(self, instance_id: str) -> bool:
        """True when there was such an instance and it had ended; it is forgotten now."""
        with self._lock:
            execution = self._current.get(instance_id)
            if execution is None or not self._client.purge_orchestration(execution).deleted_instance_count:
                return False
            del self._current[instance_id]
            return True

    def close(self) -> None:
        """Nothing runs any more and all is forgotten; activities that had begun were waited for, no other begins."""
        self._closed.set()
        self._backend.stop()
        self._worker.stop()
        self._backend.close()
        self._client.close()
