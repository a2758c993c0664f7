"""``keyVault``: the token out of Key Vault, by the app's managed identity; the secret for ``oauth`` is there too.

Azure's clients are imported when a token is first needed, because they double the cold start.
"""

from __future__ import annotations

import threading
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cancel_run.databricks.tokens import azure_identity
from cancel_run.databricks.tokens.kept import KEPT_SECONDS, KeptToken
from cancel_run.databricks.tokens.token import Token
from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.databricks.transport.session import Session
from cancel_run.errors import AccessError, CallError, RefusalError, TransientError
from cancel_run.retry_after import retry_after_seconds
from cancel_run.workspaces import shown_secret

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

    from cancel_run.clock import Clock


class TokenVault:
    """Tokens by the name of their secret, each kept for at most five minutes; any number of threads may share it."""

    def __init__(self, vault_uri: str, clock: Clock, *, timeout: float) -> None:
        self._uri = vault_uri
        self._clock = clock
        self._timeout = timeout
        self._session = Session()
        self._lock = threading.Lock()
        self._sources: dict[str, KeptToken] = {}
        self._expires_at: dict[str, datetime | None] = {}
        # by secret, so that one of them is never used by two threads and never closed under another's hands
        self._clients: dict[str, SecretClient] = {}

    def of(self, secret: str) -> KeptToken:
        """The source of the tokens in ``secret``, one for all who ask."""
        with self._lock:
            if secret not in self._sources:
                self._sources[secret] = KeptToken(
                    lambda _, __: (self._read(secret), KEPT_SECONDS),
                    lambda: self._no_answer("another call waits for it, for longer than this one may"),
                    self._clock,
                )
            return self._sources[secret]

    def token(self, secret: str, deadline: Deadline | None = None) -> Token:
        """The token in ``secret``, at most five minutes old.

        The identity endpoint, the vault and the wait for another caller's reading take no longer, all together, than
        the deadline (the vault's own timeout where none is given).

        Raises:
            RefusalError, AccessError: the vault says a final no (no such secret, no permission).
            TransientError: the vault or the identity endpoint gave no answer for now.
        """
        return self.of(secret).token(deadline or Deadline(self._timeout))

    def newer_token(self, secret: str, refused: Token, deadline: Deadline | None = None) -> Token | None:
        """The token in ``secret`` if it is no longer the one that was ``refused``, else None.

        Raises:
            As :meth:`token`.
        """
        return self.of(secret).newer_token(refused, deadline or Deadline(self._timeout))

    def expires_at(self, secret: str) -> datetime | None:
        """The expiry date that the secret had when it was read last; None where it had none or was not read."""
        return self._expires_at.get(secret)

    def _read(self, secret: str) -> Token:
        try:
            found = self._client(secret).get_secret(secret)
            value = found.value
            expires_at: Any = found.properties.expires_on
            # of a date out of its reach the library makes a number or a text
            self._expires_at[secret] = expires_at if isinstance(expires_at, datetime) else None
        except Exception as error:  # noqa: BLE001  # Azure's clients raise whatever they trip over in a strange answer
            # a credential that has failed is dropped: it remembers some failures and gives them again for a minute
            self._close(secret)
            raise self._error_of(error, secret) from None  # its request holds the vault's access token
        if not isinstance(value, str):
            raise self._no_answer("an answer without a value")
        text = value.strip()  # a line end at the end of a secret is a common slip, and harmless
        if not Token.is_one(text):
            raise AccessError(
                f"{shown_secret(secret)} in {self._uri} is empty, too long or holds characters that no token has. "
                "Put the token into it, and nothing else.",
                code="TokenUnusable",
            )
        return Token(text)

    def _client(self, secret: str) -> SecretClient:
        if secret not in self._clients:
            from azure.keyvault.secrets import SecretClient  # noqa: PLC0415  # see the module's first lines

            credential = azure_identity.credential(self._session)
            self._clients[secret] = SecretClient(self._uri, credential, **azure_identity.bounds(self._session))
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
            return azure_identity.unavailable("Key Vault")
        return self._no_answer(type(error).__name__)

    def _answered(self, response: Any, secret: str) -> CallError:
        status_code: int = response.status_code
        said = f"Key Vault {self._uri} answered {status_code} for {shown_secret(secret)}"
        if status_code == HTTPStatus.OK:
            return self._no_answer("something other than a secret")
        if status_code == HTTPStatus.NOT_FOUND:
            return AccessError(
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
