"""One page of ``runs/list``: the active runs of one job, and no others, whatever the answer holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.run import Run
from cancel_run.cancellation.states import LifeCycleState

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_LIMIT = 4096  # characters of a page token: it travels through the history


@dataclass(frozen=True)
class RunPage:
    """The active runs by their ids, and the token of the next page; None at the last one."""

    runs: Mapping[int, Run]
    next_token: str | None

    @classmethod
    def from_api(cls, answer: Mapping[str, Any], job_id: int, *, whole: bool = True) -> RunPage:
        """The page in the API's answer, in which ``runs`` is absent where there are none.

        ``whole`` is False for the beginning of an answer that was too large. Which runs are active is judged here: the
        API's own list of active states lacks two of them.

        Raises:
            ValueError: it is no such page, or has a run of another job: then nothing in it is believed.
        """
        listed = answer.get("runs", []) if whole else None
        if not isinstance(listed, list):
            raise ValueError("runs is not a list that was read to its end")  # noqa: TRY004  # one error for all shapes
        runs: dict[int, Run] = {}
        for entry in listed:
            run_id = entry.get("run_id") if isinstance(entry, dict) else None
            if type(run_id) is not int:
                raise ValueError("a run has no run_id")
            run = Run.from_api(entry, run_id)
            if run.job_id != job_id:
                raise ValueError(f"run {run_id} is not said to be of job {job_id}")
            if not run.ended:
                runs[run_id] = run
        token = answer.get("next_page_token") or None
        if token is not None and not (isinstance(token, str) and len(token) <= TOKEN_LIMIT):
            raise ValueError("next_page_token is none")
        return cls(runs, token)


def is_queued(run: Run) -> bool:
    """True when it waits in its job's queue, and holds no place among those that run."""
    return run.life_cycle_state == LifeCycleState.QUEUED
