"""The jobs of an emulated workspace, and the runs that callers begin: ``run-now``, ``runs/submit``, ``cancel-all``.

What a job would do is not looked at: each run waits, runs for an hour unless its ``timeout_seconds`` ends it, and takes
some seconds to stop when it is canceled. Schedules, queues and ``max_concurrent_runs`` have no effect.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.emulators.api_errors import ApiError
from local_host.emulators.asked import body_of, flag, id_of, is_number
from local_host.emulators.pages import page
from local_host.emulators.run_life import NIGHTLY, Life, Row, canceling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from local_host.emulators.workspace import JobsApi

OWNER = "owner@example.com"
ENDED_WELL = Row("TERMINATED", result="SUCCESS")
STARTED = canceling(5.0, rows=(Row("PENDING", seconds=1.0), Row("RUNNING", seconds=3600.0), ENDED_WELL))
TIMED_OUT = Row("TERMINATED", result="TIMEDOUT", message="Run timed out.")
PAGE, LONGEST_PAGE = 20, 100
LONGEST_TOKEN = 64  # characters of an idempotency token


@dataclass(frozen=True)
class Job:
    """A job as it was created; ``settings`` are what its creator sent."""

    job_id: int
    settings: dict[str, Any]
    created_ms: int

    def told(self) -> dict[str, Any]:
        """As ``jobs/get`` has it."""
        return {
            "job_id": self.job_id,
            "creator_user_name": OWNER,
            "created_time": self.created_ms,
            "settings": {"name": "Untitled", "format": "MULTI_TASK", "max_concurrent_runs": 1, **self.settings},
        }


@dataclass
class Jobs:
    """The part of the Jobs API that is about jobs, over the runs of ``api``; thread-safe.

    Attributes:
        life: of the runs that callers begin, but for what they say themselves.
        on_cancel_all: hears of each ``cancel-all``, which names no run.
    """

    api: JobsApi
    life: Life = STARTED
    on_cancel_all: Callable[[str], object] = str
    _jobs: dict[int, Job] = field(default_factory=dict)
    _begun: dict[str, int] = field(default_factory=dict)  # idempotency token -> run id
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._ids = itertools.count(NIGHTLY)
        self.create({"name": "nightly"})

    def create(self, settings: dict[str, Any]) -> int:
        """The id of a job that is there from now on."""
        with self._lock:
            job = Job(next(self._ids), settings, int(time.time() * 1000))
            self._jobs[job.job_id] = job
            return job.job_id

    def routes(self, version: str) -> list[web.RouteDef]:
        """Where it answers."""
        at = f"/api/{version}/jobs"
        return [
            web.post(f"{at}/create", self._let_in(self._create)),
            web.get(f"{at}/list", self._let_in(self._list)),
            web.get(f"{at}/get", self._let_in(self._get)),
            web.post(f"{at}/delete", self._let_in(self._delete)),
            web.post(f"{at}/run-now", self._let_in(self._run_now)),
            web.post(f"{at}/runs/submit", self._let_in(self._submit)),
            web.post(f"{at}/runs/cancel-all", self._let_in(self._cancel_all)),
        ]

    def _let_in(
        self, handler: Callable[[web.Request], Awaitable[dict[str, Any]]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            refusal = self.api.principals.refusal(request.headers.get("Authorization", ""))
            return refusal if refusal is not None else web.json_response(await handler(request))

        return handle

    async def _create(self, request: web.Request) -> dict[str, Any]:
        body = await body_of(request)
        _judge(body, "name")
        return {"job_id": self.create(body)}

    async def _list(self, request: web.Request) -> dict[str, Any]:
        name = request.query.get("name")
        with self._lock:
            found = [job.told() for job in reversed(self._jobs.values())]
        if name is not None:
            found = [job for job in found if job["settings"]["name"].lower() == name.lower()]
        if not flag(request.query, "expand_tasks"):
            for job in found:
                job["settings"] = {key: value for key, value in job["settings"].items() if key != "tasks"}
        return page("jobs", found, request.query, limit=PAGE, most=LONGEST_PAGE)

    async def _get(self, request: web.Request) -> dict[str, Any]:
        return self._job(request.query.get("job_id")).told()

    async def _delete(self, request: web.Request) -> dict[str, Any]:
        job = self._job((await body_of(request)).get("job_id"))
        with self._lock:
            self._jobs.pop(job.job_id, None)
        return {}

    async def _run_now(self, request: web.Request) -> dict[str, Any]:
        body = await body_of(request)
        job = self._job(body.get("job_id"))
        facts = {"job_id": job.job_id, "run_name": job.told()["settings"]["name"], "run_type": "JOB_RUN"}
        run_id = self._begin(body.get("idempotency_token"), job.settings, facts)
        return {"run_id": run_id, "number_in_job": run_id}

    async def _submit(self, request: web.Request) -> dict[str, Any]:
        body = await body_of(request)
        _judge(body, "run_name")
        if not (body.get("tasks") or any(key.endswith("_task") for key in body)):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "Missing required field: tasks.")
        with self._lock:
            job_id = next(self._ids)  # a run that was submitted has a job of its own, which no list shows
        facts = {"job_id": job_id, "run_name": str(body.get("run_name") or "Untitled"), "run_type": "SUBMIT_RUN"}
        return {"run_id": self._begin(body.get("idempotency_token"), body, facts)}

    async def _cancel_all(self, request: web.Request) -> dict[str, Any]:
        body = await body_of(request)
        queued_alone = body.get("all_queued_runs") is True
        job_id = self._job(body["job_id"]).job_id if "job_id" in body else None
        if job_id is None and not queued_alone:
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "Missing required field: job_id (or all_queued_runs).")
        self.on_cancel_all(f"job {job_id}")
        self.api.cancel_all(job_id, queued_alone=queued_alone)
        return {}

    def _begin(self, token: Any, settings: dict[str, Any], facts: dict[str, Any]) -> int:
        """The id of a run that has begun now, or for a token that was used before of the one that began then."""
        if token is not None and not (isinstance(token, str) and len(token) <= LONGEST_TOKEN):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"idempotency_token has up to {LONGEST_TOKEN} characters.")
        rows = self.life.rows
        timeout = settings.get("timeout_seconds")
        if isinstance(timeout, int) and timeout > 0:
            rows = (*(row for row in rows if row.state == "PENDING"), Row("RUNNING", seconds=timeout), TIMED_OUT)
        facts = {"trigger": "ONE_TIME", **facts}
        keys = [str(task.get("task_key", "")) for task in settings.get("tasks") or ()]
        with self._lock:
            if token and token in self._begun:
                return self._begun[token]
            life = replace(self.life, rows=rows, facts={**self.life.facts, **facts})
            run_id = self.api.add_run(life, tasks=keys)
            if token:
                self._begun[token] = run_id
            return run_id

    def _job(self, asked: Any) -> Job:
        text = id_of(asked)
        if not is_number(text):
            raise ApiError(400, "INVALID_PARAMETER_VALUE", "Missing required field: job_id (a number).")
        with self._lock:
            job = self._jobs.get(int(text))
        if job is None:
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Job {text} does not exist.")
        return job


def _judge(settings: dict[str, Any], name: str) -> None:
    """The settings of a job or a run are of the types that they must be of, as far as they are looked at here.

    Raises:
        ApiError: 400, one is not.
    """
    tasks, timeout = settings.get("tasks", []), settings.get("timeout_seconds", 0)
    wrong = {
        name: not isinstance(settings.get(name, ""), str),
        "tasks": not (isinstance(tasks, list) and all(isinstance(task, dict) for task in tasks)),
        "timeout_seconds": isinstance(timeout, bool) or not isinstance(timeout, int),
    }
    for key in (key for key, is_wrong in wrong.items() if is_wrong):
        raise ApiError(400, "MALFORMED_REQUEST", f"Could not parse request object: {key} is of another type.")
