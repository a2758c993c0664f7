"""What the orchestration of a job is begun with: a request, where it came from, and what was decided then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # what is stored is read by its type
from typing import Any

from cancel_run.cancellation.schedule import Schedule
from cancel_run.cancellation.stored import read, written
from cancel_run.job.request import USUAL_RUNS, JobRequest

VERSION = 1  # of the rules that an order is carried out by; a branch on it stays as long as the longest wait


@dataclass(frozen=True)
class Plan:
    """How much at a time: like the schedule it travels with the order, so that no release or setting changes it."""

    side_by_side: int = 100  # cancellations that are under way at once
    begun_in_a_call: int = 50
    told_in_a_call: int = 100  # results, of a thousand bytes each
    page_limit: int = 200  # of a listing; what is on no page by then is left
    page_tries: int = 5  # of a page that is not the first: then what has been found is gone on with
    last_tries: int = 3  # of what follows after the deadline
    grace_seconds: float = 60.0  # after the deadline, in which cancellations tell how they ended
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class JobOrder:
    """One order to cancel the active runs of a job, as the app stores it.

    Attributes:
        only: ``queued`` for those alone that wait in the job's queue; None for all.
        started_by: who asked, as Microsoft Entra in front of the app has verified it; None where nobody verifies.
        asked_at: when it was asked for: the POST, or the message's insertion into its queue.
        event: what the alert that asked for it is known by, for a message that is delivered again; None for a POST.
        from_queue: nobody asks again, so it does not end at the first strange answer.
        version: of the rules that it is carried out by.
    """

    job_id: int = 0
    workspace: str | None = None
    only: str | None = None
    dry_run: bool = False
    reason: str | None = None
    requested_by: str | None = None
    started_by: str | None = None
    wait_timeout_seconds: int = 3600
    max_runs: int = USUAL_RUNS
    schedule: Schedule = field(default_factory=Schedule)
    plan: Plan = field(default_factory=Plan)
    asked_at: datetime | None = None
    event: str | None = None
    from_queue: bool = False
    version: int = VERSION
    unknown: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, request: JobRequest, **decided: Any) -> JobOrder:
        """The order for a request; ``decided`` are the fields that no caller can send."""
        asked = {name: value for name, value in vars(request).items() if value is not None}
        return cls(**{**asked, **decided})

    @classmethod
    def from_json(cls, data: object) -> JobOrder:
        """The order that :meth:`to_json` wrote, read kindly; without a version it is a request, and read strictly.

        Such a request came past the triggers, from whoever may use the Durable extension's own endpoints.

        Raises:
            RequestError: it has no version, and is not a request that can be taken.
        """
        if isinstance(data, dict) and "version" in data:
            return read(cls, data)
        return cls.of(JobRequest.from_json(data))

    def to_json(self) -> dict[str, Any]:
        """The shape that travels: each field by its name in camelCase."""
        return written(self)
