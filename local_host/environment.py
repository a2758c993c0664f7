"""What the app finds in its environment here: a setting that is present as it is, what is missing emulated."""

from __future__ import annotations

import functools
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from local_host import ending
from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.certificates import Certificates, authorities
from local_host.emulators.key_vault import KeyVault, ManagedIdentity
from local_host.emulators.workspace import JobsApi
from local_host.setting_sources import DATABRICKS_TOKEN, OF_THE_APP, OF_THIS_MACHINE, STORAGE, TOKEN_VARIABLE, Sources
from local_host.start_error import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping

EMULATED_ID = "1234567890123456"  # what alerts call the emulated workspace, unless DATABRICKS_WORKSPACE_ID says it
DEFAULT_SECRET = "databricks-token"  # noqa: S105  # the secret's name
EMULATED = "an emulated workspace"
_NEVER_PROXIED = (LOOPBACK, "localhost", "::1")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # in the order in which requests looks


@dataclass(frozen=True)
class Emulated:
    """What had to be emulated; None for what the settings name.

    Attributes:
        token: the emulated workspace's, where it was made here and may be shown.
        problems: what can neither be found nor emulated, in words for the person who is to set it.
        assumed: what the settings would hold, were it not for the problems.
    """

    workspace: JobsApi | None = None
    vault: KeyVault | None = None
    token: str | None = None
    problems: tuple[str, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)

    def and_also(self, problem: str | None) -> Emulated:
        """The same, with one problem more, if it is one."""
        return replace(self, problems=(*self.problems, problem)) if problem else self

    def judge(self, problems_of: Callable[[Mapping[str, str]], Iterable[str]], sources: Sources | None = None) -> None:
        """The settings can be used.

        Raises:
            StartError: with every problem of every setting; ``problems_of`` tells those that the app knows.
        """
        found = [*self.problems, *problems_of({**os.environ, **self.assumed})]
        if found:
            sources = sources or Sources()
            told = [*map(sources.placed, found), *sources.slips()]
            raise StartError("\n  ".join(["The settings cannot be used:", *told]) if told[1:] else _sentence(told[0]))


def _sentence(problem: str) -> str:
    return f"The settings cannot be used: {problem.rstrip('.')}."


def forget_settings() -> None:
    """Nothing of the app's is set: the demo may not touch a workspace that the shell's settings name."""
    for key in (*OF_THE_APP, *OF_THIS_MACHINE):
        os.environ.pop(key, None)


def spare_loopback(environ: MutableMapping[str, str] | None = None) -> None:
    """No client of this process asks a proxy for what is on this machine."""
    environ = os.environ if environ is None else environ
    named = [host.strip() for key in ("no_proxy", "NO_PROXY") for host in environ.get(key, "").split(",")]
    # a star means all, and only where it stands alone
    told = "*" if "*" in named else ",".join(dict.fromkeys([*filter(None, named), *_NEVER_PROXIED]))
    environ.update({"no_proxy": told, "NO_PROXY": told})


