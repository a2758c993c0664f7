"""In which way a workspace refuses a token: each has its code, and says what to do about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cancel_run.databricks.answers import error_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOT_A_MEMBER = (
    "<html><head><title>Error 403 User not authorized.</title></head>"
    "<body>Reason:<pre>    User not authorized.</pre></body></html>"
)


def said(error_code: object, message: str) -> dict[str, object]:
    return {"error_code": error_code, "message": message}


@pytest.mark.parametrize(
    ("status_code", "body", "code", "advice"),
    [
        (403, said(403, "Invalid access token."), "TokenRejected", "put a valid one"),
        (401, said("UNAUTHENTICATED", "no"), "TokenRejected", "put a valid one"),
        (403, said(403, "Token is expiring within 30 seconds. (token expired)"), "TokenRejected", "expired"),
        (403, said(403, "Access token has expired."), "TokenRejected", "expired"),
        (
            403,
            said(403, "Source IP address: 203.0.113.9 is blocked by Databricks IP ACL for workspace: 1234567890123456"),
            "NetworkBlocked",
            "outbound address",
        ),
        (403, said(403, "Public network access is not allowed for workspace: 17"), "NetworkBlocked", "private link"),
        (403, said(403, "Unauthorized network access to workspace: 17"), "NetworkBlocked", "private link"),
        (403, NOT_A_MEMBER, "PrincipalNotInWorkspace", "CAN MANAGE RUN"),
        (
            400,
            said(
                "400",
                "io.jsonwebtoken.IncorrectClaimException: Expected aud claim to be: "
                "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d, but was: https://management.core.windows.net/.",
            ),
            "TokenRejected",
            "audience",
        ),
        (
            400,
            said(
                "400", "io.jsonwebtoken.IncorrectClaimException: Expected iss claim to be: https://sts.windows.net/a/"
            ),
            "TokenRejected",
            "tenant",
        ),
        (404, said("FEATURE_DISABLED", "Tokens are disabled."), "TokenRejected", "switched off"),
        (403, said("FEATURE_DISABLED", "Personal access tokens are disabled."), "TokenRejected", "switched off"),
        (404, "Bad Target: /api/2.2/jobs/runs/get", "ApiVersionNotFound", "JOBS_API_VERSION"),
        (403, said("PERMISSION_DENIED", "User does not have CAN MANAGE RUN."), "PermissionDenied", "CAN MANAGE RUN"),
    ],
)
def test_each_refusal_of_a_token_has_its_code_and_its_advice(
    status_code: int, body: Any, code: str, advice: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    error = error_of("https://w", status_code, {}, text.encode(), run_id=5, now=NOW)
    assert (error.code, error.status_code) == (code, status_code)
    assert advice in error.message
