"""One cancellation in a few facts, out of the task hub's status of its instance: a line of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.result import Outcome, iso
from cancel_run.cancellation.stored import moment
from cancel_run.errors import RequestError
from cancel_run.job.order import JobOrder
from cancel_run.triggers.callers_url import status_url
from cancel_run.triggers.instance_ids import InstanceId
from cancel_run.triggers.starting import ACTIVE, aware, runtime_status

if TYPE_CHECKING:
    from datetime import datetime

    from cancel_run.triggers.job_starting import JobInstance

AnyOrder = TypeVar("AnyOrder", Order, JobOrder)


def summary(status: Any, url: str, route: str) -> dict[str, Any] | None:
    """The JSON object of an instance, for an answer to a request at ``url``; None for one that is no cancellation."""
    known = InstanceId.read(status.instance_id or "")
    if known is None or status.runtime_status is None:
        return None
    name = runtime_status(status)
    active = name in ACTIVE
    order, progress = order_of(status, Order), _object(status.custom_status)
    result = _object(status.output) if name == "Completed" else {}
    return {
        "instanceId": status.instance_id,
        "runId": known.run_id,
        "workspace": known.workspace,
        "dryRun": known.dry_run,
        "runtimeStatus": name,
        "startedAt": iso(started_at(status)),
        "endedAt": None if active else iso(aware(status.last_updated_time)),
        "lifeCycleState": result.get("finalLifeCycleState") or progress.get("lifeCycleState"),
        "resultState": result.get("resultState"),
        "outcome": None if active else result.get("outcome", Outcome.FAILED.value),
        "stopped": bool(result.get("stopped")),
        "errorCode": _object(result.get("error") or progress.get("problem")).get("code"),
        "reason": result.get("reason") or order.reason,
        "requestedBy": result.get("requestedBy") or order.requested_by,
        "startedBy": result.get("startedBy") or order.started_by,
        "fromQueue": order.from_queue,
        "statusUrl": status_url(url, route, status.instance_id),
    }


def whose(known: InstanceId | JobInstance, order: Order | JobOrder, status: Any) -> dict[str, Any]:
    """Where it goes on, who asked for it, why, and when it began."""
    return {
        "workspace": known.workspace,
        "dryRun": known.dry_run,
        "startedAt": iso(started_at(status)),
        "reason": order.reason,
        "requestedBy": order.requested_by,
        "startedBy": order.started_by,
        "fromQueue": order.from_queue,
    }


def order_of(status: Any, kind: type[AnyOrder]) -> AnyOrder:
    """The order that the instance was begun with, as far as it can be read."""
    input_ = {key: value for key, value in _object(status.input_).items() if key != "progress"}
    try:
        return kind.from_json(input_)
    except RequestError:
        return kind()  # somebody began it past the triggers


def started_at(status: Any) -> datetime:
    """When the cancellation began; the hub's own time is that of its last continue_as_new."""
    carried = _object(_object(status.input_).get("progress")).get("startedAt")
    return moment(carried) or aware(status.created_time)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
