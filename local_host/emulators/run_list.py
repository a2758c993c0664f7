"""``runs/list`` of the emulated workspace: the newest first, page by page.

A page token names the run before it, so that a run which ends while somebody turns pages moves no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_host.emulators.api_errors import ApiError
from local_host.emulators.asked import flag, given_number, number
from local_host.emulators.run_life import TERMINAL
from local_host.emulators.run_shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from local_host.emulators.run_life import Row, Run

MOST, USUAL = 25, 20  # runs on a page
RUN_TYPES = frozenset({"JOB_RUN", "WORKFLOW_RUN", "SUBMIT_RUN"})
_TOKEN = "before-"  # noqa: S105  # what a page token begins with


def listed(
    runs: Iterable[tuple[Run, Row]], tasks: Callable[[Run], dict[int, Row]], query: Mapping[str, str], home: str
) -> dict[str, Any]:
    """One page of the runs, each in its row; ``runs`` is absent where there are none, as the API leaves it out.

    Raises:
        ApiError: 400, for what the query cannot ask.
    """
    size = number("limit", query.get("limit", str(USUAL))) or MOST
    if size > MOST:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"limit must be at most {MOST}.")
    token = query.get("page_token")
    before = number("page_token", token.removeprefix(_TOKEN)) if token else None
    wanted = _wanted(query)
    found = [
        (run, row)
        for run, row in sorted(runs, key=lambda one: one[0].run_id, reverse=True)
        if run.parent is None and (before is None or run.run_id < before) and wanted(run, row)
    ][given_number(query, "offset") or 0 :]
    told: dict[str, Any] = {"has_more": len(found) > size}
    if found:
        expanded = flag(query, "expand_tasks")
        told["runs"] = [_told(shown(run, row, tasks(run), home), expanded=expanded) for run, row in found[:size]]
    if told["has_more"]:
        told["next_page_token"] = f"{_TOKEN}{found[size - 1][0].run_id}"
    return told


def _wanted(query: Mapping[str, str]) -> Callable[[Run, Row], bool]:
    """Whether the query is about a run."""
    active, completed = flag(query, "active_only"), flag(query, "completed_only")
    if active and completed:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", "active_only and completed_only cannot both be true.")
    job_id, since, until = (given_number(query, key) for key in ("job_id", "start_time_from", "start_time_to"))
    run_type = query.get("run_type")
    if run_type is not None and run_type not in RUN_TYPES:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"run_type must be one of {', '.join(sorted(RUN_TYPES))}.")

    def wanted(run: Run, row: Row) -> bool:
        return (
            job_id in {None, run.job_id}
            and (row.state in TERMINAL if completed else row.state not in TERMINAL if active else True)
            and (since is None or run.began_ms >= since)
            and (until is None or run.began_ms <= until)
            and run_type in {None, run.life.facts.get("run_type", "JOB_RUN")}
        )

    return wanted


def _told(run: dict[str, Any], *, expanded: bool) -> dict[str, Any]:
    return run if expanded else {key: value for key, value in run.items() if key != "tasks"}
