"""What an answer of the Jobs API means: the JSON of a good one, or the right error for every other.

Sources of the rules: the Jobs API's reference, and the shapes that its clients have met in the wild. A run that does
not exist is a 400, an error's body may be JSON of three kinds, HTML, plain text or nothing.

Here errors become texts, so here a token that comes back in one is struck out (``hidden``).
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.databricks.access import access_error
from cancel_run.databricks.leading_fields import leading_fields, members
from cancel_run.databricks.tokens.hidden import Hidden
from cancel_run.errors import CallError, RefusalError, RunNotFoundError, TransientError
from cancel_run.retry_after import retry_after_seconds
from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

UNREADABLE = "UnreadableAnswer"
TOO_LARGE = "AnswerTooLarge"

_ASK_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# these were refused before they took any effect; whatever else went wrong may have had it
_NOT_TAKEN = frozenset({HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# Databricks' own clients ask again after these, whatever the status code
_THROTTLED_CODES = frozenset({"RESOURCE_EXHAUSTED", "REQUEST_LIMIT_EXCEEDED"})
_PASSING_CODES = frozenset({"TEMPORARILY_UNAVAILABLE"})
_PASSING_WORDS = re.compile(r"unknown worker environment|unknownworkerenvironment", re.IGNORECASE)
# the API's words are all that tells a run that does not exist from any other bad request
_NO_SUCH_RUN = re.compile(r"\brun\b.*\b(does not|doesn't) exist", re.IGNORECASE | re.DOTALL)
# (of a run of a job it is the run that is missing: "Run: 1 in job: 2 doesn't exist")
_NO_SUCH_JOB = re.compile(r"^(?!.*\brun\b).*\bjob\b.*\b(does not|doesn't) exist", re.IGNORECASE | re.DOTALL)
_NO_SUCH_RUN_CODES = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"})
_NOTHING = Hidden()
_BEHIND_SOMETHING = "Something between this app and the workspace (a proxy, a sign-in page) may answer in its place."


def good_answer(host: str, body: bytes, run_id: int | None) -> dict[str, Any]:
    """The JSON object in the body of a 200.

    Raises:
        TransientError: it holds something else, or a key twice.
    """
    try:
        answer = json.loads(body or b"{}", object_pairs_hook=members)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise unreadable(host, "something other than a JSON object that gives each key once", run_id)
    return answer


def good_beginning(host: str, beginning: bytes, run_id: int | None) -> dict[str, Any]:
    """What the beginning of a 200 too large to be read whole says of the run: enough of it to know its state.

    Raises:
        TransientError: it does not say so much.
    """
    if not beginning.lstrip().startswith(b"{"):
        raise unreadable(host, "something other than a JSON object", run_id)
    fields = leading_fields(beginning)
    if fields.get("run_id") != run_id or not fields.keys() & {"state", "status"}:
        raise TransientError(
            f"{host} answered 200 with more than {len(beginning)} bytes, and the run's state is not among the first. A "
            "run of very many tasks is as large: set JOBS_API_VERSION to 2.2, which tells the tasks page by page.",
            code=TOO_LARGE,
            status_code=HTTPStatus.OK,
            run_id=run_id,
            unsure=True,
        )
    return fields


def unreadable(host: str, what: str, run_id: int | None, status_code: int = HTTPStatus.OK) -> TransientError:
    """The error for a 200 that says ``what`` instead of what it should, or for another 2xx."""
    return TransientError(
        f"{host} answered {int(status_code)} with {what}. {_BEHIND_SOMETHING}",
        code=UNREADABLE,
        status_code=status_code,
        run_id=run_id,
        unsure=True,
    )


def error_of(
    host: str,
    status_code: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    run_id: int | None,
    now: datetime,
    hidden: Hidden = _NOTHING,
) -> CallError:
    """The error that an answer other than 200 is."""
    if HTTPStatus.OK < status_code < HTTPStatus.MULTIPLE_CHOICES:  # a yes, but none of this API's
        return unreadable(host, "another status code than the Jobs API's 200", run_id, status_code)
    error_code, words = _explained(body, hidden)
    told = ": ".join(part for part in (error_code, words) if part)
    said = f"{host} answered {status_code}" + (f" ({told})" if told else "")
    facts: dict[str, Any] = {"status_code": status_code, "error_code": error_code, "run_id": run_id}

    if _may_pass(status_code, error_code, words):
        throttled = status_code == HTTPStatus.TOO_MANY_REQUESTS or error_code in _THROTTLED_CODES
        return TransientError(
            f"{said}; it is asked again later.",
            code="Throttled" if throttled else "ServiceUnavailable",
            retry_after=retry_after_seconds(headers.get("Retry-After"), now),
            unsure=not throttled and status_code not in _NOT_TAKEN,
            **facts,
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status_code < HTTPStatus.BAD_REQUEST:
        return _redirected(said, headers.get("Location", ""), facts)
    return access_error(said, told, facts) or _refusal(said, error_code, words, facts)


def _may_pass(status_code: int, error_code: str | None, words: str) -> bool:
    if status_code == HTTPStatus.NOT_IMPLEMENTED:
        return False
    if status_code in _ASK_AGAIN or status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    return error_code in _THROTTLED_CODES | _PASSING_CODES or _PASSING_WORDS.search(words) is not None


def _refusal(said: str, error_code: str | None, words: str, facts: dict[str, Any]) -> RefusalError:
    status_code = facts["status_code"]
    no_such_job = _NO_SUCH_JOB.search(words) or (facts["run_id"] is None and error_code in _NO_SUCH_RUN_CODES)
    if status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and no_such_job:
        return RefusalError(f"{said}. Check the job id and the workspace.", code="JobNotFound", **facts)
    no_such_run = _NO_SUCH_RUN.search(words) or error_code in _NO_SUCH_RUN_CODES
    if status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and no_such_run:
        return RunNotFoundError(
            f"{said}. Check the run id and the workspace; runs are kept for 60 days. In the URL of a run's page the "
            "run id is the number after /runs/ or /run/; the one after /jobs/ or #job/ is the job's, the one after o= "
            "the workspace's.",
            **facts,
        )
    if status_code == HTTPStatus.NOT_FOUND and words.startswith("Bad Target"):
        return RefusalError(
            f"{said}: the workspace does not have this version of the Jobs API. Set JOBS_API_VERSION to another.",
            code="ApiVersionNotFound",
            **facts,
        )
    return RefusalError(f"{said}. This is not a request that the workspace takes; check its host.", **facts)


def _redirected(said: str, location: str, facts: dict[str, Any]) -> RefusalError:
    if "private-link-validation-error" in location:
        return RefusalError(
            f"{said}: it takes calls over its private link alone, and this app's network is not on it.",
            code="PrivateLinkRequired",
            **facts,
        )
    return RefusalError(
        f"{said}, a redirect, which is not followed: the host in the settings is not the workspace's own URL.",
        code="Redirected",
        **facts,
    )


def _explained(body: bytes, hidden: Hidden) -> tuple[str | None, str]:
    """The error code and the words in an error's body, whichever of its many shapes it has."""
    text = body[:64_000].decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    code = None
    if isinstance(data, dict):
        code, text = _first(data, "error_code", "scimType"), _first(data, "message", "detail", "error") or ""
    elif found := re.search(r"<(pre|title)[^>]*>(.*?)</\1>", text, re.IGNORECASE | re.DOTALL):
        text = found[2]
    elif text.lstrip().startswith("<"):
        text = ""
    return code and hidden.struck_out(one_line(code, 100)), hidden.struck_out(one_line(text, 300))


def _first(data: Mapping[str, Any], *keys: str) -> str | None:
    """The first of these that says something; an error code may come as a number."""
    found = (data.get(key) for key in keys)
    texts = (str(value) if type(value) is int else value for value in found)
    return next((text for text in texts if isinstance(text, str) and text), None)
