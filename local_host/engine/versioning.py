"""Durable's orchestration versioning, as host.json has it: which instances a release takes up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from durabletask.worker import VersionFailureStrategy, VersioningOptions, VersionMatchStrategy

HOST_JSON = Path(__file__).parent.parent.parent / "host.json"

_MATCH = {
    "None": VersionMatchStrategy.NONE,
    "Strict": VersionMatchStrategy.STRICT,
    "CurrentOrOlder": VersionMatchStrategy.CURRENT_OR_OLDER,
}
_FAILURE = {"Reject": VersionFailureStrategy.REJECT, "Fail": VersionFailureStrategy.FAIL}


@dataclass(frozen=True)
class Versioning:
    """The version that new instances have for life, and what is done with those of another one."""

    default_version: str | None = None
    match: str = "CurrentOrOlder"
    failure: str = "Reject"

    @classmethod
    def of_host_json(cls) -> Versioning:
        """What ``extensions.durableTask`` of host.json says."""
        durable = json.loads(HOST_JSON.read_text(encoding="utf-8")).get("extensions", {}).get("durableTask", {})
        return cls(
            durable.get("defaultVersion"),
            durable.get("versionMatchStrategy", "CurrentOrOlder"),
            durable.get("versionFailureStrategy", "Reject"),
        )

    def options(self) -> VersioningOptions:
        """The same for durabletask's worker."""
        return VersioningOptions(
            version=self.default_version,
            default_version=self.default_version,
            match_strategy=_MATCH[self.match],
            failure_strategy=_FAILURE[self.failure],
        )
