"""Where each setting of a command comes from: the environment first, then ``local.settings.json``, as for ``func``."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local_host.start_error import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

FILE = Path("local.settings.json")  # in the folder where the command runs, as `func start` has it
STORAGE = "AzureWebJobsStorage"
_BY_IDENTITY = f"{STORAGE}__"  # what the Functions host takes where it signs in to the storage by itself
TOKEN_VARIABLE = "LOCAL_DATABRICKS_TOKEN"  # noqa: S105  # the variable's name
DATABRICKS_TOKEN = "DATABRICKS_TOKEN"  # noqa: S105  # the variable's name, as Databricks' own tools know it

OF_THE_APP = (
    "DATABRICKS_HOST",
    "DATABRICKS_AUTH",
    "DATABRICKS_TOKEN_SECRET",
    "DATABRICKS_CLIENT_ID",
    "DATABRICKS_SCOPE",
    "DATABRICKS_WORKSPACE_ID",
    "DATABRICKS_PROTECTED_JOBS",
    "DATABRICKS_CANCELABLE_JOBS",
    "DATABRICKS_WORKSPACES",
    "DEFAULT_WORKSPACE",
    "KEY_VAULT_URI",
    "JOBS_API_VERSION",
    "WAIT_TIMEOUT_SECONDS",
    "POLL_FIRST_SECONDS",
    "POLL_MAX_SECONDS",
    "CANCEL_AGAIN_AFTER_SECONDS",
    "RETRY_AFTER_MAX_SECONDS",
    "ORDER_MAX_AGE_SECONDS",
    "CONCURRENT_ACTIVITIES",
    "RESERVED_ACTIVITIES",
    "HTTP_TIMEOUT_SECONDS",
    "HISTORY_RETENTION_DAYS",
    "CANCEL_QUEUE_NAME",
    "CANCEL_ON_EVENTS",
    "MAX_RUNS_PER_ALERT",
    "ALERTS_DRY_RUN",
    "ALERTS_MAY_CANCEL_JOBS",
    "HTTP_AUTH_LEVEL",
)
OF_THIS_MACHINE = (TOKEN_VARIABLE, DATABRICKS_TOKEN)
OF_THE_HOST = (STORAGE, "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT")
KNOWN = (*OF_THE_APP, *OF_THIS_MACHINE, *OF_THE_HOST)
# what other tools read, however like one of ours it looks
_OF_OTHERS = frozenset({"DATABRICKS_AUTH_TYPE", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_CLUSTER_ID", "AZURE_CLIENT_ID"})
PART = 10  # characters of a part of a name: HOST, TOKEN and the WORKSPACE of build servers belong to others
LIKE = 0.87  # of two names, by difflib: DATABRIKS_HOST is one of ours, DATABRICKS_URL is not


@dataclass(frozen=True)
class Sources:
    """The names of the settings that are set, by where; ``misspelt``: names that are none, and what they may mean."""

    environment: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    misspelt: tuple[tuple[str, str], ...] = ()
    beside: str = ""

    def lines(self) -> list[str]:
        """For a person: a line for each place, and one for each name that looks like a slip. No value is told."""
        named = {"the environment": self.environment, FILE.name: self.file}
        lines = [f"settings from {place}: {', '.join(names)}" for place, names in named.items() if names]
        return [*(lines or [f"settings: none is set{self.beside}"]), *self.slips()]

    def without(self, names: Iterable[str]) -> Sources:
        """The same, but for these, which a profile of the Databricks CLI has replaced."""
        gone = frozenset(names)
        here, file = (tuple(name for name in there if name not in gone) for there in (self.environment, self.file))
        return Sources(here, file, self.misspelt, " beside the profile")

    def slips(self) -> list[str]:
        """A line for each name that looks like a setting's, and is none."""
        return [
            f"{name} is for Azure alone: here {meant} names the storage, by a connection string"
            if name.startswith(_BY_IDENTITY)
            else f"{name} is no setting of this app: is {meant} meant?"
            for name, meant in self.misspelt
        ]

    def placed(self, problem: str) -> str:
        """The problem, which begins with the name of a setting or does not, with where that was set."""
        setting = re.match(r"\w*", problem)
        return f"{problem} (from {FILE.name})" if setting and setting[0] in self.file else problem


def load(environ: MutableMapping[str, str], path: Path = FILE) -> Sources:
    """``environ`` has the values of the file too, where it did not have that name itself, be it empty.

    Raises:
        StartError: there is such a file, and it cannot be used.
    """
    values = _values(path)
    here = tuple(name for name in KNOWN if environ.get(name))
    taken = {name: value for name, value in values.items() if name not in environ}
    misspelt = tuple(pair for name in dict.fromkeys((*environ, *values)) if (pair := _slip(name)))
    environ.update(taken)
    return Sources(here, tuple(name for name in KNOWN if taken.get(name)), misspelt)


def _values(path: Path) -> Mapping[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}.") from error
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise StartError(f"{path} is no JSON{where}; local.settings.json.example shows what it looks like.") from error
    if isinstance(read, dict) and read.get("IsEncrypted"):
        raise StartError(f"{path} is encrypted, which only func can read: `func settings decrypt`.")
    values = read.get("Values") if isinstance(read, dict) else None
    if not isinstance(values, dict):
        raise StartError(f'{path} has no object "Values"; local.settings.json.example shows what it looks like.')
    wrong = sorted(
        name for name, value in values.items() if not (isinstance(value, str) and name and "\0" not in name + value)
    )
    if wrong or any("=" in name for name in values):
        raise StartError(f"In {path} each value must be a string: {', '.join(wrong) or 'a name has a ='}.")
    return values


def _slip(name: str) -> tuple[str, str] | None:
    """The name and the setting that it looks like, unless it is one or looks like none."""
    if name in KNOWN or name in _OF_OTHERS:
        return None
    if name.startswith(_BY_IDENTITY):
        return name, STORAGE
    by_capitals = {known.upper(): known for known in KNOWN}
    like = difflib.get_close_matches(name.upper(), by_capitals, n=1, cutoff=LIKE) or [
        known for known in by_capitals if len(name) >= PART and _is_part(name.upper(), known)
    ]
    return (name, by_capitals[like[0]]) if like else None


def _is_part(name: str, known: str) -> bool:
    """True for the words that a setting's name begins or ends with."""
    return (known.startswith(f"{name}_") and "_" in name) or known.endswith(f"_{name}")
