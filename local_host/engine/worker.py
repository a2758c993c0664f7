"""The worker of one release of an app: durabletask's, with the app's orchestrators and activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durabletask.grpc_options import GrpcWorkerResiliencyOptions
from durabletask.worker import ConcurrencyOptions, TaskHubGrpcWorker

from local_host.engine.context import adapted_activity, adapted_orchestrator
from local_host.engine.events import told

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from local_host.engine.client_binding import ActivityClient
    from local_host.engine.versioning import Versioning

# host.json's maxConcurrentOrchestratorFunctions: kept from the activities, so that these go on while all of those wait
TURN_THREADS = 8


class Worker:
    """Takes turns and runs activities until it is stopped; ``orchestrators`` are the names of those that it has."""

    def __init__(
        self,
        functions: Iterable[Any],
        versioning: Versioning,
        *,
        activity_threads: int,
        closed: threading.Event,
        client: ActivityClient | None,
        **common: Any,
    ) -> None:
        self.orchestrators: set[str] = set()
        self._worker = TaskHubGrpcWorker(
            **common,
            # a quiet hour is no broken connection; to make a new one could lose a turn that is on its way
            resiliency_options=GrpcWorkerResiliencyOptions(silent_disconnect_timeout_seconds=0),
            concurrency_options=ConcurrencyOptions(
                maximum_concurrent_activity_work_items=activity_threads,
                maximum_thread_pool_workers=activity_threads + TURN_THREADS,
            ),
        )
        for function in functions:
            name, kind = function.get_function_name(), function.get_trigger().type
            if kind == "orchestrationTrigger":
                self.orchestrators.add(name)
                orchestrate = function.get_user_function().orchestrator_function
                self._worker.add_orchestrator(adapted_orchestrator(name, orchestrate))
            elif kind == "activityTrigger":
                self._worker.add_activity(told(adapted_activity(function, client, closed)))
        self._worker.use_versioning(versioning.options())
        self._worker.start()  # type: ignore[no-untyped-call]  # durabletask leaves it untyped

    def stop(self) -> None:
        """It takes nothing any more; activities that had begun were waited for."""
        self._worker.stop()  # type: ignore[no-untyped-call]  # durabletask leaves it untyped
