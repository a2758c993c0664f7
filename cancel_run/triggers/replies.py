"""What the HTTP triggers answer: a reply, and every refusal as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.errors import ProblemsError, SettingsError, TaskHubError, UnknownWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK_HUB_RETRY_SECONDS = 10


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, before it is the Functions library's."""

    status_code: int
    body: Mapping[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    page: str | None = None

    def text(self) -> str:
        """The page where there is one, else the body as JSON text."""
        return json.dumps(self.body) if self.page is None else self.page


def problem(status_code: HTTPStatus, detail: str, problems: tuple[str, ...] = (), **headers: str) -> Reply:
    """A refusal: ``{"type", "title", "status", "detail", "problems"}``."""
    body = {
        "type": "about:blank",
        "title": status_code.phrase,
        "status": status_code.value,
        "detail": detail,
        "problems": list(problems),
    }
    return Reply(
        status_code,
        body,
        {key.replace("_", "-"): value for key, value in headers.items()},
        "application/problem+json",
    )


def nobody_started() -> Reply:
    """404: nobody started that one."""
    return problem(
        HTTPStatus.NOT_FOUND,
        "There is no such cancellation: it was never started here, or its history has been purged.",
    )


def refused(error: ProblemsError) -> Reply:
    """400 for the caller's request, 500 for settings that are an operator's to mend; every problem is named."""
    if isinstance(error, SettingsError):
        detail = "The app settings cannot be used; an operator must mend them."
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, error.problems)
    return problem(HTTPStatus.BAD_REQUEST, "The request cannot be taken.", error.problems)


def unavailable(error: TaskHubError) -> Reply:
    """503: the task hub cannot tell, and it may pass."""
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), Retry_After=str(TASK_HUB_RETRY_SECONDS))


FORESEEN = (ProblemsError, UnknownWorkspaceError, TaskHubError)  # what a trigger catches, for :func:`reply_to`


def reply_to(error: ProblemsError | UnknownWorkspaceError | TaskHubError) -> Reply:
    """The refusal that an error is to the caller."""
    if isinstance(error, ProblemsError):
        return refused(error)
    if isinstance(error, TaskHubError):
        return unavailable(error)
    return problem(HTTPStatus.BAD_REQUEST, "The request cannot be taken.", (error.message,))


def begun(location: str, started: Any, of: Mapping[str, Any]) -> Reply:
    """202: it is under way; ``of`` says what it is about."""
    body = {
        "instanceId": started.instance_id,
        **of,
        "workspace": started.workspace,
        "joined": started.joined,
        "statusUrl": location,
    }
    return Reply(HTTPStatus.ACCEPTED, body, {"Location": location, "Retry-After": "1"})


def ended(result: Mapping[str, Any], *, wants_failure: bool) -> Reply:
    """200 with the result, or 500 where the caller wants a failure for what is not stopped."""
    failed = wants_failure and not result.get("stopped")
    return Reply(HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK, result)
