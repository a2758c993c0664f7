"""The Databricks token out of Key Vault, by the app's managed identity: the only user of Azure's identity clients.

Azure's clients are imported when a token is first needed, because they double the cold start.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.databricks.http.deadline import Deadline
from cancel_run.databricks.http.session import Session
from cancel_run.databricks.tokens.token import Token
from cancel_run.errors import AccessError, CallError, RefusalError, TransientError
from cancel_run.retry_after import retry_after_seconds

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

    from cancel_run.clock import Clock

KEPT_SECONDS = 300.0
LONGEST_TOKEN = 25 * 1024  # characters: no secret of a vault is longer


class TokenVault:
    """Tokens by the name of their secret, each kept for at most five minutes; any number of threads may share it."""

    def __init__(self, vault_uri: str, clock: Clock, *, timeout: float) -> None:
        self._uri = vault_uri
        self._clock = clock
        self._timeout = timeout
        self._session = Session()
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Token, float]] = {}
        self._readings: dict[str, Future[Token]] = {}
        # by secret, so that one of them is never used by two threads and never closed under another's hands
        self._clients: dict[str, SecretClient] = {}

    def token(self, secret: str, deadline: Deadline | None = None) -> Token:
        """The token in ``secret``, at most five minutes old.

        The identity endpoint, the vault and the wait for another caller's reading take no longer, all together, than
        the deadline (the vault's own timeout where none is given).

        Raises:
            RefusalError, AccessError: the vault says a final no (no such secret, no permission).
            TransientError: the vault or the identity endpoint gave no answer for now.
        """
        deadline = deadline or Deadline(self._timeout)
        with self._lock:
            token, until = self._kept.get(secret, (None, 0.0))
            if token is not None and self._clock.monotonic() < until:
                return token
            reading = self._readings.get(secret)
            mine = reading is None
            if reading is None:
                reading = self._readings[secret] = Future()
        if mine:
            self._read_for_all(secret, reading, deadline)
            return reading.result()
        # one read, and one failure, for all who need it at once: behind a vault that hangs no queue forms
        try:
            return reading.result(deadline.remaining())
        except TimeoutError:
            raise self._no_answer("another call waits for it, for longer than this one may") from None

    def _read_for_all(self, secret: str, reading: Future[Token], deadline: Deadline) -> None:
        try:
            with deadline.governing():
                token = self._read(secret)
        except BaseException as error:  # noqa: BLE001  # whatever it was, nobody may wait for it for ever
            with self._lock:
                del self._readings[secret]
            reading.set_exception(error)
        else:
            with self._lock:
                self._kept[secret] = (token, self._clock.monotonic() + KEPT_SECONDS)
                del self._readings[secret]
            reading.set_result(token)

    def newer_token(self, secret: str, refused: Token, deadline: Deadline | None = None) -> Token | None:
        """The token in ``secret`` if it is no longer the one that was ``refused``, else None.

        Raises:
            As :meth:`token`.
        """
        with self._lock:
            if self._kept.get(secret, (None, 0.0))[0] == refused:
                del self._kept[secret]
        token = self.token(secret, deadline)
        return token if token != refused else None

    def _read(self, secret: str) -> Token:
        try:
            value = self._client(secret).get_secret(secret).value
        except Exception as error:  # noqa: BLE001  # Azure's clients raise whatever they trip over in a strange answer
            # a credential that has failed is dropped: it remembers some failures and gives them again for a minute
            self._close(secret)
            raise self._error_of(error, secret) from None  # its request holds the vault's access token
        if not isinstance(value, str):
            raise self._no_answer("an answer without a value")
        text = value.strip()  # a line end at the end of a secret is a common slip, and harmless
        if not text or len(text) > LONGEST_TOKEN or not all("!" <= character <= "~" for character in text):
            raise RefusalError(
                f"Secret '{secret}' in {self._uri} is empty, too long or holds characters that no token has. "
                "Put the token into it, and nothing else.",
                code="TokenUnusable",
            )
        return Token(text)

    def _client(self, secret: str) -> SecretClient:
        if secret not in self._clients:
            from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415  # see the module's first lines
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415  # see the module's first lines
            from azure.keyvault.secrets import SecretClient  # noqa: PLC0415  # see the module's first lines

            # Azure's own retry sleeps for any Retry-After, hours too, in this thread; its redirect goes to any host.
            # Whatever does not answer at once is the orchestrator's to wait for, without a thread.
            bounds: dict[str, Any] = {
                "retry_total": 0,
                "permit_redirects": False,
                # the deadline is kept by the session, whose cookies, proxies and redirects are those of every call
                "transport": RequestsTransport(session=self._session, session_owner=False),
            }
            self._clients[secret] = SecretClient(self._uri, DefaultAzureCredential(**bounds), **bounds)
        return self._clients[secret]

    def _close(self, secret: str) -> None:
        client = self._clients.pop(secret, None)
        if client is not None:
            client.close()

    def _error_of(self, error: Exception, secret: str) -> CallError:
        """What an exception of Azure's clients means; their own long texts stay out: they are not ours to vouch for."""
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415  # see the module's first lines

        response = getattr(error, "response", None)
        if response is not None and str(response.request.url).startswith(self._uri):
            return self._answered(response, secret)
        if isinstance(error, ClientAuthenticationError):
            return TransientError(
                "No access token for Key Vault: the managed identity endpoint gave none, or nobody is signed in (on a "
                "laptop: az login).",
                code="IdentityUnavailable",
            )
        return self._no_answer(type(error).__name__)

    def _answered(self, response: Any, secret: str) -> CallError:
        status_code: int = response.status_code
        said = f"Key Vault {self._uri} answered {status_code} for secret '{secret}'"
        if status_code == HTTPStatus.OK:
            return self._no_answer("something other than a secret")
        if status_code == HTTPStatus.NOT_FOUND:
            return RefusalError(
                f"{said}: there is no such secret. Put the Databricks token into it.",
                code="SecretNotFound",
                status_code=status_code,
            )
        if status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AccessError(
                f"{said}: the secret is disabled, or the app's identity lacks the role Key Vault Secrets User, or the "
                "vault's firewall keeps the app out. A role just given takes some minutes.",
                code="VaultDenied",
                status_code=status_code,
            )
        if status_code == HTTPStatus.TOO_MANY_REQUESTS or status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TransientError(
                f"{said}; it is asked again later.",
                code="VaultUnavailable",
                status_code=status_code,
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), self._clock.now()),
            )
        return RefusalError(f"{said}; check KEY_VAULT_URI.", code="VaultRefused", status_code=status_code)

    def _no_answer(self, what: str) -> TransientError:
        return TransientError(
            f"No usable answer from Key Vault {self._uri} ({what}). "
            "If this lasts, check KEY_VAULT_URI and that this app may reach it.",
            code="VaultUnavailable",
        )
