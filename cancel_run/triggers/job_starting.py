"""Starting the cancellation of a job's runs: one orchestration for one job, however many ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import ALIAS
from cancel_run.errors import RequestError
from cancel_run.job.order import JobOrder
from cancel_run.triggers.instance_ids import LONGEST
from cancel_run.triggers.starting import How, aware, begin_or_join

if TYPE_CHECKING:
    from datetime import datetime

    from cancel_run.job.request import JobRequest
    from cancel_run.settings import Settings
    from cancel_run.triggers.starting import DurableClient

JOB_ORCHESTRATOR = "cancel-active-runs"

# a tilde is in no alias, so that no run's instance can be taken for a job's; a rehearsal, and the emptying of the queue
# alone, neither join nor hide the real one
_INSTANCE_ID = re.compile(rf"({ALIAS.pattern})~job-([1-9][0-9]{{0,18}})(~queued)?(~rehearsal)?")


@dataclass(frozen=True)
class StartedJob:
    """The cancellation of a job's runs that is under way; ``joined`` and ``done`` as of a run's (``starting.py``)."""

    instance_id: str
    job_id: int
    workspace: str
    joined: bool
    done: bool


@dataclass(frozen=True)
class JobInstance:
    """What the id of an instance says."""

    workspace: str
    job_id: int
    only: str | None
    dry_run: bool

    @classmethod
    def of(cls, instance_id: str) -> JobInstance | None:
        """None where it is the id of none."""
        found = _INSTANCE_ID.fullmatch(instance_id)
        if found is None:
            return None
        return cls(found[1], int(found[2]), "queued" if found[3] else None, bool(found[4]))

    def text(self) -> str:
        """The id."""
        ends = ("~queued" if self.only else "", "~rehearsal" if self.dry_run else "")
        return f"{self.workspace}~job-{self.job_id}{''.join(ends)}"


async def start_or_join_job(
    client: DurableClient,
    settings: Settings,
    request: JobRequest,
    asked_at: datetime,
    *,
    event: str | None = None,
    started_by: str | None = None,
) -> StartedJob:
    """One orchestration is canceling the active runs of the job: a new one, or the one that already was.

    ``event`` and ``started_by`` as of a run's (``starting.py``).

    Raises:
        UnknownWorkspaceError: the settings do not have the workspace that the request names.
        RequestError: the workspace's name is so long that no instance can have the id.
        TaskHubError: the task hub did not take the start and has no active instance for the job.
    """
    workspace = settings.workspace(request.workspace).alias
    instance_id = JobInstance(workspace, request.job_id, request.only, request.dry_run).text()
    if len(instance_id) > LONGEST:
        problem = (
            f"its instance id would have {len(instance_id)} characters, and Durable Functions takes {LONGEST}: give "
            "the workspace a shorter name in the settings, or leave 'only' out of the rehearsal"
        )
        raise RequestError([problem])
    order = JobOrder.of(
        replace(
            request,
            workspace=workspace,
            wait_timeout_seconds=request.wait_timeout_seconds or settings.wait_timeout_seconds,
        ),
        schedule=settings.schedule,
        asked_at=aware(asked_at),
        event=event,
        started_by=started_by,
        from_queue=event is not None,
    )
    how, _ = await begin_or_join(
        client,
        JOB_ORCHESTRATOR,
        instance_id,
        lambda _: order.to_json(),
        is_done=lambda known: event is not None and _is_of(known, event),
    )
    return StartedJob(instance_id, request.job_id, workspace, joined=how is not How.BEGAN, done=how is How.DONE)


def _is_of(known: Any, event: str) -> bool:
    """True when the ended instance was begun by this event, whose message has come again."""
    try:
        return JobOrder.from_json(known.input_).event == event
    except RequestError:
        return False  # somebody began it past the triggers
