"""The result of a cancellation that has ended, also where its instance has none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.result import CancelResult, Outcome, error_json
from cancel_run.triggers.starting import runtime_status
from cancel_run.triggers.summary import order_of

if TYPE_CHECKING:
    from cancel_run.triggers.instance_ids import InstanceId


def result_of(status: Any, known: InstanceId) -> dict[str, Any]:
    """The output of an instance that has ended, or what is known of one that failed or was terminated."""
    name, result = runtime_status(status), status.output
    if name == "Completed" and isinstance(result, dict):
        return result
    return _failed(known, name, status).to_json()


def _failed(known: InstanceId, runtime_status_name: str, status: Any) -> CancelResult:
    """What is known of an instance without a result of its own: how it ended, and what its custom status last told."""
    progress = status.custom_status if isinstance(status.custom_status, dict) else {}
    order = order_of(status, Order)
    return CancelResult(
        reason=order.reason,
        requested_by=order.requested_by,
        started_by=order.started_by,
        from_queue=order.from_queue,
        outcome=Outcome.FAILED,
        run_id=known.run_id,
        workspace=known.workspace,
        dry_run=known.dry_run,
        final_life_cycle_state=_known_text(progress, "lifeCycleState"),
        cancel_requested_at=_known_text(progress, "cancelRequestedAt"),
        polls=_known_count(progress, "polls"),
        cancels=_known_count(progress, "cancels"),
        retries=_known_count(progress, "retries"),
        timeline=_known_timeline(progress.get("timeline")),
        sent_at=_known_times(progress.get("sentAt")),
        error=error_json(
            f"Instance{runtime_status_name}",
            f"The orchestration instance {known} ended as {runtime_status_name}; nobody is watching the run any more. "
            "Its exception is in the logs. Ask again to start afresh.",
        ),
    )


def _known_text(progress: dict[str, Any], key: str) -> str | None:
    value = progress.get(key)
    return value if isinstance(value, str) else None


def _known_count(progress: dict[str, Any], key: str) -> int:
    value = progress.get(key)
    return value if type(value) is int and value >= 0 else 0  # a custom status of another version may lack it


def _known_timeline(value: Any) -> list[dict[str, str]]:
    entries = value if isinstance(value, list) else []
    return [{"lifeCycleState": one["lifeCycleState"], "at": one["at"]} for one in entries if _is_entry(one)]


def _is_entry(one: Any) -> bool:
    return isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ("lifeCycleState", "at"))


def _known_times(value: Any) -> dict[str, list[str]]:
    told = value if isinstance(value, dict) else {}
    return {
        step: [at for at in times if isinstance(at, str)] for step, times in told.items() if isinstance(times, list)
    }
