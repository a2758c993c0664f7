"""durabletask's in-memory backend, made to behave as Azure's where it does not by itself."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from durabletask.client import parse_orchestration_state
from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as messages
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend, OrchestrationInstance

from local_host.engine.context import PlainJson
from local_host.engine.instance import ENDS, Instance, seen
from local_host.engine.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

HISTORY_LIMIT = 1_000_000  # events: no limit of Azure's is imitated here
REJECTED_SECONDS = 0.25  # until a turn that a worker would not take is offered again


class Backend(InMemoryOrchestrationBackend):
    """The in-memory backend, in which a custom status outlives continue_as_new as it does in Azure.

    ``ended`` is told of every instance that ends, before anybody can see that it has.
    """

    def __init__(self, ended: Callable[[Instance], None]) -> None:
        super().__init__(max_history_size=HISTORY_LIMIT)
        self._ended = ended
        self._timers = Timers()

    def CompleteOrchestratorTask(  # noqa: N802  # the service's spelling
        self, request: messages.OrchestratorResponse, context: grpc.ServicerContext
    ) -> messages.CompleteTaskResponse:
        """A turn has ended; what it does not say about the custom status stays as it is."""
        look = messages.GetInstanceRequest(instanceId=request.instanceId, getInputsAndOutputs=True)
        if not request.HasField("customStatus"):
            known = self.GetInstance(look, context).orchestrationState
            if known.HasField("customStatus"):
                request.customStatus.CopyFrom(known.customStatus)
        ends = any(action.completeOrchestration.orchestrationStatus in ENDS for action in request.actions)
        with self._lock:
            held = self._hold_back_a_suspension(request.instanceId) if request.actions and not ends else []
            answer = super().CompleteOrchestratorTask(request, context)
            if held:
                self._instances[request.instanceId].pending_events.extend(held)
                self._enqueue_orchestration(request.instanceId)
            if ends:
                state = self.GetInstance(look, context).orchestrationState
                self._ended(seen(parse_orchestration_state(state, PlainJson())))
        return answer

    def _hold_back_a_suspension(self, instance_id: str) -> list[messages.HistoryEvent]:
        """What the turn ended with and took no step for: the suspension and what came after it, for the next turn.

        In this turn's history they would stand before what its steps began, and durabletask's worker, which hears
        nothing while it is suspended, would take those steps again in every turn: a run would be canceled twice.
        """
        instance = self._instances.get(instance_id)
        dispatched = instance.dispatched_events if instance is not None else []
        kinds = [event.WhichOneof("eventType") for event in dispatched]
        orders = [place for place, kind in enumerate(kinds) if kind in {"executionSuspended", "executionResumed"}]
        if not orders or kinds[orders[-1]] == "executionResumed":
            return []
        held = dispatched[orders[-1] :]
        del dispatched[orders[-1] :]
        return held

    def _enqueue_orchestration(self, instance_id: str) -> None:
        """There is a turn to take, unless the instance has ended: what an activity brings then is nobody's."""
        instance = self._instances.get(instance_id)
        if instance is None or not self._is_terminal_status(instance.status):
            super()._enqueue_orchestration(instance_id)

    def AbandonTaskOrchestratorWorkItem(  # noqa: N802  # the service's spelling
        self, request: messages.AbandonOrchestrationTaskRequest, context: grpc.ServicerContext
    ) -> messages.AbandonOrchestrationTaskResponse:
        """The turn is for another worker; durabletask's own would offer it again at once, and so for ever."""
        with self._lock:
            waiting = set(self._orchestration_queue)
            answer = super().AbandonTaskOrchestratorWorkItem(request, context)
            for instance_id in set(self._orchestration_queue) - waiting:
                self._orchestration_queue.remove(instance_id)
                self._orchestration_queue_set.discard(instance_id)
                self._timers.call_in(REJECTED_SECONDS, functools.partial(self._offer, instance_id))
        return answer

    def _offer(self, instance_id: str) -> None:
        with self._lock:
            if instance_id in self._instances:
                self._enqueue_orchestration(instance_id)

    def _process_create_timer_action(
        self, instance: OrchestrationInstance, action: messages.OrchestratorAction
    ) -> None:
        """The timer is in the history and will fire; durabletask's own would hold a thread until then."""
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, fire_at))
        fired = helpers.new_timer_fired_event(action.id, fire_at)
        left = (fire_at - datetime.now(UTC)).total_seconds()
        self._timers.call_in(left, lambda: self._fire(instance.instance_id, fired))

    def _fire(self, instance_id: str, fired: messages.HistoryEvent) -> None:
        with self._lock:
            instance = self._instances.get(instance_id)
            if instance is not None:
                instance.pending_events.append(fired)
                self._enqueue_orchestration(instance_id)

    def close(self) -> None:
        """No timer fires any more, and every instance is forgotten."""
        self._timers.close()
        self.reset()  # type: ignore[no-untyped-call]  # durabletask leaves it untyped
