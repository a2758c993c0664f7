"""The ids of the instances that the triggers begin, and what an id tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cancel_run.cancellation.request import ALIAS

LONGEST = 100  # characters that Durable takes

# no workspace's name can hold the tilde, so none of these has the id of a cancellation, whatever its workspace is
_QUEUED, _REHEARSAL = "~queued", "~rehearsal"
PATTERN = rf"({ALIAS.pattern})({_QUEUED})?({_REHEARSAL})?-([1-9][0-9]{{0,18}})"  # at most 100 characters


@dataclass(frozen=True)
class InstanceId:
    """The one instance that cancels, or rehearses to cancel, a run: ``prod-7`` or ``prod~rehearsal-7``.

    One that leaves the run alone once it is ``only`` no longer queued is another, ``prod~queued-7``: whoever asks for
    the run, whatever its state, must not come to wait for that one.
    """

    workspace: str
    run_id: int
    dry_run: bool = False
    only: str | None = None

    @classmethod
    def read(cls, text: str) -> InstanceId | None:
        """What the id tells; None for one that no trigger gives."""
        found = re.fullmatch(PATTERN, text)
        return cls(found[1], int(found[4]), bool(found[3]), "queued" if found[2] else None) if found else None

    def __str__(self) -> str:
        """The id itself."""
        kind = (_QUEUED if self.only else "") + (_REHEARSAL if self.dry_run else "")
        return f"{self.workspace}{kind}-{self.run_id}"
