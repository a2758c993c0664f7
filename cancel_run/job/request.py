"""What asks for every active run of a job to be canceled: parsed and validated once, every problem told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cancel_run.cancellation.request import FIELDS, Field, identifier, judged

QUEUED = "queued"  # what ``only`` may say
MOST_RUNS, USUAL_RUNS = 1000, 100


@dataclass(frozen=True)
class JobRequest:
    """Cancel the active runs of this job (or ``only`` those that are queued), at most so many of them."""

    job_id: int
    workspace: str | None = None
    only: str | None = None
    dry_run: bool = False
    reason: str | None = None
    requested_by: str | None = None
    wait_timeout_seconds: int | None = None
    max_runs: int = USUAL_RUNS

    @classmethod
    def from_json(cls, data: object) -> JobRequest:
        """The request in ``data``.

        ``{"jobId": 1, "workspace": "prod", "only": "queued", "dryRun": false, "reason": "...", "requestedBy": "...",
        "waitTimeoutSeconds": 3600, "maxRuns": 100}``; only ``jobId`` (or ``job_id``) is required, null is the same as
        absent.

        Raises:
            RequestError: with every problem that ``data`` has.
        """
        return cls(**judged(data, JOB_FIELDS, "jobId"))

    def to_json(self) -> dict[str, Any]:
        """The canonical request; :meth:`from_json` takes it."""
        return {key: getattr(self, declared.name) for key, declared in JOB_FIELDS.items()}


def _only(value: Any) -> str:
    if value != QUEUED:
        raise ValueError(f"must be '{QUEUED}'; leave it out for every active run")
    return QUEUED


def _max_runs(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_RUNS:
        raise ValueError(f"must be a whole number from 1 to {MOST_RUNS}")
    return value


# the one declaration of the contract: validation, the OpenAPI schema and, by a test, the table in docs/http.md
JOB_FIELDS = {
    "jobId": Field("job_id", identifier, FIELDS["runId"].schema),
    "workspace": FIELDS["workspace"],
    "only": Field("only", _only, {"type": "string", "enum": [QUEUED, None], "nullable": True}),
    "dryRun": FIELDS["dryRun"],
    "reason": FIELDS["reason"],
    "requestedBy": FIELDS["requestedBy"],
    "waitTimeoutSeconds": FIELDS["waitTimeoutSeconds"],
    "maxRuns": Field(
        "max_runs",
        _max_runs,
        {"type": "integer", "minimum": 1, "maximum": MOST_RUNS, "default": USUAL_RUNS, "nullable": True},
    ),
}
