"""What the app finds in its environment here: a setting that is present as it is, what is missing emulated."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.certificates import Certificates
from local_host.emulators.key_vault import KeyVault, ManagedIdentity
from local_host.emulators.workspace import JobsApi

TOKEN_VARIABLE = "LOCAL_DATABRICKS_TOKEN"  # noqa: S105  # the variable's name
DEFAULT_SECRET = "databricks-token"  # noqa: S105  # the secret's name

DATABRICKS_TOKEN = "DATABRICKS_TOKEN"  # noqa: S105  # the variable's name, as Databricks' own tools know it

_OURS = (
    "DATABRICKS_HOST",
    "DATABRICKS_AUTH",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_SCOPE",
    DATABRICKS_TOKEN,
    "DATABRICKS_WORKSPACES",
    "DATABRICKS_TOKEN_SECRET",
    "DEFAULT_WORKSPACE",
    "KEY_VAULT_URI",
    "JOBS_API_VERSION",
    "POLL_FIRST_SECONDS",
    "POLL_MAX_SECONDS",
    "WAIT_TIMEOUT_SECONDS",
    "CANCEL_AGAIN_AFTER_SECONDS",
    "HTTP_TIMEOUT_SECONDS",
    "DATABRICKS_WORKSPACE_ID",
    "DATABRICKS_PROTECTED_JOBS",
    "DATABRICKS_CANCELABLE_JOBS",
    "CANCEL_QUEUE_NAME",
    "CANCEL_ON_EVENTS",
    "MAX_RUNS_PER_ALERT",
    "ALERTS_DRY_RUN",
    "ALERTS_MAY_CANCEL_JOBS",
    "HISTORY_RETENTION_DAYS",
    "HTTP_AUTH_LEVEL",
    TOKEN_VARIABLE,
)


class MissingSettingError(Exception):
    """Something that can neither be found nor emulated; the message says what to set."""


@dataclass(frozen=True)
class Emulated:
    """What had to be emulated; None for what the settings name."""

    workspace: JobsApi | None
    vault: KeyVault | None


def forget_settings() -> None:
    """Nothing of the app's is set: the demo may not touch a workspace that the shell's settings name."""
    for key in _OURS:
        os.environ.pop(key, None)


def complete(servers: BackgroundServers) -> Emulated:
    """The process's environment has every setting that the app needs.

    ``LOCAL_DATABRICKS_TOKEN``, or ``DATABRICKS_TOKEN`` where that is all there is, moves from the environment into the
    emulated vault. A workspace whose token is the identity's own (``DATABRICKS_AUTH=managedIdentity``) needs no vault:
    here the identity is whoever is signed in with ``az login``.

    Raises:
        MissingSettingError: a real workspace is named and no token for it can be had.
    """
    environ = os.environ
    given, usual = environ.pop(TOKEN_VARIABLE, None), environ.pop(DATABRICKS_TOKEN, None)
    workspace: JobsApi | None = None
    if not (environ.get("DATABRICKS_HOST") or environ.get("DATABRICKS_WORKSPACES")):
        given = given or f"emulated-{secrets.token_hex(8)}"
        workspace = JobsApi(given)
        environ["DATABRICKS_HOST"] = f"http://{LOOPBACK}:{servers.serve(workspace.app)}"
    else:
        given = given or usual
    if environ.get("KEY_VAULT_URI") or (workspace is None and environ.get("DATABRICKS_AUTH") == "managedIdentity"):
        return Emulated(workspace, None)
    if given is None:
        raise MissingSettingError(
            f"A token for the workspace is missing: set {DATABRICKS_TOKEN} (or {TOKEN_VARIABLE}) to it, and it goes "
            "into an emulated vault in this process; or sign in with `az login` and set DATABRICKS_AUTH to "
            "managedIdentity, or KEY_VAULT_URI to a vault that holds a token."
        )
    vault = _emulated_vault(servers)
    for name in _secret_names():
        vault.set_secret(name, given)
    return Emulated(workspace, vault)


def _emulated_vault(servers: BackgroundServers) -> KeyVault:
    identity = ManagedIdentity()
    vault = KeyVault(identity)
    certificates = Certificates()
    bundle = Path(tempfile.mkdtemp(prefix="local-host-")) / "authorities.pem"
    certificates.write_bundle(bundle, beside=os.environ.get("REQUESTS_CA_BUNDLE"))
    os.environ.update(
        {
            "KEY_VAULT_URI": f"https://{LOOPBACK}:{servers.serve(vault.app, tls=certificates.server_context())}",
            "IDENTITY_ENDPOINT": f"http://{LOOPBACK}:{servers.serve(identity.app)}/msi/token",
            "IDENTITY_HEADER": identity.header,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",  # a signed-in person is not who this vault knows
            "REQUESTS_CA_BUNDLE": str(bundle),
        }
    )
    return vault


def _secret_names() -> set[str]:
    """The names under which the app will look for a token."""
    names = {os.environ.get("DATABRICKS_TOKEN_SECRET") or DEFAULT_SECRET}
    try:
        table = json.loads(os.environ.get("DATABRICKS_WORKSPACES") or "{}")
        names |= {entry["tokenSecret"] for entry in table.values() if isinstance(entry.get("tokenSecret"), str)}
    except (ValueError, AttributeError):
        pass  # the app itself says what is wrong with the setting
    return names
