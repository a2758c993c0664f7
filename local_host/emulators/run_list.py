"""``runs/list`` of the emulated workspace: the newest first, page by page.

A page token names the run before it, so that a run which ends while somebody turns pages moves no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_host.emulators.api_errors import ApiError
from local_host.emulators.run_life import TERMINAL
from local_host.emulators.run_shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local_host.emulators.run_life import Row, Run

MOST, USUAL = 25, 20  # runs on a page
_TOKEN = "before-"  # noqa: S105  # what a page token begins with


def listed(runs: Iterable[tuple[Run, Row]], query: Mapping[str, str], origin: str) -> dict[str, Any]:
    """One page of the runs, each in its row; ``runs`` is absent where there are none, as the API leaves it out.

    Raises:
        ApiError: 400, for a limit, a job id or a page token that is none.
    """
    size = _number("limit", query.get("limit", str(USUAL))) or MOST
    if size > MOST:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"limit must be at most {MOST}.")
    job_id = _number("job_id", query["job_id"]) if "job_id" in query else None
    token = query.get("page_token")
    before = _number("page_token", token.removeprefix(_TOKEN)) if token else None
    found = [
        (run, row)
        for run, row in sorted(runs, key=lambda one: one[0].run_id, reverse=True)
        if run.parent is None
        and job_id in {None, run.job_id}
        and (before is None or run.run_id < before)
        and (row.state not in TERMINAL or query.get("active_only") != "true")
    ]
    told: dict[str, Any] = {"has_more": len(found) > size}
    if found:
        told["runs"] = [_without_tasks(shown(run, row, {}, origin)) for run, row in found[:size]]
    if told["has_more"]:
        told["next_page_token"] = f"{_TOKEN}{found[size - 1][0].run_id}"
    return told


def _without_tasks(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key != "tasks"}


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"{key} cannot be '{text[:40]}'.")
    return int(text)
