"""Key Vault and the managed identity endpoint, emulated so that Azure's own clients run against them unchanged."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

from aiohttp import web

from local_host.emulators.faults import Faults

TOKEN_SECONDS = 3600


class ManagedIdentity:
    """App Service's identity endpoint: access tokens for whoever knows the header.

    Its faults are for ``token``, or for ``token for`` one resource, which is one vault's.
    """

    def __init__(self) -> None:
        self.header = secrets.token_hex(16)
        self.faults = Faults()
        self.url = ""  # for whoever serves it to note where
        self.issued: set[str] = set()
        self.resources: dict[str, str] = {}  # what each of those is for
        self.authorizations: list[str | None] = []  # the header of that name, which nobody should send here
        self.client_ids: list[str | None] = []  # of the identities that were asked for; None is the app's own
        self.app = web.Application()
        self.app.router.add_get("/msi/token", self._token)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        resource = request.query.get("resource", "")
        self.authorizations.append(request.headers.get("Authorization"))
        fault = self.faults.take("token") or self.faults.take(f"token for {resource}")
        if fault is not None:
            return await self.faults.answer(request, fault)
        if request.headers.get("X-IDENTITY-HEADER") != self.header:
            return web.json_response({"statusCode": 401, "message": "wrong header"}, status=401)
        if not resource or request.query.get("api-version") != "2019-08-01":
            return web.json_response({"statusCode": 400, "message": "resource or api-version missing"}, status=400)
        self.client_ids.append(request.query.get("client_id"))
        token = secrets.token_urlsafe(24)
        self.issued.add(token)
        self.resources[token] = resource
        expires_on = str(int(time.time()) + TOKEN_SECONDS)
        body = {"access_token": token, "expires_on": expires_on, "resource": resource, "token_type": "Bearer"}
        return web.json_response(body)


class KeyVault:
    """Secrets with versions, for bearers of the identity's tokens; every method may be called from any thread.

    Its faults are for ``secret``, or for ``secret NAME``, which is one of them.
    """

    def __init__(self, identity: ManagedIdentity) -> None:
        self.faults = Faults()
        self.uri = ""  # for whoever serves it to note where
        self.reads = 0
        self.forbidden = False
        self._identity = identity
        self._lock = threading.Lock()
        self._secrets: dict[str, list[tuple[str, str]]] = {}
        self._disabled: set[str] = set()
        self._expires: dict[str, int] = {}
        self.app = web.Application()
        self.app.router.add_get("/secrets/{name}", self._get)
        self.app.router.add_get("/secrets/{name}/", self._get)
        self.app.router.add_get("/secrets/{name}/{version}", self._get)

    def set_secret(self, name: str, value: str) -> None:
        """The secret has a new version, which is the one that is read from now on."""
        with self._lock:
            self._secrets.setdefault(name, []).append((secrets.token_hex(16), value))
            self._disabled.discard(name)

    def expire(self, name: str, at: int) -> None:
        """The secret has that expiry date, in seconds since 1970; it is for its readers to mind, and hides nothing."""
        with self._lock:
            self._expires[name] = at

    def disable(self, name: str) -> None:
        """The secret's newest version may not be read."""
        with self._lock:
            self._disabled.add(name)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        port = request.url.port
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer not in self._identity.issued or "." not in self._identity.resources.get(bearer, "."):
            # the client checks that its vault's host ends with "." and the resource's: for 127.0.0.1 that is 0.0.1
            challenge = f'Bearer authorization="https://127.0.0.1:{port}/tenant", resource="https://0.0.1:{port}"'
            return web.json_response(
                _error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."),
                status=401,
                headers={"WWW-Authenticate": challenge},
            )
        name, version = request.match_info["name"], request.match_info.get("version", "")
        fault = self.faults.take("secret", f"secret {name}")
        if fault is not None:
            return await self.faults.answer(request, fault)
        with self._lock:
            self.reads += 1
            versions = self._secrets.get(name, [])
            found = next((held for held in reversed(versions) if version in {"", held[0]}), None)
            if self.forbidden:
                return web.json_response(
                    _error("Forbidden", "Caller is not authorized.", "ForbiddenByRbac"), status=403
                )
            if found is None:
                said = f"A secret with (name/id) {name} was not found in this key vault."
                return web.json_response(_error("SecretNotFound", said), status=404)
            if name in self._disabled:
                said = "Operation get is not allowed on a disabled secret."
                return web.json_response(_error("Forbidden", said, "SecretDisabled"), status=403)
            expires = {"exp": self._expires[name]} if name in self._expires else {}
        now = int(time.time())
        return web.json_response(
            {
                "value": found[1],
                "id": f"https://127.0.0.1:{port}/secrets/{name}/{found[0]}",
                "attributes": {
                    "enabled": True,
                    "created": now,
                    "updated": now,
                    "recoveryLevel": "Recoverable",
                    **expires,
                },
            }
        )


def _error(code: str, message: str, inner: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return {"error": error}
