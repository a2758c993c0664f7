"""How the cancellation of a job's runs ended: the output format. Its fields are the contract's one declaration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cancel_run.cancellation import result
from cancel_run.cancellation.result import told
from cancel_run.cancellation.stored import key_of


class JobOutcome(StrEnum):
    """How it ended; a member equals its wire value."""

    STOPPED = "stopped"  # every run that was to be canceled is, and the job was then listed without one
    NOT_STOPPED = "notStopped"  # one is not, or nobody knows
    WOULD_CANCEL = "wouldCancel"  # a rehearsal: nothing was sent
    EXPIRED = "expired"  # the order was too old when it was taken up: nothing was sent
    REJECTED = "rejected"  # the job may not be listed, or its runs not be canceled
    FAILED = "failed"  # the instance itself broke or an operator terminated it; its cancellations go on


_RUNS = {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}
_IDS = {"type": "array", "items": {"type": "integer", "format": "int64", "minimum": 1}}


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What is known at the end; ``stopped`` is the one question that a caller has to ask."""

    job_id: int | None = told("The job.", result.ID)
    workspace: str | None = told("The workspace's name in the settings.", result.TEXT)
    outcome: JobOutcome = told(
        "How it ended.", {"type": "string", "enum": [one.value for one in JobOutcome]}, default=JobOutcome.FAILED
    )
    stopped: bool = told("No run that was asked for is active.", result.FLAG, init=False)
    only: str | None = told("As it was asked: `queued`, or null for every active run.", result.TEXT)
    dry_run: bool = told("As it was asked: true for a rehearsal.", result.FLAG, default=False)
    found: int | None = told(
        "How many of the runs that were asked for it was first listed with; null where it was not.",
        {**result.COUNT, "nullable": True},
    )
    runs: list[dict[str, Any]] = told("The result of each run's cancellation.", _RUNS, default_factory=list)
    started_meanwhile: list[int] = told(
        "Active when the job was listed once more, and not among the runs, or active again.", _IDS, default_factory=list
    )
    truncated: bool = told("There were more than maxRuns; the others were left alone.", result.FLAG, default=False)
    reason: str | None = told("As it was asked.", result.TEXT)
    requested_by: str | None = told("As it was asked: a claim, not checked.", result.TEXT)
    started_by: str | None = told("Who asked, as Microsoft Entra in front of the app has verified it.", result.TEXT)
    started_at: str | None = told("When it began.", {**result.TIME, "nullable": True})
    ended_at: str | None = told("When it ended.", {**result.TIME, "nullable": True})
    retries: int = told("Calls that had no usable answer for now.", result.COUNT, default=0)
    error: dict[str, Any] | None = told("What stood in the way.", result.ERROR)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stopped", self.outcome is JobOutcome.STOPPED)

    def to_json(self) -> dict[str, Any]:
        """The output: each field by its name in camelCase."""
        values = {key_of(field.name): getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "outcome": self.outcome.value}
