"""A caller of the HTTP triggers of a host that runs in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from local_host.host import LocalHost

SECONDS = 20.0


def post(host: LocalHost, order: Any, query: str = "") -> requests.Response:
    return requests.post(f"{host.url}/api/cancel-active-run{query}", json=order, timeout=SECONDS)


def result_of(host: LocalHost, run_id: int, query: str = "") -> dict[str, Any]:
    """The status endpoint's last word on the cancellation of the run."""
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    answer = requests.get(f"{host.url}/api/cancel-active-run/prod-{run_id}{query}", timeout=SECONDS)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


def cancel(host: LocalHost, run_id: int, **order: Any) -> dict[str, Any]:
    accepted = post(host, {"runId": run_id, **order})
    assert accepted.status_code == 202
    return result_of(host, run_id)
