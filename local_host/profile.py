"""A profile of ``~/.databrickscfg``, the file that the Databricks CLI and every SDK of Databricks read.

Nothing of the file is repeated but names: it holds secrets in clear.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING

from local_host.setting_sources import TOKEN_VARIABLE
from local_host.start_error import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_VARIABLE = "DATABRICKS_CONFIG_FILE"
DEFAULT_FILE = "~/.databrickscfg"

# what says where a workspace is and who asks it: a token in the shell is for another host than the profile's
REPLACED = (
    "DATABRICKS_HOST",
    "DATABRICKS_WORKSPACES",
    "DATABRICKS_WORKSPACE_ID",
    "DEFAULT_WORKSPACE",
    "DATABRICKS_AUTH",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_SCOPE",
    "DATABRICKS_TOKEN",
    "DATABRICKS_TOKEN_SECRET",
    "KEY_VAULT_URI",
    TOKEN_VARIABLE,
)


def use_profile(name: str) -> None:
    """The process's environment names the profile's workspace, and holds what opens it, in place of what it held.

    Raises:
        StartError: there is no such file or profile, or it has nothing that this app can use.
    """
    settings = _settings(_section(Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE).expanduser(), name), name)
    for key in REPLACED:
        os.environ.pop(key, None)
    os.environ.update(settings)


def _section(file: Path, name: str) -> Mapping[str, str]:
    # DEFAULT is a profile like any other, as it is for Databricks' own tools: the others inherit nothing from it
    parser = configparser.ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(file.read_text("utf-8-sig"))
    except OSError as error:
        raise StartError(
            f"{file} cannot be read ({error.strerror}). `databricks configure` makes it; {FILE_VARIABLE} names another."
        ) from None
    except (configparser.Error, UnicodeDecodeError):
        # what the parser says holds the line that it trips over, which may be the token's
        raise StartError(f"{file} is not a file of profiles: sections in [brackets], lines with =.") from None
    if not parser.has_section(name):
        known = ", ".join(parser.sections()) or "none"
        raise StartError(f"{file} has no profile of that name; its profiles: {known}.")
    return parser[name]


def _settings(profile: Mapping[str, str], name: str) -> dict[str, str]:
    def value(key: str) -> str:
        return profile.get(key, "").strip()

    host, token, secret = value("host"), value("token"), value("client_secret")
    if not host:
        raise StartError(f"The profile {name} has no host: it is not one of a workspace.")
    workspace = {"DATABRICKS_HOST": host if "://" in host else f"https://{host}"}
    kind = value("auth_type") or ("pat" if token else "oauth-m2m" if secret else "")
    if kind == "pat" and token:
        return {**workspace, TOKEN_VARIABLE: token}
    if kind == "oauth-m2m" and secret and value("client_id"):
        return {
            **workspace,
            "DATABRICKS_AUTH": "oauth",
            "DATABRICKS_CLIENT_ID": value("client_id"),
            TOKEN_VARIABLE: secret,
        }
    if kind == "azure-cli":
        return {**workspace, "DATABRICKS_AUTH": "managedIdentity"}
    if kind in {"pat", "oauth-m2m"}:
        needed = "a token" if kind == "pat" else "a client_id and a client_secret"
        raise StartError(f"The profile {name} says auth_type {kind} and has not got {needed}.")
    raise StartError(
        f"The profile {name} opens its workspace in a way that this app cannot use; it can use pat (a token), "
        "oauth-m2m (client_id, client_secret) and azure-cli. Where the Databricks CLI has signed you in, let it give a "
        "token, and leave --profile out:\n"
        f"  export DATABRICKS_HOST={workspace['DATABRICKS_HOST']}\n"
        f"  export DATABRICKS_TOKEN=$(databricks auth token --profile {name} | "
        "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])')"
    )
