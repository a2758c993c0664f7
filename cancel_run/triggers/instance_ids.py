"""The ids of the instances that the triggers begin, and what an id tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cancel_run.cancellation.request import ALIAS

# no workspace's name can hold the tilde, so no rehearsal has the id of a cancellation, whatever its workspace is called
_REHEARSAL = "~rehearsal"
PATTERN = rf"({ALIAS.pattern})({_REHEARSAL})?-([1-9][0-9]{{0,18}})"  # at most 93 characters; Durable takes 100


@dataclass(frozen=True)
class InstanceId:
    """The one instance that cancels, or rehearses to cancel, a run: ``prod-7`` or ``prod~rehearsal-7``."""

    workspace: str
    run_id: int
    dry_run: bool = False

    @classmethod
    def read(cls, text: str) -> InstanceId | None:
        """What the id tells; None for one that no trigger gives."""
        found = re.fullmatch(PATTERN, text)
        return cls(found[1], int(found[3]), bool(found[2])) if found else None

    def __str__(self) -> str:
        """The id itself."""
        return f"{self.workspace}{_REHEARSAL if self.dry_run else ''}-{self.run_id}"
