"""One cancellation from a terminal: what a caller of the HTTP triggers does, with a display."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from local_host.display import Display

STOPPED, NOT_STOPPED, BAD_REQUEST = 0, 1, 2  # exit codes; of a rehearsal, whether the run would be canceled
LOOK_SECONDS = 0.2  # the server is this process: there is no reason to wait for its Retry-After
REQUEST_SECONDS = 30.0


def cancel(url: str, order: dict[str, Any], display: Display) -> tuple[int, dict[str, Any]]:
    """The exit code, and the result (or the refusal) as the HTTP trigger gave it."""
    route = "cancel-active-runs" if "jobId" in order else "cancel-active-run"
    accepted = requests.post(f"{url}/api/{route}", json=order, timeout=REQUEST_SECONDS)
    if accepted.status_code != HTTPStatus.ACCEPTED:
        refusal: dict[str, Any] = accepted.json()
        for problem in refusal.get("problems") or [refusal.get("detail", "")]:
            display.line(problem, "red")
        return BAD_REQUEST, refusal
    if route == "cancel-active-run":
        display.line(f"in a browser: {accepted.headers['Location']}")
    while True:
        looked = requests.get(accepted.headers["Location"], timeout=REQUEST_SECONDS)
        if looked.status_code != HTTPStatus.ACCEPTED:
            break
        display.progress(looked.json()["progress"])
        time.sleep(LOOK_SECONDS)
    result: dict[str, Any] = looked.json()
    display.timeline(result)
    return STOPPED if result["stopped"] or result["outcome"] == "wouldCancel" else NOT_STOPPED, result
