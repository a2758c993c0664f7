"""Who calls, as App Service's authentication says it: it verifies the caller and sets these headers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings

LIMIT = 200  # characters


def verified_caller(headers: Mapping[str, str], settings: Settings) -> str | None:
    """The caller's object id in Entra, and the name where there is one: ``NAME (ID)``.

    None where Entra does not stand in front of the app: there anybody could send these headers.
    """
    if not settings.behind_entra:
        return None
    known = {key.lower(): value for key, value in headers.items()}
    number = one_line(known.get("x-ms-client-principal-id", ""), LIMIT)
    name = one_line(known.get("x-ms-client-principal-name", ""), LIMIT)
    if name and number and name != number:
        return f"{name} ({number})"
    return number or name or None
