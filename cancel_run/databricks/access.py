"""In which way a workspace refuses a token or its identity: told by the words of the answer, which differ by way.

Sources: the answers that Azure Databricks' clients have met and their users have reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from cancel_run.errors import AccessError

_MAY_MEAN_ACCESS = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
)


@dataclass(frozen=True)
class _Access:
    """One way in which a token or its identity is refused, told by words of the answer."""

    words: re.Pattern[str]
    code: str
    advice: str


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


# The first that fits decides. Most of them come as 403, some as 400, 401 or 404.
_ACCESS = (
    _Access(
        _words(r"IncorrectClaimException|Expected aud claim|Expected iss claim|invalid audience"),
        "TokenRejected",
        "the token is for another audience or tenant. An Entra token must be for the resource "
        "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d, from the workspace's own tenant.",
    ),
    _Access(
        _words(r"FEATURE_DISABLED.*token|tokens? (are|is) disabled"),
        "TokenRejected",
        "personal access tokens are switched off in this workspace. Switch them on for the app's principal, or use an "
        "Entra token.",
    ),
    _Access(
        _words(r"IP ACL|source ip address|public (network )?access|unauthorized network access"),
        "NetworkBlocked",
        "the workspace does not take calls from this app's outbound address. Allow it in the workspace's IP access "
        "list, or reach the workspace over its private link.",
    ),
    _Access(
        _words(r"user not authorized|not a member of|principal .* (not found|does not exist)"),
        "PrincipalNotInWorkspace",
        "the token is valid, but its identity is not in this workspace. Add it there, with CAN MANAGE RUN on the job.",
    ),
    _Access(
        _words(r"invalid (access )?token|token (is |has |was )?(expir|revoked)|token expired|malformed token"),
        "TokenRejected",
        "the token is not valid, or has expired. Where it comes from the vault, put a valid one there.",
    ),
)


def access_error(said: str, told: str, facts: dict[str, Any]) -> AccessError | None:
    """The error, when the answer refuses the token or its identity; ``told`` is what it said."""
    status_code = facts["status_code"]
    for access in _ACCESS:
        if status_code in _MAY_MEAN_ACCESS and access.words.search(told):
            return AccessError(f"{said}: {access.advice}", code=access.code, **facts)
    if status_code == HTTPStatus.UNAUTHORIZED:
        return AccessError(
            f"{said}: the token is not accepted. Where it comes from the vault, put a valid one there.",
            code="TokenRejected",
            **facts,
        )
    if status_code == HTTPStatus.FORBIDDEN:
        return AccessError(
            f"{said}: the token's identity lacks CAN MANAGE RUN on the job.", code="PermissionDenied", **facts
        )
    return None
