"""A caller who cancels the runs of a job, on a host that runs in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from local_host.emulators.run_life import STOPPED, Life, Row

if TYPE_CHECKING:
    from local_host.host import LocalHost

SECONDS = 60.0
JOB, OTHER = 5, 6


def of(job_id: int = JOB, *rows: Row, after_cancel: tuple[Row, ...] = STOPPED, **life: Any) -> Life:
    """The life of a run of that job; it runs until it is canceled where no rows say otherwise."""
    return Life(rows or (Row("RUNNING"),), after_cancel=after_cancel, facts={"job_id": job_id}, **life)


def post_job(host: LocalHost, **order: Any) -> requests.Response:
    return requests.post(f"{host.url}/api/cancel-active-runs", json={"jobId": JOB, **order}, timeout=SECONDS)


def look_at_job(host: LocalHost, instance_id: str, query: str = "") -> requests.Response:
    return requests.get(f"{host.url}/api/cancel-active-runs/{instance_id}{query}", timeout=SECONDS)


def cancel_job(host: LocalHost, **order: Any) -> dict[str, Any]:
    """The result, once there is one."""
    accepted = post_job(host, **order)
    assert accepted.status_code == 202, accepted.text
    return job_result(host, accepted.json()["instanceId"])


def job_result(host: LocalHost, instance_id: str = f"prod~job-{JOB}") -> dict[str, Any]:
    host.engine.wait_until_ended(instance_id, SECONDS)
    answer = look_at_job(host, instance_id)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result
