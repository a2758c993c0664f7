"""An app that runs somewhere, asked over HTTP alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

SECONDS = 60.0  # for one answer: the first may meet a host that has to start


@dataclass(frozen=True)
class App:
    """An app somewhere; ``run_id`` is a run that may be canceled, or None; ``key`` is empty where none is asked for."""

    base: str
    key: str
    run_id: int | None
    workspace: str | None
    takes_alerts: bool = True

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer; the key is in the header unless ``headers`` says otherwise."""
        headers = options.pop("headers", {"x-functions-key": self.key})
        url = self.base + path
        return requests.request(method, url, headers=headers, timeout=SECONDS, allow_redirects=False, **options)
