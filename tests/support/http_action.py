"""A Logic App's HTTP action with its asynchronous pattern, written as the client that it is.

What is known of the action: it follows ``Location`` while the answer is 202, waits as ``Retry-After`` says (20 s where
it says nothing), ends at the first other answer, sends its ``authentication`` again but not its own headers, sends no
``Content-*`` with a GET, and tries 408, 429 and 5xx again. The wait is over at once here, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi

TRIED_AGAIN = {408, 429, 500, 502, 503, 504}
LOOKS = 400  # an action's own `limit`; the looks come faster here than they would


@dataclass
class HttpAction:
    """``{"type": "Http", "inputs": {"method": "POST", ...}}``; the answer that the workflow goes on with."""

    uri: str
    body: dict[str, Any]
    authentication: str | None = None
    retries: int = 4
    between_tries: Callable[[], None] = lambda: None
    waits: list[int] = field(default_factory=list)
    sent: list[requests.PreparedRequest] = field(default_factory=list)

    def run(self, pause: Callable[[], None]) -> requests.Response:
        answer = self._call("POST", self.uri, json=self.body, headers={"x-ms-workflow-name": "a header of its own"})
        for _ in range(LOOKS):
            if answer.status_code != 202:
                return answer
            location = answer.headers["Location"]
            assert location.startswith("http"), "the action takes an absolute Location alone"
            self.waits.append(int(answer.headers["Retry-After"]))
            pause()
            answer = self._call("GET", location)
        raise TimeoutError(answer.text)

    def _call(
        self, method: str, uri: str, headers: dict[str, str] | None = None, json: Any = None
    ) -> requests.Response:
        sent = dict(headers or {})
        if self.authentication is not None:
            sent["Authorization"] = self.authentication
        for _ in range(self.retries + 1):
            answer = requests.request(method, uri, headers=sent, json=json, timeout=20)
            self.sent.append(answer.request)
            if answer.status_code not in TRIED_AGAIN:
                break
            self.between_tries()
        return answer


@pytest.fixture
def pause(workspace: JobsApi) -> Callable[[], None]:
    """Until something has happened at the workspace, or for a moment where nothing will."""

    def wait() -> None:
        before = len(workspace.calls)
        try:
            workspace.wait_for(lambda seen: len(seen.calls) > before, timeout=0.1)
        except TimeoutError:
            return

    return wait
