"""The workspaces that the settings name: where each is, what it is called, and which secret holds its token."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cancel_run.cancellation.request import ALIAS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SECRET = "databricks-token"  # noqa: S105  # the name of a secret, not the secret

_SOLE = "default"  # the alias of a workspace that is named by DATABRICKS_HOST alone
_KEYS = frozenset({"host", "tokenSecret", "workspaceId"})
_SECRET_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_WORKSPACE_ID = re.compile(r"[0-9]{1,20}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# a workspace's own URL holds its id
_ID_IN_HOST = re.compile(r"https://adb-([0-9]+)\.[0-9]+\.")


@dataclass(frozen=True)
class Workspace:
    """One Databricks workspace; ``workspace_id`` is Azure's number for it, where it is known."""

    alias: str
    host: str
    token_secret: str
    workspace_id: str | None = None


def read_workspaces(environ: Mapping[str, str], problems: list[str]) -> dict[str, Workspace]:
    """The workspaces by alias; what is wrong with them is added to ``problems``."""
    several = environ.get("DATABRICKS_WORKSPACES", "").strip()
    host = environ.get("DATABRICKS_HOST", "").strip()
    if several and host:
        problems.append("DATABRICKS_HOST and DATABRICKS_WORKSPACES are both set; keep one")
    if several:
        return _table(several, problems)
    if not host:
        problems.append(
            "DATABRICKS_HOST is missing; it is the URL of a workspace such as "
            "https://adb-1234567890123456.7.azuredatabricks.net (or give DATABRICKS_WORKSPACES)"
        )
        return {}
    url = judged_url("DATABRICKS_HOST", host, problems)
    name = environ.get("DATABRICKS_TOKEN_SECRET", "").strip() or DEFAULT_SECRET
    secret = _secret("DATABRICKS_TOKEN_SECRET", name, problems)
    number = _workspace_id("DATABRICKS_WORKSPACE_ID", environ.get("DATABRICKS_WORKSPACE_ID", "").strip(), url, problems)
    return {_SOLE: Workspace(_SOLE, url, secret, number)}


def judged_url(key: str, value: str, problems: list[str]) -> str:
    """``value`` without a trailing slash; it is https, or http for this machine alone, and nothing but a host."""
    try:
        parts = urlsplit(value)
        port = parts.port  # reading it raises ValueError where it is not a port
    except ValueError:
        parts, port = urlsplit(""), None
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if not secure or not parts.hostname or extra or port == 0:
        # the value is not repeated: somebody may have put a credential into it
        problems.append(f"{key} must be https:// and a host, with no path, query or credentials")
    return value.rstrip("/")


def _table(text: str, problems: list[str]) -> dict[str, Workspace]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict) or not table:
        problems.append(
            'DATABRICKS_WORKSPACES must be a JSON object such as {"prod": {"host": "https://...", '
            '"tokenSecret": "databricks-token"}}'
        )
        return {}
    return {alias: _entry(alias, entry, problems) for alias, entry in table.items()}


def _entry(alias: str, entry: Any, problems: list[str]) -> Workspace:
    where = f"DATABRICKS_WORKSPACES['{alias}']"
    if not ALIAS.fullmatch(alias):
        problems.append(f"{where}: a name has up to 63 letters, digits, hyphens and underscores")
    if not isinstance(entry, dict):
        problems.append(f'{where} must be an object such as {{"host": "https://..."}}')
        return Workspace(alias, "", "")
    if unknown := sorted(set(entry) - _KEYS):
        problems.append(f"{where} has unknown keys: {', '.join(unknown)}")
    host = entry.get("host")
    if isinstance(host, str) and host:
        host = judged_url(f"{where}.host", host, problems)
    else:
        problems.append(f"{where}.host is missing")
        host = ""
    secret = _secret(f"{where}.tokenSecret", entry.get("tokenSecret", DEFAULT_SECRET), problems)
    return Workspace(
        alias, host, secret, _workspace_id(f"{where}.workspaceId", entry.get("workspaceId"), host, problems)
    )


def _secret(where: str, name: Any, problems: list[str]) -> str:
    if isinstance(name, str) and _SECRET_NAME.fullmatch(name):
        return name
    # the value is not repeated: a token put where its name belongs is a common slip
    problems.append(f"{where} must be the name of a secret in the vault: up to 127 letters, digits and hyphens")
    return ""


def _workspace_id(where: str, given: Any, host: str, problems: list[str]) -> str | None:
    if given in (None, ""):
        found = _ID_IN_HOST.match(host)
        return found[1] if found else None
    text = str(given) if type(given) is int else given
    if isinstance(text, str) and _WORKSPACE_ID.fullmatch(text):
        return text
    problems.append(f"{where} must be the number that Azure gave the workspace")
    return None
