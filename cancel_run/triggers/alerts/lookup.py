"""The one lookup that every format shares: which run a row names, and in which workspace.

A fact is a name and a value, from wherever a sender can put one. Its name may be spelled ``runId``, ``RunId``,
``run_id``, ``RUN_ID``, ``run-id``, and have the suffix that Log Analytics gives custom columns (``run_id_s``, ``_d``,
``_g``). The facts of a row come in levels, what is said of the row first and what is said of all rows last: the first
level that says anything about the run (or about the workspace) decides, even if what it says cannot be used. Facts of
one level that contradict each other refuse the row. Null is an empty value, which is said and cannot be used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import LARGEST_RUN_ID, TEXT_LIMIT, CancelRequest
from cancel_run.errors import RequestError
from cancel_run.job.request import JobRequest
from cancel_run.text import one_line
from cancel_run.triggers.alerts.alert import Alert, EventRequest, Refusal, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cancel_run.settings import Settings

    Facts = Sequence[tuple[str, Any]]

RUN_ID, WORKSPACE, WORKSPACE_ID, ELSEWHERE = "runid", "workspace", "workspaceid", "elsewhere"
_NAMES = {RUN_ID: RUN_ID, WORKSPACE: WORKSPACE, "workspacename": WORKSPACE, WORKSPACE_ID: WORKSPACE_ID}
_WORD = "(?:url|uri|host|hostname|instance|address|domain|endpoint|name|alias|id|ids|number|no|key|org|organization)"
# other words for a workspace: what they say is not read, and no default may stand in for it
_ELSEWHERE = re.compile(
    f"(?:azure)?(?:databricks|dbx|adb)(?:workspaces?{_WORD}{{0,2}}|{_WORD}{{1,2}})|workspaces?{_WORD}{{1,2}}|workspaces"
)

_JOB_ID = "jobid"
_COLUMN_SUFFIX = re.compile(r"(?:_[sdg])+$")
_WHOLE = re.compile(r"[1-9][0-9]{0,18}")
_REAL = re.compile(r"[1-9][0-9]{0,19}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")
_EXACT = 2**53  # from here on a real number stands for more than one whole number


@dataclass(frozen=True)
class Row:
    """The facts of one run, level by level, and what a refusal calls it (``row 2``; empty for the only one)."""

    levels: Sequence[Facts]
    where: str = ""


@dataclass(frozen=True)
class Source:
    """What all rows of one event share; ``looked_in`` is for the refusal of a row that names no run."""

    requested_by: str
    reason: str
    looked_in: str
    event: str | None = None


def fact(name: str) -> str | None:
    """Which of the known facts the name is a spelling of; ``ELSEWHERE`` for a workspace in words that are not read."""
    plain = _plain(name)
    return _NAMES.get(plain) or (ELSEWHERE if _ELSEWHERE.fullmatch(plain) else None)


def is_job(name: str) -> bool:
    """True when the name is a spelling of a job's id. Beside a run it says nothing: only where there is none."""
    return _plain(name) == _JOB_ID


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", _COLUMN_SUFFIX.sub("", name.strip().lower()))


def _is_real(name: str) -> bool:
    """True for a name with the suffix of a column of reals, if only under another suffix."""
    suffix = _COLUMN_SUFFIX.search(name.strip().lower())
    return suffix is not None and "d" in suffix[0]


def pairs(value: Any) -> Facts:
    """The facts of an object; of anything else there are none."""
    return list(value.items()) if isinstance(value, dict) else []


def given(data: Mapping[str, Any]) -> Facts:
    """The facts of a request of the app's own, where null is the same as absent."""
    return [(key, value) for key, value in data.items() if value is not None]


def names_a_run(facts: Facts) -> bool:
    """True when a run id is said there, if only an empty one."""
    return bool(_said(facts, RUN_ID))


def judged(rows: Iterable[Row], source: Source, settings: Settings) -> Alert:
    """What the rows ask for; each is judged by itself."""
    request = CancelRequest(0, reason=one_line(source.reason, TEXT_LIMIT), requested_by=source.requested_by)
    return together(placed(request, row, source.looked_in, settings, source.event) for row in rows)


def placed(
    request: CancelRequest | JobRequest, row: Row, looked_in: str, settings: Settings, event: str | None = None
) -> Alert:
    """The request with the run and the workspace that the row names; with the job, where it names no run."""
    named: int | None = None
    jobs = next((found for level in row.levels if (found := [pair for pair in level if is_job(pair[0])])), [])
    if jobs and not any(names_a_run(level) for level in row.levels):
        return _job_placed(request, jobs, row, settings, event)
    try:
        named = run_of(row.levels, looked_in)
        workspace = workspace_of(row.levels, settings)
    except RequestError as error:
        return Alert(refusals=(Refusal(row.where, " | ".join(error.problems), named),))
    asked = request if isinstance(request, CancelRequest) else CancelRequest(0)
    return Alert((EventRequest(replace(asked, run_id=named, workspace=workspace), event),))


def _job_placed(
    request: CancelRequest | JobRequest, said: Facts, row: Row, settings: Settings, event: str | None
) -> Alert:
    """The request for the active runs of a job, where the settings let it in."""
    try:
        job_id, workspace = _job_of(said, settings), workspace_of(row.levels, settings)
    except RequestError as error:
        return Alert(refusals=(Refusal(row.where, " | ".join(error.problems)),))
    if isinstance(request, CancelRequest):
        shared = {"reason": request.reason, "requested_by": request.requested_by, "dry_run": request.dry_run}
        request = JobRequest(0, wait_timeout_seconds=request.wait_timeout_seconds, **shared)  # type: ignore[arg-type]
    return Alert((EventRequest(replace(request, job_id=job_id, workspace=workspace), event),))


