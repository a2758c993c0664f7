"""Which jobs' runs may be canceled in a workspace: what the settings say of it, and what follows for a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import LARGEST_RUN_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

_JOB_ID = re.compile(r"[1-9][0-9]{0,18}")
_TOLD = 5  # job ids of a list in one message


@dataclass(frozen=True)
class JobLists:
    """``protected`` jobs are never touched; where ``cancelable`` is given, no others are, and none if it is empty."""

    protected: frozenset[int] = frozenset()
    cancelable: frozenset[int] | None = None

    def __bool__(self) -> bool:
        """True when there is a job whose runs may not be canceled."""
        return bool(self.protected) or self.cancelable is not None

    def objection(self, job_ids: Sequence[int | None]) -> str | None:
        """Why a run of these jobs may not be canceled, in words; None where it may.

        ``job_ids`` is the job that the run tells and, for a task's run, last the job of the whole run. Whatever does
        not tell its job may not be canceled: it could be any.
        """
        if not self:
            return None
        if None in job_ids or not job_ids:
            return "the workspace does not tell which job it is of"
        for job_id in job_ids:
            if job_id in self.protected:
                return f"its job {job_id} is protected (protectedJobs)"
        if self.cancelable is not None and job_ids[-1] not in self.cancelable:
            return f"its job {job_ids[-1]} is not one of those that may be canceled (cancelableJobs)"
        return None


def read_job_lists(protected: tuple[str, Any], cancelable: tuple[str, Any], problems: list[str]) -> JobLists:
    """The two lists, each given as its setting's name and value; None is none. ``problems`` has what is wrong."""
    spared = _ids(*protected, problems) or frozenset()
    allowed = _ids(*cancelable, problems)
    if both := sorted(spared & (allowed or frozenset())):
        told = ", ".join(str(job_id) for job_id in both[:_TOLD]) + (" ..." if len(both) > _TOLD else "")
        problems.append(f"{protected[0]} and {cancelable[0]} both name {told}: a job is the one or the other")
    return JobLists(spared, allowed)


def _ids(name: str, given: Any, problems: list[str]) -> frozenset[int] | None:
    """The ids of a list, or of a text with commas between them."""
    if given is None:
        return None
    listed = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
    ids = [_id(one) for one in listed] if isinstance(listed, list) else [None]
    if None not in ids:
        return frozenset(one for one in ids if one is not None)
    # what is wrong is not repeated: nobody knows what was pasted there
    problems.append(f"{name} must be a list of job ids, each a whole number from 1 to {LARGEST_RUN_ID}")
    return frozenset()


def _id(value: Any) -> int | None:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _JOB_ID.fullmatch(text) or int(text) > LARGEST_RUN_ID:
        return None
    return int(text)
