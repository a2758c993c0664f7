"""How a cancellation ended: the output format, and the words for every way it can end.

The fields of :class:`CancelResult` are the contract's one declaration: the JSON, the OpenAPI schema and, by a test, the
table in docs/http.md follow from them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.stored import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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

# schemas in OpenAPI 3.0 that fields of results have
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string", "nullable": True}
FLAG = {"type": "boolean"}
ID = {"type": "integer", "format": "int64", "minimum": 1, "nullable": True}
TIME = {"type": "string", "format": "date-time"}
ERROR = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "statusCode": {**COUNT, "nullable": True},
    },
    "required": ["code", "message", "statusCode"],
    "nullable": True,
}
_TIMELINE = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"lifeCycleState": {"type": "string"}, "at": TIME},
        "required": ["lifeCycleState", "at"],
    },
}
_SENT_AT = {
    "type": "object",
    "properties": {step: {"type": "array", "items": TIME} for step in ("cancelRun", "pollRun")},
}
# not in every result: left out where there is nothing to tell, or unknown to the release that wrote it
NOT_ALWAYS = frozenset({"dryRun", "fromQueue", "sentAt", "tokenExpiresAt"})
_OUTCOMES = {"type": "string", "enum": [outcome.value for outcome in Outcome]}


def told(description: str, schema: dict[str, Any], default: Any = None, **options: Any) -> Any:
    """A field of the result, with its schema in OpenAPI 3.0."""
    given = options or {"default": default}
    return dataclasses.field(**given, metadata={"schema": {**schema, "description": description}})


@dataclass(frozen=True, kw_only=True)
class CancelResult:
    """What is known at the end: the workflow's three outputs, then what an operator needs. Times are ISO 8601 in UTC.

    ``stopped`` is the one question that a caller has to ask.
    """

    run_id: int | None = told("The run.", ID)
    final_life_cycle_state: str | None = told("The last state that was seen.", TEXT)
    result_state: str | None = told("Databricks' result state; null while the run is active.", TEXT)
    outcome: Outcome = told("How the cancellation ended.", _OUTCOMES, default=Outcome.FAILED)
    stopped: bool = told("The run was seen in a terminal state.", FLAG, init=False)
    state_message: str | None = told("What Databricks says of the state.", TEXT)
    workspace: str | None = told("The workspace's name in the settings.", TEXT)
    run_page_url: str | None = told("The run in Databricks.", TEXT)
    job_id: int | None = told("The job that the run belongs to.", ID)
    run_name: str | None = told("The run's name.", TEXT)
    trigger: str | None = told("What started the run, in Databricks' words.", TEXT)
    restarts_itself: bool = told("A continuous job: it starts again unless it is paused.", FLAG, default=False)
    repaired_since: bool = told("The run was repaired meanwhile; the repair was left alone.", FLAG, default=False)
    reason: str | None = told("As it was asked.", TEXT)
    requested_by: str | None = told("As it was asked: a claim, not checked.", TEXT)
    started_by: str | None = told("Who asked, as Microsoft Entra in front of the app has verified it.", TEXT)
    dry_run: bool = told("A rehearsal: nothing was sent, whatever the outcome.", FLAG, default=False)
    from_queue: bool = told("By an alert, or another message of the queue.", FLAG, default=False)
    cancel_requested_at: str | None = told(
        "When the first cancel was sent that was not refused.", {**TIME, "nullable": True}
    )
    ended_at: str | None = told("When the end was first seen.", {**TIME, "nullable": True})
    polls: int = told("Polls that were sent.", COUNT, default=0)
    cancels: int = told("Cancels that were sent and not refused.", COUNT, default=0)
    retries: int = told("Calls that had no usable answer for now.", COUNT, default=0)
    timeline: list[dict[str, str]] = told(
        "Each state with the time at which it was first seen.", _TIMELINE, default_factory=list
    )
    sent_at: dict[str, list[str]] = told(
        "When cancels that were not refused and polls were answered; of many, not all.", _SENT_AT, default_factory=dict
    )
    error: dict[str, Any] | None = told("What stood in the way.", ERROR)
    token_expires_at: str | None = told("Left out unless the vault's secret expires within two weeks.", TIME)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stopped", self.outcome in _STOPPED)

    def to_json(self) -> dict[str, Any]:
        """The output: each field by its name in camelCase; ``tokenExpiresAt`` is left out where it is None."""
        values = {key_of(field.name): getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.token_expires_at is None:
            del values["tokenExpiresAt"]
        return {**values, "outcome": self.outcome.value}


def result_schema(kind: Any = CancelResult) -> dict[str, dict[str, Any]]:
    """The properties in OpenAPI 3.0 of a result of that kind, by key, in their order."""
    return {key_of(field.name): dict(field.metadata["schema"]) for field in dataclasses.fields(kind)}


def error_json(code: str, message: str, status_code: int | None = None) -> dict[str, Any]:
    """The shape of ``error`` in a result."""
    return {"code": code, "message": message, "statusCode": status_code}


def error_told(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What stood in the way, as it is told in a result: an activity's answer may say more of it, or less."""
    if problem is None:
        return None
    return error_json(problem.get("code", "Unknown"), problem.get("message", ""), problem.get("statusCode"))


# of an order that was not carried out, because nobody wants it any more
EXPIRED_ERROR = error_json("OrderExpired", "The order was older than ORDER_MAX_AGE_SECONDS when it was taken up.")


def iso(moment: datetime) -> str:
    """``moment`` as ISO 8601 in UTC, to the millisecond: ``2026-01-31T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
