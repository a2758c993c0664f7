"""How a cancellation ended: the output format, and the words for every way it can end.

The fields of :class:`CancelResult` are the contract's one declaration: the JSON, the OpenAPI schema and, by a test, the
table in docs/http.md follow from them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cancel_run.cancellation.stored import key_of


class Outcome(StrEnum):
    """How it ended; a member equals its wire value."""

    CANCELED = "canceled"  # TERMINATED with CANCELED, after our cancel
    ENDED_FIRST = "endedFirst"  # it ended in another way after we had set out to cancel it
    ALREADY_ENDED = "alreadyEnded"  # terminal when first read: no cancel was sent
    WOULD_CANCEL = "wouldCancel"  # of a rehearsal: it is active, and no cancel was sent
    TIMED_OUT = "timedOut"  # still active, or not to be read, at the deadline
    EXPIRED = "expired"  # the order was too old when it was taken up: nothing was sent
    REJECTED = "rejected"  # Databricks or Key Vault refused, and asking again would not help
    FAILED = "failed"  # the instance itself broke or an operator terminated it: nobody is watching the run any more


_STOPPED = frozenset({Outcome.CANCELED, Outcome.ENDED_FIRST, Outcome.ALREADY_ENDED})

_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string", "nullable": True}
_FLAG = {"type": "boolean"}
_ID = {"type": "integer", "format": "int64", "minimum": 1, "nullable": True}
_TIME = {"type": "string", "format": "date-time"}
_ERROR = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "statusCode": {**_COUNT, "nullable": True},
    },
    "required": ["code", "message", "statusCode"],
    "nullable": True,
}
_TIMELINE = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"lifeCycleState": {"type": "string"}, "at": _TIME},
        "required": ["lifeCycleState", "at"],
    },
}
_OUTCOMES = {"type": "string", "enum": [outcome.value for outcome in Outcome]}


def _told(description: str, schema: dict[str, Any], default: Any = None, **options: Any) -> Any:
    """A field of the result, with its schema in OpenAPI 3.0."""
    given = options or {"default": default}
    return dataclasses.field(**given, metadata={"schema": {**schema, "description": description}})


@dataclass(frozen=True, kw_only=True)
class CancelResult:
    """What is known at the end: the workflow's three outputs, then what an operator needs. Times are ISO 8601 in UTC.

    ``stopped`` is the one question that a caller has to ask.
    """

    run_id: int | None = _told("The run.", _ID)
    final_life_cycle_state: str | None = _told("The last state that was seen.", _TEXT)
    result_state: str | None = _told("Databricks' result state; null while the run is active.", _TEXT)
    outcome: Outcome = _told("How the cancellation ended.", _OUTCOMES, default=Outcome.FAILED)
    stopped: bool = _told("The run was seen in a terminal state.", _FLAG, init=False)
    state_message: str | None = _told("What Databricks says of the state.", _TEXT)
    workspace: str | None = _told("The workspace's name in the settings.", _TEXT)
    run_page_url: str | None = _told("The run in Databricks.", _TEXT)
    job_id: int | None = _told("The job that the run belongs to.", _ID)
    run_name: str | None = _told("The run's name.", _TEXT)
    trigger: str | None = _told("What started the run, in Databricks' words.", _TEXT)
    restarts_itself: bool = _told("A continuous job: it starts again unless it is paused.", _FLAG, default=False)
    repaired_since: bool = _told("The run was repaired meanwhile; the repair was left alone.", _FLAG, default=False)
    reason: str | None = _told("As it was asked.", _TEXT)
    requested_by: str | None = _told("As it was asked: a claim, not checked.", _TEXT)
    started_by: str | None = _told("Who asked, as Microsoft Entra in front of the app has verified it.", _TEXT)
    dry_run: bool = _told("A rehearsal: nothing was sent, whatever the outcome.", _FLAG, default=False)
    cancel_requested_at: str | None = _told(
        "When the first cancel was sent that was not refused.", {**_TIME, "nullable": True}
    )
    ended_at: str | None = _told("When the end was first seen.", {**_TIME, "nullable": True})
    polls: int = _told("Polls that were sent.", _COUNT, default=0)
    cancels: int = _told("Cancels that were sent and not refused.", _COUNT, default=0)
    retries: int = _told("Calls that had no usable answer for now.", _COUNT, default=0)
    timeline: list[dict[str, str]] = _told(
        "Each state with the time at which it was first seen.", _TIMELINE, default_factory=list
    )
    error: dict[str, Any] | None = _told("What stood in the way.", _ERROR)
    token_expires_at: str | None = _told("Left out unless the vault's secret expires within two weeks.", _TIME)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stopped", self.outcome in _STOPPED)

    def to_json(self) -> dict[str, Any]:
        """The output: each field by its name in camelCase; ``tokenExpiresAt`` is left out where it is None."""
        values = {key_of(field.name): getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.token_expires_at is None:
            del values["tokenExpiresAt"]
        return {**values, "outcome": self.outcome.value}


def result_schema() -> dict[str, dict[str, Any]]:
    """The result's properties in OpenAPI 3.0, by key, in their order."""
    return {key_of(field.name): dict(field.metadata["schema"]) for field in dataclasses.fields(CancelResult)}


def error_json(code: str, message: str, status_code: int | None = None) -> dict[str, Any]:
    """The shape of ``error`` in a result."""
    return {"code": code, "message": message, "statusCode": status_code}


def iso(moment: datetime) -> str:
    """``moment`` as ISO 8601 in UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
