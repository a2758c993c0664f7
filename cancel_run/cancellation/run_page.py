"""What the URL of a run's page in Databricks says: which run, and where. Nothing is sent there.

Databricks has two forms: ``https://HOST/jobs/JOB_ID/runs/RUN_ID?o=WORKSPACE_ID`` in the address bar, and
``https://HOST/?o=WORKSPACE_ID#job/JOB_ID/run/RUN_ID``, which the Jobs API calls ``run_page_url``. The page of a task's
run has the task's run id in the place of RUN_ID. ``o`` may be missing, and ``JOB_ID`` in the first form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cancel_run.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    AliasesOf = Callable[["RunPage"], list[str]]

RUN_PAGE = "runPageUrl"  # the key of a request, in the place of a run id and a workspace
URL_LIMIT = 2000  # characters
LARGEST_ID = 2**63 - 1

_WANTED = (
    "must be the URL of a run's page in Databricks, such as "
    "https://adb-1234567890123456.7.azuredatabricks.net/jobs/11223344/runs/455644833?o=1234567890123456"
)
# no user, no escape and no blank before the path: whatever parsers differ about is refused
_URL = re.compile(
    r"(?P<origin>https?://(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[::1\])(?::[0-9]{1,5})?)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"[!-~]*")
_IN_PATH = re.compile(r"/jobs(?:/(?P<job>[0-9]+))?(?:/runs/(?P<run>[0-9]+)(?P<rest>/.*)?)?/?")
_IN_FRAGMENT = re.compile(r"/?job/(?P<job>[0-9]+)(?:/run/(?P<run>[0-9]+)(?P<rest>/.*)?)?/?")
_ID = re.compile(r"[1-9][0-9]{0,18}")
_RUNS_IN_QUERY = frozenset({"runid", "taskrunid"})


@dataclass(frozen=True)
class RunPage:
    """A run's page: ``origin`` is its scheme and host in small letters, ``workspace_id`` its ``o``."""

    origin: str
    run_id: int
    job_id: int | None = None
    workspace_id: str | None = None

    @classmethod
    def read(cls, text: Any) -> RunPage:
        """The page that the URL is of.

        Raises:
            ValueError: it is none, or contradicts itself; the message says what it is instead.
        """
        url = _URL.fullmatch(text) if isinstance(text, str) and len(text) <= URL_LIMIT else None
        if url is None or not _HARMLESS.fullmatch(text):
            raise ValueError(_WANTED)
        route, _, more = (url["fragment"] or "").partition("?")
        found = [match for match in (_IN_PATH.fullmatch(url["path"] or ""), _IN_FRAGMENT.fullmatch(route)) if match]
        runs = [match for match in found if match["run"]]
        if not runs:
            raise ValueError(_no_run(found[0]["job"] if found else None))
        query = parse_qsl(f"{url['query'] or ''}&{more}")
        named = [number for match in runs for number in (match["run"], *_numbers(match["rest"]))]
        named += [value for key, value in query if re.sub(r"[_-]", "", key.lower()) in _RUNS_IN_QUERY]
        if len(set(named)) > 1:
            raise ValueError("names more than one run: give the one that is meant as runId, and its workspace")
        places = {value for key, value in query if key == "o" and value}
        jobs = {match["job"] for match in found if match["job"]}
        if len(places) > 1 or len(jobs) > 1 or not all(re.fullmatch(r"[0-9]{1,20}", place) for place in places):
            raise ValueError("contradicts itself: o must be the number of one workspace, and the job one job")
        run_id, *job_ids = (_id(number) for number in [named[0], *jobs])
        return cls(url["origin"].lower(), run_id, next(iter(job_ids), None), next(iter(places), None))

    def which(self, number: int | None) -> str | None:
        """What the number is in the URL, if not its run id, in words; None for one that is not in it."""
        if number == self.job_id:
            return "its job id, the number after job or jobs"
        return "its workspace's number, the one after o=" if str(number) == self.workspace_id else None


def said_by_page(url: Any, beside: Mapping[str, Any], aliases_of: AliasesOf | None) -> dict[str, Any]:
    """``{"run_id", "workspace"}`` as the page says them, where what is said ``beside`` it does not contradict.

    Raises:
        RequestError: with every problem of the URL, and every contradiction.
    """
    try:
        page = RunPage.read(url)
    except ValueError as error:
        raise RequestError([f"{RUN_PAGE} {error}"]) from None
    problems: list[str] = []
    run_id, workspace = beside.get("run_id"), beside.get("workspace")
    if run_id not in {None, page.run_id}:
        which = page.which(run_id)
        is_ = f"is {run_id}, which in {RUN_PAGE} is {which}" if which else f"is {run_id}"
        problems.append(f"runId {is_}; the run id in {RUN_PAGE} is {page.run_id}, after run or runs: give one")
    aliases: list[str] = []
    if aliases_of is None:
        problems.append(f"{RUN_PAGE} is looked up by the app's own triggers alone; give runId and workspace")
    else:
        try:
            aliases = aliases_of(page)
        except ValueError as error:
            problems.append(f"{RUN_PAGE} {error}")
    if aliases and workspace is not None and workspace not in aliases:
        problems.append(f"workspace is '{workspace}', and {RUN_PAGE} is a page of '{aliases[0]}'")
    elif len(aliases) > 1 and workspace is None:
        problems.append(f"{RUN_PAGE} is a page of {' and '.join(aliases)}, which are one workspace: name one of them")
    if problems:
        raise RequestError(problems)
    return {"run_id": page.run_id, "workspace": workspace or aliases[0]}


def _no_run(job_id: str | None) -> str:
    if job_id is None:
        return _WANTED
    return (
        f"is the page of a job ({job_id[:19]}): open the run and take that page's URL, which has /runs/ or /run/ in it"
    )


def _numbers(rest: str | None) -> list[str]:
    return [part for part in (rest or "").split("/") if part.isdigit()]


def _id(number: str) -> int:
    if not _ID.fullmatch(number) or int(number) > LARGEST_ID:
        raise ValueError(f"has an id that is no whole number from 1 to {LARGEST_ID}")
    return int(number)
