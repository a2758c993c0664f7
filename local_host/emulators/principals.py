"""Who may call an emulated workspace: by a token of its own, as a service principal, or as an identity in Azure."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.emulators.api_errors import error
from local_host.emulators.faults import Faults

if TYPE_CHECKING:
    from local_host.emulators.key_vault import ManagedIdentity

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"  # the resource that an Entra token for a workspace is for
TOKEN_SECONDS = 3600
_NOT_A_MEMBER = (
    "<html><head><title>Error 403 User not authorized.</title></head>"
    "<body>Reason:<pre>    User not authorized.</pre></body></html>"
)


class Principals:
    """The tokens that a workspace takes; every method may be called from any thread.

    Its faults are for ``token``, which is ``POST /oidc/v1/token``.
    """

    def __init__(self, tokens: set[str]) -> None:
        self.tokens = tokens
        self.faults = Faults()
        self.token_seconds: float = TOKEN_SECONDS
        self.granted: list[str] = []  # tokens for service principals, in their order
        self.scopes: list[str] = []  # that were asked for
        self._secrets: dict[str, str] = {}
        self._identities: list[ManagedIdentity] = []
        self._members: list[ManagedIdentity] = []
        self._lock = threading.Lock()

    def add_service_principal(self, client_id: str, secret: str) -> None:
        """The workspace knows it, by this secret alone."""
        with self._lock:
            self._secrets[client_id] = secret

    def trust(self, identity: ManagedIdentity, *, member: bool) -> None:
        """The identity is of the workspace's tenant; whether it has been added to the workspace is another question."""
        with self._lock:
            self._identities.append(identity)
            if member:
                self._members.append(identity)

    def revoke(self, token: str) -> None:
        """The workspace does not take it any more."""
        self.tokens.discard(token)

    def refusal(self, authorization: str) -> web.Response | None:
        """The answer to who is not let in; None for who is."""
        kind, _, token = authorization.partition(" ")
        if kind != "Bearer":
            return error(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type.")
        if token in self.tokens:
            return None
        issuer = next((one for one in self._identities if token in one.issued), None)
        if issuer is None:
            return error(403, "PERMISSION_DENIED", "Invalid access token.")
        if issuer.resources.get(token) != DATABRICKS:
            said = f"Expected aud claim to be: {DATABRICKS}, but was: {issuer.resources.get(token)}."
            return error(400, "400", f"io.jsonwebtoken.IncorrectClaimException: {said}")
        if issuer not in self._members:
            return web.Response(status=403, text=_NOT_A_MEMBER, content_type="text/html")
        return None

    async def endpoints(self, request: web.Request) -> web.StreamResponse:
        """``GET /oidc/.well-known/oauth-authorization-server``: where a principal gets its token."""
        oidc = f"{request.url.origin()}/oidc/v1"
        return web.json_response({"authorization_endpoint": f"{oidc}/authorize", "token_endpoint": f"{oidc}/token"})

    async def token(self, request: web.Request) -> web.StreamResponse:
        """``POST /oidc/v1/token``: OAuth's client credentials, by Basic authentication."""
        form = await request.post()
        fault = self.faults.take("token")
        if fault is not None:
            return await self.faults.answer(request, fault)
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type")
        client_id, secret = _basic(request.headers.get("Authorization", ""))
        with self._lock:
            if not secret or self._secrets.get(client_id) != secret:
                return _oauth_error(401, "invalid_client")
            scope = str(form.get("scope", ""))
            self.scopes.append(scope)
            if scope != "all-apis":
                return _oauth_error(400, "invalid_scope")
            granted = f"eyJ0eXAiOiJKV1Qi.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(32)}"
            self.granted.append(granted)
        self.tokens.add(granted)
        body = {"access_token": granted, "token_type": "Bearer", "expires_in": self.token_seconds, "scope": scope}
        return web.json_response(body)


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode() if kind == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        pair = ""
    client_id, _, secret = pair.partition(":")
    return client_id, secret


def _oauth_error(status_code: int, word: str) -> web.Response:
    said: dict[str, Any] = {"error": word, "error_description": "Client authentication failed" if word else ""}
    return web.json_response(said, status=status_code)
