"""``oauth``: tokens of a Databricks service principal, by OAuth's client credentials.

Its client id is in the settings, its secret in the vault. Source: "Authorize service principal access to Azure
Databricks with OAuth", which has the endpoint, Basic authentication and the scope ``all-apis``.
"""

from __future__ import annotations

import base64
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.databricks.tokens.kept import KEPT_SECONDS, KeptToken
from cancel_run.databricks.tokens.token import Token
from cancel_run.databricks.transport.transport import Answer, NoAnswerError, Transport
from cancel_run.errors import AccessError, CallError, RefusalError, TransientError
from cancel_run.retry_after import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.hidden import Hidden
    from cancel_run.databricks.tokens.source import TokenSource
    from cancel_run.databricks.transport.deadline import Deadline
    from cancel_run.workspaces import Workspace

PATH = "/oidc/v1/token"
LONGEST_SECONDS = 86_400.0  # whatever it says, a token is not kept longer
SOON_SECONDS = 60.0  # before its end a token is renewed: a workspace refuses one that has 30 seconds left

_ASK_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_NOT_KNOWN = frozenset({"invalid_client", "unauthorized_client", "access_denied"})
_ERROR_WORD = re.compile(r"[a-z_]{1,40}")  # RFC 6749's; nothing else of the answer is told


class OAuthTokens:
    """The tokens of one workspace's service principal; ``secrets`` is where its secret comes from."""

    def __init__(
        self, workspace: Workspace, secrets: TokenSource, hidden: Hidden, clock: Clock, *, user_agent: str
    ) -> None:
        self._host = workspace.host
        self._client_id = workspace.client_id or ""
        self._scope = workspace.scope
        self._secrets = secrets
        self._hidden = hidden
        self._clock = clock
        self._transport = Transport(user_agent)
        self.source = KeptToken(self._read, lambda: self._unavailable("another call waits for it"), clock)

    def _read(self, deadline: Deadline, _: bool) -> tuple[Token, float]:  # noqa: FBT001  # KeptToken's call
        secret = self._secrets.token(deadline)
        answer = self._asked(secret, deadline)
        if _word(answer) in _NOT_KNOWN or answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            # the secret may have been rotated since it was cached: look once more before this is a refusal
            newer = self._secrets.newer_token(secret, deadline)
            if newer is not None:
                answer = self._asked(newer, deadline)
        if answer.status_code != HTTPStatus.OK:
            raise self._error_of(answer)
        return self._token_in(answer)

    def _asked(self, secret: Token, deadline: Deadline) -> Answer:
        self._hidden.add(secret)
        form = {"grant_type": "client_credentials", "scope": self._scope}
        try:
            return self._transport.send(
                "POST", f"{self._host}{PATH}", deadline, authorize=_basic(self._client_id, secret), data=form
            )
        except NoAnswerError as error:
            raise self._unavailable(error.reason) from None

    def _token_in(self, answer: Answer) -> tuple[Token, float]:
        data = _object(answer)
        text, lasts = data.get("access_token"), data.get("expires_in", KEPT_SECONDS)
        if not isinstance(text, str) or not Token.is_one(text) or type(lasts) not in {int, float}:
            raise self._unavailable("an answer without a token")
        # (what is not above 0, NaN too, is no lifetime: the token is kept as one that tells none)
        lasts = min(lasts, LONGEST_SECONDS) if lasts > 0 else KEPT_SECONDS
        return Token(text), max(lasts - SOON_SECONDS, lasts / 2)

    def _error_of(self, answer: Answer) -> CallError:
        """The error that an answer other than 200 is; of its words only OAuth's own are told."""
        status_code, word = answer.status_code, _word(answer)
        said = f"{self._host}{PATH} answered {status_code}" + (f" ({word})" if word else "")
        if status_code in _ASK_AGAIN or status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TransientError(
                f"{said}; it is asked again later.",
                code="TokenEndpointUnavailable",
                status_code=status_code,
                retry_after=retry_after_seconds(answer.headers.get("Retry-After"), self._clock.now()),
            )
        if word in _NOT_KNOWN or status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AccessError(
                f"{said}: the workspace does not take the service principal's client id or secret. Check clientId, and "
                "that the principal is in this workspace; put a valid OAuth secret of it into the vault.",
                code="ClientRejected",
                status_code=status_code,
            )
        return RefusalError(
            f"{said}: it is no token endpoint of a workspace, or does not grant the scope. Check the host and scope.",
            code="TokenEndpointRefused",
            status_code=status_code,
        )

    def _unavailable(self, what: str) -> TransientError:
        return TransientError(
            f"No usable answer from {self._host}{PATH} ({what}). "
            "If this lasts, check that the host is right and that this app may reach it.",
            code="TokenEndpointUnavailable",
        )


def _basic(client_id: str, secret: Token) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Puts the secret into the header at the last moment: it is in no argument of the call."""

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        pair = base64.b64encode(f"{client_id}:{secret.reveal()}".encode()).decode()
        request.headers["Authorization"] = f"Basic {pair}"
        return request

    return authorize


def _object(answer: Answer) -> dict[str, Any]:
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = None
    return data if isinstance(data, dict) else {}


def _word(answer: Answer) -> str | None:
    """OAuth's word for what is wrong."""
    word = _object(answer).get("error")
    return word if isinstance(word, str) and _ERROR_WORD.fullmatch(word) else None
