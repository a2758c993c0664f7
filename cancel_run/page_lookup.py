"""The workspaces of the settings that a run's page can be in: by its host, or by the workspace's number in its URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.cancellation.run_page import RunPage
    from cancel_run.workspaces import Workspace

# Azure Databricks' own hosts, where one host of a region has the pages of many workspaces
_AZURE = re.compile(r"https://[a-z0-9.-]+\.(?:azuredatabricks\.net|databricks\.azure\.(?:us|cn))")
_NUMBER_IN_HOST = re.compile(r"https://adb-([0-9]+)\.")
_SAME_HOST = re.compile(r"\.?(?::443)?$")  # what a host can end with and be the same


def aliases_of(page: RunPage, workspaces: Mapping[str, Workspace]) -> list[str]:
    """The names of the workspace that the page is in: one, or several where the settings name it so.

    Raises:
        ValueError: there is none, or the URL contradicts itself or the settings; the message says how.
    """
    origin = _SAME_HOST.sub("", page.origin)
    azure = _AZURE.fullmatch(origin)
    in_host = _NUMBER_IN_HOST.match(origin) if azure else None
    numbers = {number for number in (page.workspace_id, in_host and in_host[1]) if number}
    if len(numbers) > 1:
        raise ValueError("contradicts itself: its host and its o= are of two workspaces")
    number = next(iter(numbers), None)
    here = [one for one in workspaces.values() if _SAME_HOST.sub("", one.host.lower()) == origin]
    numbered = [one for one in workspaces.values() if number is not None and one.workspace_id == number]
    if here:
        # a host whose number the settings do not know can have any, but none that is another's
        found = [one for one in here if one in numbered or number is None]
        found = found or [one for one in here if one.workspace_id is None and not numbered]
        if not found:
            raise ValueError(f"contradicts the settings: its host is that of '{here[0].alias}', and its o= is not")
        return [one.alias for one in found]
    if azure and numbered:
        return [one.alias for one in numbered]
    known = ", ".join(f"{one.alias} ({one.host})" for one in workspaces.values())
    raise ValueError(f"is of no workspace of the settings, by host ({one_line(origin, 80)}) or o=; known: {known}")
