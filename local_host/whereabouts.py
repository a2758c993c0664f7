"""Which workspaces a command talks to, told before it does anything: a stale DATABRICKS_HOST is easily forgotten."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

NAMED = 5  # cancellations that begin again

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[\w.-]{1,64}")


def workspaces(environ: Mapping[str, str]) -> dict[str, str]:
    """The scheme and host of each workspace in complete and usable settings, by its name."""
    listed = environ.get("DATABRICKS_WORKSPACES", "").strip()
    if not listed:
        return {"default": _place(environ.get("DATABRICKS_HOST", ""))}
    try:
        table = json.loads(listed)
        return {name: _place(str(entry.get("host", ""))) for name, entry in table.items() if _NAME.fullmatch(name)}
    except (ValueError, AttributeError, RecursionError):
        return {}  # the app itself says what is wrong with the setting


def line(name: str, place: str, *, emulated: bool, workspace_id: str = "") -> str:
    """The workspace in words, with whether it is emulated."""
    if emulated:
        number = f", workspace id {workspace_id}" if workspace_id.isdigit() else ""
        return f"workspace {name}: {place} (emulated in this process{number})"
    here = urlsplit(place).hostname in {"localhost", "127.0.0.1", "::1"}
    return f"workspace {name}: {place} ({'on this machine' if here else 'real'}, not emulated by this process)"


def _place(host: str) -> str:
    """The URL without what may be a secret, for somebody may have put one into it."""
    try:
        parts = urlsplit(host.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else "?"


def begun_again(instance_ids: list[str], *, emulated: bool, placed: bool) -> list[str]:
    """What a journal's unfinished cancellations are told with; ``placed``: it says for which workspaces they were."""
    if not instance_ids:
        return ["journal: nothing begins again"]
    same = (
        "the same workspaces" if placed else "workspaces of these names (an old journal does not say which they were)"
    )
    new = "a new emulated workspace, whose runs are not those of before" if emulated else same
    more = f" and {len(instance_ids) - NAMED} more" if len(instance_ids) > NAMED else ""
    return [f"journal: what had not ended begins again, against {new}: {', '.join(instance_ids[:NAMED])}{more}"]