def complete(servers: BackgroundServers, *, workspace_needed: bool = False) -> Emulated:
    """The process's environment has every setting that the app needs, unless there are problems.

    ``LOCAL_DATABRICKS_TOKEN``, or ``DATABRICKS_TOKEN`` where that is all there is, moves from the environment into the
    emulated vault. A workspace whose token is the identity's own (``DATABRICKS_AUTH=managedIdentity``) needs no vault:
    here the identity is whoever is signed in with ``az login``. Where ``workspace_needed``, none is emulated.
    """
    environ = os.environ
    spare_loopback()
    problems = _bundle_problems()
    assumed = {}
    given, usual = ((environ.pop(key, None) or "").strip() for key in (TOKEN_VARIABLE, DATABRICKS_TOKEN))
    workspace: JobsApi | None = None
    token: str | None = None
    named = _set("DATABRICKS_HOST") or _set("DATABRICKS_WORKSPACES")
    if not named and workspace_needed:
        assumed["DATABRICKS_HOST"] = "https://unknown.invalid"
        problems.append(
            f"Which workspace? Set DATABRICKS_HOST to its URL and {DATABRICKS_TOKEN} to a token for it, or name a "
            "profile of ~/.databrickscfg with --profile"
        )
    elif not named:
        token = None if given else f"emulated-{secrets.token_hex(8)}"
        given = given or token or ""
        workspace = JobsApi(given)
        environ["DATABRICKS_HOST"] = workspace.url = f"http://{LOOPBACK}:{servers.serve(workspace.app)}"
        workspace.workspace_id = environ.get("DATABRICKS_WORKSPACE_ID") or EMULATED_ID
        environ["DATABRICKS_WORKSPACE_ID"] = workspace.workspace_id
    else:
        given = given or usual
    vault: KeyVault | None = None
    if _set("KEY_VAULT_URI") or (workspace is None and _set("DATABRICKS_AUTH") == "managedIdentity"):
        pass
    elif not given:
        assumed["KEY_VAULT_URI"] = "https://unknown.invalid"
        if named:
            problems.append(
                f"A token for the workspace is missing: set {DATABRICKS_TOKEN} (or {TOKEN_VARIABLE}) to it, and it "
                "goes into an emulated vault in this process; or sign in with `az login` and set DATABRICKS_AUTH to "
                "managedIdentity, or KEY_VAULT_URI to a vault that holds a token"
            )
    elif problems:
        assumed["KEY_VAULT_URI"] = "https://unknown.invalid"
    else:
        vault = _emulated_vault(servers)
        for name in _secret_names():
            vault.set_secret(name, given)
    return Emulated(workspace, vault, token, tuple(problems), assumed)


def storage() -> str:
    """The connection string of ``AzureWebJobsStorage`` without blanks around it; empty where there is none."""
    return _set(STORAGE)


def places(emulated: Emulated) -> dict[str, str]:
    """Where each workspace of the settings is, by its name; an emulated one is nowhere for longer than the process."""
    if emulated.workspace is not None:
        return {"default": EMULATED}
    if not _set("DATABRICKS_WORKSPACES"):
        return {"default": _set("DATABRICKS_HOST").rstrip("/").lower()}
    return {name: str(entry.get("host", "")).rstrip("/").lower() for name, entry in _table().items()}


def _set(key: str) -> str:
    return os.environ.get(key, "").strip()


def _bundle_problems() -> list[str]:
    """What is wrong with the bundles of certificate authorities, which every call over https would trip over."""
    problems = []
    for key in _BUNDLES:
        path = os.environ.get(key)
        if path:
            try:
                if not authorities(Path(path)):
                    problems.append(f"{key} names {path}, which has no certificate in it (PEM): mend or unset it")
            except OSError as error:
                problems.append(f"{key} names {path}, which cannot be read ({error.strerror}): mend or unset it")
    return problems


def _emulated_vault(servers: BackgroundServers) -> KeyVault:
    identity = ManagedIdentity()
    vault = KeyVault(identity)
    certificates = Certificates()
    beside = next(filter(None, map(os.environ.get, _BUNDLES)), None)
    try:
        folder = Path(tempfile.mkdtemp(prefix="local-host-"))
        ending.before_the_end(functools.partial(shutil.rmtree, folder, ignore_errors=True))
        bundle = folder / "authorities.pem"
        certificates.write_bundle(bundle, beside=beside)
    except OSError as error:
        said = (
            f"No file can be written in the temporary folder ({error.strerror}): make room, or set TMPDIR to another."
        )
        raise StartError(said) from error
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
    named = {secret for entry in _table().values() if isinstance(secret := entry.get("tokenSecret"), str)}
    return {_set("DATABRICKS_TOKEN_SECRET") or DEFAULT_SECRET, *named}


def _table() -> dict[str, dict[str, object]]:
    """The entries of ``DATABRICKS_WORKSPACES``; the app itself says what is wrong with it."""
    try:
        table = json.loads(_set("DATABRICKS_WORKSPACES") or "{}")
    except (ValueError, RecursionError):
        return {}
    found = table.items() if isinstance(table, dict) else ()
    return {name: entry for name, entry in found if isinstance(entry, dict)}
