"""What an orchestration is begun with: a request, where it came from, and what was decided when it was taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # what is stored is read by its type
from typing import Any

from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.schedule import Schedule
from cancel_run.cancellation.stored import read, written

VERSION = 1  # of the rules that an order is carried out by; a branch on it stays as long as the longest wait


@dataclass(frozen=True)
class Order:
    """One order to cancel a run, as the app stores it.

    Attributes:
        started_by: who asked, as Microsoft Entra in front of the app has verified it; None where nobody verifies.
        asked_at: when it was asked for: the POST, or the message's insertion into its queue.
        event: what the alert that asked for it is known by, for a message that is delivered again; None for a POST.
        from_queue: nobody asks again, so it does not end at the first strange answer.
        earlier: the result of the cancellation of this run that had ended when this order was taken.
        dry_run: a rehearsal: the run is read, and no cancel is sent; None where it is none.
        only: ``queued`` where the run is to be left alone once it has left its job's queue; None wherever it is.
        version: of the rules that it is carried out by.
    """

    run_id: int = 0
    workspace: str | None = None
    reason: str | None = None
    requested_by: str | None = None
    started_by: str | None = None
    wait_timeout_seconds: int = 3600
    schedule: Schedule = field(default_factory=Schedule)
    asked_at: datetime | None = None
    event: str | None = None
    from_queue: bool = False
    earlier: dict[str, Any] | None = None
    dry_run: bool | None = None
    only: str | None = None
    version: int = VERSION
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, request: CancelRequest, **decided: Any) -> Order:
        """The order for a request; ``decided`` are the fields that no caller can send."""
        wait = request.wait_timeout_seconds
        asked: dict[str, Any] = {
            "run_id": request.run_id,
            "reason": request.reason,
            "requested_by": request.requested_by,
        }
        if request.dry_run:
            asked["dry_run"] = True
        return cls(
            **{"workspace": request.workspace, **asked, **({"wait_timeout_seconds": wait} if wait else {}), **decided}
        )

    @classmethod
    def from_json(cls, data: object) -> Order:
        """The order that :meth:`to_json` wrote, read kindly; without a version it is a request, and read strictly.

        Such a request came past the triggers, from whoever may use the Durable extension's own endpoints.

        Raises:
            RequestError: it has no version, and is not a request that can be taken.
        """
        if isinstance(data, dict) and "version" in data:
            return read(cls, data)
        return cls.of(CancelRequest.from_json(data))

    def to_json(self) -> dict[str, Any]:
        """The shape that travels: each field by its name in camelCase."""
        return written(self)
