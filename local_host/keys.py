"""The keys that callers must show, judged as the Functions host judges them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

import azure.functions as func

from local_host.start_error import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

HEADER = "x-functions-key"
PARAMETER = "code"


class NoKeysError(StartError):
    """The file of keys cannot be used; the message says why."""


@dataclass(frozen=True)
class Keys:
    """Every one of them opens every function; functions that are anonymous ask for none."""

    accepted: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Keys:
        """The keys in a file: one a line, without empty lines and those that begin with ``#``.

        Raises:
            NoKeysError: it cannot be read, or there is no key in it.
        """
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8"
            raise NoKeysError(f"The file of keys, {path}, cannot be read: {reason}.") from error
        accepted = tuple(line for line in lines if line and not line.startswith("#"))
        if not accepted:
            raise NoKeysError(f"The file of keys, {path}, has no key in it: write one a line.")
        return cls(accepted)

    def open(self, level: func.AuthLevel, request: web.Request) -> bool:
        """True when the request may call a function of that level.

        The header goes before the query; there the case of letters in ``code`` does not count, and of several the first
        is judged.
        """
        if level is func.AuthLevel.ANONYMOUS:
            return True
        shown = request.headers.get(HEADER)
        if shown is None:
            shown = next((value for key, value in request.query.items() if key.lower() == PARAMETER), "")
        given = shown.encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(given, key.encode()) for key in self.accepted)
