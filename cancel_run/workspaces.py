"""The workspaces that the settings name: where each is, what it is called, and where its token comes from.

It is longer than most: every key of a workspace is judged here, and told with all the others.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from cancel_run.cancellation.request import ALIAS
from cancel_run.job_lists import JobLists, read_job_lists
from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEFAULT_SECRET = "databricks-token"  # noqa: S105  # the name of a secret, not the secret
DEFAULT_SCOPE = "all-apis"


class Auth(StrEnum):
    """Where a workspace's token comes from; a member equals its value in the settings."""

    KEY_VAULT = "keyVault"  # a secret of the vault is the token
    MANAGED_IDENTITY = "managedIdentity"  # the app's own identity has one
    OAUTH = "oauth"  # a Databricks service principal gets one for its secret, which is in the vault


_SOLE = "default"  # the alias of a workspace that is named by DATABRICKS_HOST alone
# key of an entry in DATABRICKS_WORKSPACES -> the setting that says the same of a sole workspace
_SOLE_KEYS = {
    "host": "DATABRICKS_HOST",
    "auth": "DATABRICKS_AUTH",
    "tokenSecret": "DATABRICKS_TOKEN_SECRET",
    "clientId": "DATABRICKS_CLIENT_ID",
    "scope": "DATABRICKS_SCOPE",
    "workspaceId": "DATABRICKS_WORKSPACE_ID",
    "protectedJobs": "DATABRICKS_PROTECTED_JOBS",
    "cancelableJobs": "DATABRICKS_CANCELABLE_JOBS",
}
_JOB_LISTS = ("protectedJobs", "cancelableJobs")
_SECRET_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
# Databricks' personal access tokens (dapi) and OAuth secrets (dose) are letters, digits and hyphens, as names are
_SECRET_ITSELF = re.compile(r"dapi.*|dose[0-9a-f]{8}.*|.*[0-9a-f]{32}.*", re.IGNORECASE)
_SURELY_A_NAME = re.compile(r"[A-Za-z]{1,20}(?:-?[0-9]{1,4})?(?:-[A-Za-z]{1,20}(?:-?[0-9]{1,4})?){0,5}")
_CLIENT_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SCOPE = re.compile(r"[A-Za-z0-9:/._-]{1,200}(?: [A-Za-z0-9:/._-]{1,200}){0,9}")
_WORKSPACE_ID = re.compile(r"[1-9][0-9]{0,19}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NEVER_IN_A_HOST = re.compile(r"[^A-Za-z0-9._:/\[\]-]")  # what no URL of a host has, and what parsers differ about
_HOST = re.compile(r"\[[0-9a-f:.]+\]|(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")  # in small letters
# a workspace's own URL holds its id
_ID_IN_HOST = re.compile(r"https://adb-([0-9]+)\.[0-9]+\.")

_SAME_HOST = re.compile(r"\.?(?::443)?$")  # what a host can end with and be the same


@dataclass(frozen=True)
class Workspace:
    """One Databricks workspace.

    Attributes:
        workspace_id: Azure's number for it, where it is known.
        token_secret: the name of the vault's secret that holds the token or, with ``oauth``, the principal's secret.
        client_id: the service principal's, with ``oauth``.
        jobs: whose runs may not be canceled.
    """

    alias: str
    host: str
    token_secret: str
    workspace_id: str | None = None
    auth: Auth = Auth.KEY_VAULT
    client_id: str | None = None
    scope: str = DEFAULT_SCOPE
    jobs: JobLists = field(default_factory=JobLists)


def read_workspaces(environ: Mapping[str, str], problems: list[str]) -> dict[str, Workspace]:
    """The workspaces by alias; what is wrong with them is added to ``problems``."""
    several = environ.get("DATABRICKS_WORKSPACES", "").strip()
    sole = {key: value for key, name in _SOLE_KEYS.items() if (value := environ.get(name, "").strip())}
    if several and "host" in sole:
        problems.append("DATABRICKS_HOST and DATABRICKS_WORKSPACES are both set; keep one")
    if several:
        problems += [
            f"{_SOLE_KEYS[key]} is for a sole workspace; with DATABRICKS_WORKSPACES each entry has its own {key}"
            for key in _JOB_LISTS
            if key in sole
        ]
        return _table(several, problems)
    if "host" not in sole:
        problems.append(
            "DATABRICKS_HOST is missing; it is the URL of a workspace such as "
            "https://adb-1234567890123456.7.azuredatabricks.net (or give DATABRICKS_WORKSPACES)"
        )
        return {}
    return {_SOLE: _workspace(_SOLE, sole, _SOLE_KEYS, problems)}


def judged_url(key: str, value: str, problems: list[str]) -> str:
    """``value`` as a scheme and a host in small letters; https, or http for this machine alone, and nothing else.

    It is judged by the parser of the library that connects: another one might see another host in it.
    """
    try:
        parts = parse_url("" if _NEVER_IN_A_HOST.search(value) else value)
    except LocationParseError:
        parts = parse_url("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.host in _LOOPBACK)
    extra = (parts.path or "").strip("/") or parts.query or parts.fragment or parts.auth
    if not secure or not _HOST.fullmatch(parts.host or "") or extra or parts.port == 0:
        # the value is not repeated: somebody may have put a credential into it
        problems.append(f"{key} must be https:// and a host, with no path, query or credentials")
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def looks_like_a_token(text: str) -> bool:
    """True for what can be a secret of Databricks itself, in the place of its name or of another setting."""
    return _SECRET_ITSELF.fullmatch(text) is not None


def shown_secret(name: str) -> str:
    """What a text calls the vault's secret of that name: its name, unless that could be a secret itself."""
    return f"secret '{name}'" if _SURELY_A_NAME.fullmatch(name) else "the secret that the settings name"


def _table(text: str, problems: list[str]) -> dict[str, Workspace]:
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return dict(pairs)

    try:
        table = json.loads(text, object_pairs_hook=members)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict) or not table:
        problems.append(
            'DATABRICKS_WORKSPACES must be a JSON object such as {"prod": {"host": "https://...", '
            '"tokenSecret": "databricks-token"}}'
        )
        return {}
    problems += [f"DATABRICKS_WORKSPACES has the key {_quoted(key)} twice in one object" for key in sorted(repeated)]
    workspaces = {alias: _entry(alias, entry, problems) for alias, entry in table.items()}
    spellings: dict[str, list[str]] = {}
    for alias in workspaces:
        spellings.setdefault(alias.lower(), []).append(_quoted(alias))
    problems += [
        f"DATABRICKS_WORKSPACES has the names {' and '.join(named)}, which differ in capitals alone"
        for named in spellings.values()
        if len(named) > 1
    ]
    aliases: dict[str, list[str]] = {}
    for workspace in workspaces.values():
        if workspace.workspace_id is not None:
            aliases.setdefault(workspace.workspace_id, []).append(_quoted(workspace.alias))
    problems += [
        f"DATABRICKS_WORKSPACES has the workspaceId {number} at {' and '.join(named)}; a notification names but one"
        for number, named in aliases.items()
        if len(named) > 1
    ]
    problems += _differing_lists(workspaces.values())
    return workspaces


def _differing_lists(workspaces: Iterable[Workspace]) -> Iterator[str]:
    """Of one workspace under two names, which its jobs would be protected under one of only."""
    first: dict[tuple[str, str | None], Workspace] = {}
    for workspace in workspaces:
        # a host of a region has several workspaces, which their ids tell apart
        host = _SAME_HOST.sub("", workspace.host.lower())
        number = None if _ID_IN_HOST.match(workspace.host) else workspace.workspace_id
        same = first.setdefault((host, number), workspace)
        if host and same.jobs != workspace.jobs:
            named = f"{_quoted(same.alias)} and {_quoted(workspace.alias)}"
            yield f"DATABRICKS_WORKSPACES has one host at {named}; their {' and '.join(_JOB_LISTS)} must be the same"


def _entry(alias: str, entry: Any, problems: list[str]) -> Workspace:
    where = f"DATABRICKS_WORKSPACES[{_quoted(alias)}]"
    if not ALIAS.fullmatch(alias) or _SECRET_ITSELF.fullmatch(alias):
        problems.append(f"{where}: a name has up to 63 letters, digits, hyphens and underscores, and is no token")
    if not isinstance(entry, dict):
        problems.append(f'{where} must be an object such as {{"host": "https://..."}}')
        return Workspace(alias, "", "")
    if unknown := sorted(set(entry) - set(_SOLE_KEYS)):
        problems.append(f"{where} has unknown keys: {', '.join(_shown(key) for key in unknown)}")
    return _workspace(alias, entry, {key: f"{where}.{key}" for key in _SOLE_KEYS}, problems)


def _workspace(alias: str, given: Mapping[str, Any], where: Mapping[str, str], problems: list[str]) -> Workspace:
    """One workspace, out of an entry of the table or of the settings of a sole one, which are at ``where``."""
    host = given.get("host")
    if isinstance(host, str) and host:
        host = judged_url(where["host"], host, problems)
    else:
        problems.append(f"{where['host']} is missing")
        host = ""
    auth = _auth(where["auth"], given.get("auth", Auth.KEY_VAULT), problems)
    secret = _secret(where["tokenSecret"], given.get("tokenSecret", DEFAULT_SECRET), problems)
    number = _workspace_id(where["workspaceId"], given.get("workspaceId"), host, problems)
    client_id, scope = given.get("clientId"), given.get("scope", DEFAULT_SCOPE)
    if auth is Auth.OAUTH and not (isinstance(client_id, str) and _CLIENT_ID.fullmatch(client_id)):
        problems.append(f"{where['clientId']} must be the client id of the service principal, a UUID, with auth oauth")
    if not (isinstance(scope, str) and _SCOPE.fullmatch(scope)):
        problems.append(f"{where['scope']} must be one or more scopes of OAuth, such as {DEFAULT_SCOPE}")
    if auth is not Auth.OAUTH:
        problems += [f"{where[key]} is for auth oauth alone" for key in ("clientId", "scope") if key in given]
    protected, cancelable = ((where[key], given.get(key)) for key in _JOB_LISTS)
    jobs = read_job_lists(protected, cancelable, problems)
    return Workspace(alias, host, secret, number, auth, str(client_id) if client_id else None, str(scope), jobs)


def _auth(where: str, given: Any, problems: list[str]) -> Auth:
    try:
        return Auth(given)
    except ValueError:
        problems.append(f"{where} must be {', '.join(Auth)}; the default is {Auth.KEY_VAULT}")
        return Auth.KEY_VAULT


def _secret(where: str, name: Any, problems: list[str]) -> str:
    if isinstance(name, str) and _SECRET_NAME.fullmatch(name) and not _SECRET_ITSELF.fullmatch(name):
        return name
    # the value is not repeated: a token put where its name belongs is a common slip
    problems.append(
        f"{where} must be the name of a secret in the vault: up to 127 letters, digits and hyphens, and nothing that "
        "looks like a token itself. If it was one, revoke it: whoever may read the settings has seen it"
    )
    return ""


def _workspace_id(where: str, given: Any, host: str, problems: list[str]) -> str | None:
    found = _ID_IN_HOST.match(host)
    if given in (None, ""):
        return found[1] if found else None
    text = str(given) if type(given) is int else given
    if not isinstance(text, str) or not _WORKSPACE_ID.fullmatch(text):
        problems.append(f"{where} must be the number that Azure gave the workspace")
        return None
    if found and text != found[1]:
        problems.append(f"{where} is {text}, and its host is that of {found[1]}; leave it out, or mend the host")
    return text


def _quoted(name: str) -> str:
    return f"'{_shown(name)}'"


def _shown(name: str) -> str:
    return "(not repeated)" if _SECRET_ITSELF.fullmatch(name) else one_line(name, 63)
