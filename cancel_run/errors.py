"""Every error that this app raises by itself.

::

    CancelRunError
    ├── ProblemsError            several problems, told at once
    │   ├── RequestError         the caller's request cannot be taken
    │   └── SettingsError        the app's settings cannot be used
    ├── RefusalError             a final no: asking again changes nothing
    │   ├── RunNotFoundError     the workspace has no such run
    │   ├── AccessError          401 or 403: the token or its permission
    │   ├── ProtectedJobError    the settings do not let runs of that job be canceled
    │   ├── NoLongerQueuedError  the run has left the queue in which it was to be canceled
    │   └── UnknownWorkspaceError
    ├── TransientError           it may pass: ask again later
    ├── NotNowError              nothing was sent: there is no place for the call now
    └── TaskHubError             the Durable task hub did not take a start, or could not be asked

Standard library only, and no sibling: anything may import this module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


TOLD = 20  # problems in an exception's text, which the host logs at every try; a body can have thousands

# a personal access token of Databricks, wherever somebody has put it by mistake
_TOKEN = re.compile(r"dapi[0-9a-z]{8}[0-9a-z-]*", re.IGNORECASE)


def without_tokens(text: str) -> str:
    """``text`` without anything that looks like a personal access token."""
    return _TOKEN.sub("(not repeated)", text)


class CancelRunError(Exception):
    """The root: catch it to catch all that is foreseen. No text of it repeats what looks like a token."""


class ProblemsError(CancelRunError):
    """Something is wrong in one or more places; ``problems`` names each, in words for the person to mend it."""

    def __init__(self, heading: str, problems: Iterable[str]) -> None:
        self.problems = tuple(without_tokens(problem) for problem in problems)
        told = [*self.problems[:TOLD], *([f"and {more} more"] if (more := len(self.problems) - TOLD) > 0 else [])]
        super().__init__(f"{heading}: " + " | ".join(told))


class RequestError(ProblemsError):
    """A request to cancel that cannot be taken."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("The request cannot be taken", problems)


class SettingsError(ProblemsError):
    """App settings that cannot be used."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("The app settings cannot be used", problems)


class CallError(CancelRunError):
    """A call to Databricks, Key Vault or the identity endpoint that did not succeed.

    Attributes:
        code: our own stable word for what happened, for programs (``RunNotFound``, ``Throttled`` ...).
        message: for the operator: what happened and what to do next.
        status_code: of the HTTP answer, when there was one.
        error_code: the service's own word (``INVALID_PARAMETER_VALUE``, ``Forbidden`` ...), when it gave one.
        run_id: the run that the call was about, when it was about one.
    """

    code: str = "CallFailed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status_code: int | None = None,
        error_code: str | None = None,
        run_id: int | None = None,
    ) -> None:
        self.message = without_tokens(message)
        super().__init__(self.message)
        self.code = code or self.code
        self.status_code = status_code
        self.error_code = error_code
        self.run_id = run_id

    def to_json(self) -> dict[str, object]:
        """The shape that travels through the orchestration: ``{"code", "message", "statusCode"}``."""
        return {"code": self.code, "message": self.message, "statusCode": self.status_code}


class RefusalError(CallError):
    """Asking again as it is changes nothing. ``mendable``: an operator can mend it, with the token or a permission."""

    code = "Refused"
    mendable = False

    def to_json(self) -> dict[str, object]:
        """As for every call, and ``mendable`` (true or false)."""
        return {**super().to_json(), "mendable": self.mendable}


class RunNotFoundError(RefusalError):
    """The workspace says that it has no such run."""

    code = "RunNotFound"


class AccessError(RefusalError):
    """The token is not accepted, or its identity may not do this."""

    code = "AccessDenied"
    mendable = True


class ProtectedJobError(RefusalError):
    """The settings do not let runs of that job be canceled: nothing was sent. ``seen`` is the run's JSON."""

    code = "ProtectedJob"

    def __init__(self, objection: str, *, run_id: int, seen: dict[str, Any]) -> None:
        self.seen = seen
        super().__init__(
            f"Run {run_id} is not canceled: {objection} in this app's settings. "
            "If it is to stop all the same, cancel it in the workspace.",
            run_id=run_id,
        )


class NoLongerQueuedError(RefusalError):
    """Only a queued run was to be canceled, and this one is not: nothing was sent. ``seen`` is the run's JSON."""

    code = "NoLongerQueued"

    def __init__(self, run_id: int, life_cycle_state: str, *, seen: dict[str, Any]) -> None:
        self.seen = seen
        super().__init__(
            f"Run {run_id} is not canceled: it is {life_cycle_state}, and only what is queued was to be canceled.",
            run_id=run_id,
        )


class UnknownWorkspaceError(RefusalError):
    """The settings have no workspace of that name."""

    code = "UnknownWorkspace"

    def __init__(self, workspace: str, known: Iterable[str]) -> None:
        self.workspace = workspace
        self.known = tuple(sorted(known))
        names = ", ".join(self.known)
        super().__init__(
            f"No workspace is called '{workspace}' here; the settings name: {names}."
            if workspace
            else f"The request names no workspace and there is no default one; the settings name: {names}."
        )


class TransientError(CallError):
    """It may pass.

    Attributes:
        retry_after: the wait that the service asked for, in seconds, when it asked for one.
        unsure: the request may have taken its effect all the same.
    """

    code = "Unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None, unsure: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after
        self.unsure = unsure

    def to_json(self) -> dict[str, object]:
        """As for every call, and ``retryAfterSeconds`` (a number or null)."""
        return {**super().to_json(), "retryAfterSeconds": self.retry_after}


class NotNowError(CancelRunError):
    """Nothing was sent, so that others have their turn; ``seconds`` after which there is a place for the call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"There is no place for the call now; in {seconds:.1f} s there is.")
        self.seconds = seconds


class TaskHubError(CancelRunError):
    """The Durable task hub could not be reached or did not take a start; nothing was half-started."""

    def __init__(self, instance_id: str, message: str) -> None:
        super().__init__(message)
        self.instance_id = instance_id