def _job_of(said: Facts, settings: Settings) -> int:
    told = shown(said[0][1])
    if not settings.alerts_may_cancel_jobs:
        raise RequestError([f"it names no run, but the job {told}, and ALERTS_MAY_CANCEL_JOBS is not on"])
    jobs = {_number(value, real=_is_real(name)) for name, value in said}
    job_id = jobs.pop()
    if job_id is None or jobs:
        raise RequestError([f"the job id {told} cannot be used; it is one whole number from 1 to {LARGEST_RUN_ID}"])
    return job_id


def run_of(levels: Sequence[Facts], looked_in: str) -> int:
    """The run id that the first level which says one says.

    Raises:
        RequestError: none does, or it cannot be used, or there are two.
    """
    said = _first(levels, RUN_ID)
    if not said:
        raise RequestError([f"it names no run: a run id (runId, run_id ...) was looked for in {looked_in}"])
    numbers = {_number(value, real=_is_real(name)) for name, value in said}
    if None in numbers:
        wrong = next(value for name, value in said if _number(value, real=_is_real(name)) is None)
        problem = (
            f"the run id {shown(wrong)} in {looked_in} cannot be used; it is a whole number from 1 to "
            f"{LARGEST_RUN_ID}, and one out of a real column is exact below {_EXACT} only (use tostring or tolong)"
        )
        raise RequestError([problem])
    if len(numbers) > 1:
        both = " and ".join(sorted(str(number) for number in numbers))
        raise RequestError([f"it contradicts itself: it names the runs {both}"])
    return numbers.pop() or 0


def workspace_of(levels: Sequence[Facts], settings: Settings) -> str:
    """The name of the workspace that the first level which names or numbers one says, or else the default one's.

    Raises:
        RequestError: the settings do not have it, or two are said, or none is and there is no default one.
    """
    said = _first(levels, WORKSPACE, WORKSPACE_ID, ELSEWHERE)
    if not said:
        if settings.default_workspace is None:
            raise RequestError(
                [f"it names no workspace, and the settings name several: set DEFAULT_WORKSPACE; {_known(settings)}"]
            )
        return settings.default_workspace
    known = [(name, value) for name, value in said if fact(name) != ELSEWHERE]
    if not known:
        told = f"it says which workspace by '{one_line(said[0][0], 40)}', which is not read"
        raise RequestError([f"{told}: say workspace or workspaceId; {_known(settings)}"])
    found = {
        _by_name(value, settings) if fact(name) == WORKSPACE else _by_id(value, name, settings) for name, value in known
    }
    if len(found) > 1:
        told = ", ".join(f"{one_line(name, 40)} {shown(value)}" for name, value in known)
        raise RequestError([f"it contradicts itself: {told} are not one workspace; {_known(settings)}"])
    return found.pop()


def _by_name(value: Any, settings: Settings) -> str:
    if isinstance(value, str) and value.strip() in settings.workspaces:
        return value.strip()
    raise RequestError(
        [f"no workspace is called {shown(value)} in the settings (DATABRICKS_WORKSPACES); {_known(settings)}"]
    )


def _by_id(value: Any, name: str, settings: Settings) -> str:
    number = _number(value, real=_is_real(name))
    for alias, workspace in settings.workspaces.items():
        if number is not None and workspace.workspace_id == str(number):
            return alias
    problem = (
        f"no workspace of the settings has the workspace id {shown(value)}; {_known(settings)}: set "
        "DATABRICKS_WORKSPACE_ID beside DATABRICKS_HOST, or workspaceId in DATABRICKS_WORKSPACES"
    )
    raise RequestError([problem])


def _first(levels: Sequence[Facts], *names: str) -> Facts:
    """What the first level that says anything of it says; an empty value beside another one says nothing."""
    said: Facts = next((found for level in levels if (found := _said(level, *names))), [])
    return [(name, value) for name, value in said if not _is_blank(value)] or said


def _said(facts: Facts, *names: str) -> Facts:
    return [(name, value) for name, value in facts if fact(name) in names]


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _number(value: Any, *, real: bool) -> int | None:
    """The whole number in the value, or None; ``real`` when it comes out of a column of reals."""
    if type(value) not in {int, float, str}:
        return None
    written = str(value).strip()
    if _WHOLE.fullmatch(written) and not real and type(value) is not float:
        number = int(written)
        return number if number <= LARGEST_RUN_ID else None
    if not _REAL.fullmatch(written):
        return None
    exact = Decimal(written)
    return int(exact) if 0 < exact < _EXACT and exact == exact.to_integral_value() else None


def text(value: Any) -> str:
    """A text or a number as text; empty for anything else, whose own text may be too deep to write."""
    return str(value) if type(value) in {str, int, float} else ""


def shown(value: Any) -> str:
    """A value that somebody else wrote, fit for a refusal."""
    if type(value) in {str, int, float, bool}:
        return f"'{one_line(str(value), 60)}'"
    return "(null)" if value is None else "(a list)" if isinstance(value, list) else "(an object)"


def _known(settings: Settings) -> str:
    known: Mapping[str, Any] = settings.workspaces
    return "known: " + ", ".join(f"{alias} (id {known[alias].workspace_id or 'not known'})" for alias in sorted(known))
