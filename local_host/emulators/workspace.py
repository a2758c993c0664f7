"""The Jobs API of a Databricks workspace, emulated: a run's life is a table, and faults come on demand.

It knows nothing of this project's client, so that it cannot share its mistakes. It is longer than most: one
service, and what sets its scene.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_host.emulators.api_errors import ApiError, error, tell_errors, unknown
from local_host.emulators.asked import body_of, id_of, is_number
from local_host.emulators.faults import Faults
from local_host.emulators.jobs import OWNER, Jobs
from local_host.emulators.principals import Principals
from local_host.emulators.run_life import TERMINAL, Life, Row, Run
from local_host.emulators.run_list import listed
from local_host.emulators.run_shown import history, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

VERSIONS = ("2.0", "2.1", "2.2")


@dataclass(frozen=True)
class Call:
    """One request that came in, and the life cycle state in which it found its run, if it did.

    What was in ``Authorization`` is not kept.
    """

    operation: str
    run_id: str
    version: str
    at: float
    user_agent: str
    status_code: int
    state: str = ""


class JobsApi:
    """The server's application and what it knows; every method may be called from any thread.

    Its faults are for ``list``, ``get`` and ``cancel``, or these two ``before cancel`` or ``after cancel`` of
    a run. A call of ``list`` is known by its job's id.
    """

    def __init__(self, *tokens: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.principals = Principals(set(tokens))
        self.url = ""  # for whoever serves it to note where
        self.workspace_id = "1"  # the `o=` of its pages
        self.faults = Faults()
        self.calls: list[Call] = []
        self._clock = clock
        self._runs: dict[int, Run] = {}
        self._ids = itertools.count(455_644_833)
        self._changed = threading.Condition()
        self.jobs = Jobs(self)
        self.app = web.Application(middlewares=[tell_errors])
        self.app.router.add_post("/oidc/v1/token", self.principals.token)
        self.app.router.add_get("/.well-known/databricks-config", self._about)
        self.app.router.add_get("/oidc/.well-known/oauth-authorization-server", self.principals.endpoints)
        self.app.router.add_get("/api/2.0/preview/scim/v2/Me", self._me)
        for version in VERSIONS:
            self.app.router.add_routes(self.jobs.routes(version))
            self.app.router.add_get(f"/api/{version}/jobs/runs/get", self._handler("get", version))
            self.app.router.add_post(f"/api/{version}/jobs/runs/cancel", self._handler("cancel", version))
            self.app.router.add_get(f"/api/{version}/jobs/runs/list", self._handler("list", version))
        self.app.router.add_route("*", "/{path:.*}", self._unknown)

    # -- for whoever sets the scene ----------------------------------------------------------------------------------

    def add_run(self, life: Life | None = None, *, run_id: int | None = None, tasks: Iterable[str] = ()) -> int:
        """The id of a run that has begun; its task runs, one a key, can be read and canceled by ids of their own."""
        with self._changed:
            number = run_id if run_id is not None else next(self._ids)
            begun = Run(number, life or Life(), self._clock(), _now_ms(), (life or Life()).rows)
            self._runs[number] = begun
        begun.tasks = {self.add_run(life): key for key in tasks}
        for task in begun.tasks:
            self._runs[task].parent = number
        return number

    @property
    def tokens(self) -> set[str]:
        """The tokens that it takes, beside those of identities in Azure."""
        return self.principals.tokens

    @tokens.setter
    def tokens(self, tokens: set[str]) -> None:
        self.principals.tokens = tokens

    def repair(self, run_id: int, rows: tuple[Row, ...] = (Row("RUNNING"),)) -> int:
        """The run is active again under its id; the id of the repair."""
        with self._changed:
            repair_id = next(self._ids)
            self._runs[run_id].repair(repair_id, rows, self._clock(), _now_ms())
            return repair_id

    def cancel_all(self, job_id: int | None = None, *, queued_alone: bool = False) -> None:
        """Every active run of the job, or of any, is canceled; where ``queued_alone``, those that are QUEUED."""
        with self._changed:
            for run in list(self._runs.values()):
                row = run.advance(self._clock())
                chosen = run.parent is None and job_id in {None, run.job_id}
                if chosen and row.state not in TERMINAL and (row.state == "QUEUED" or not queued_alone):
                    self._cancel(run, row)

    def forget(self, run_id: int) -> None:
        """The workspace has no such run any more."""
        with self._changed:
            del self._runs[run_id]

    def state_of(self, run_id: int) -> str:
        """The life cycle state, read behind the API's back."""
        with self._changed:
            return self._runs[run_id].advance(self._clock()).state

    def count(self, operation: str, run_id: int | None = None) -> int:
        """How many such requests came in."""
        with self._changed:
            return sum(call.operation == operation and run_id in {None, _number(call.run_id)} for call in self.calls)

    def wait_for(self, seen: Callable[[JobsApi], bool], timeout: float = 10.0) -> None:
        """``seen`` is true; it is looked at after every request.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: seen(self), timeout):
                raise TimeoutError

    # -- the API -----------------------------------------------------------------------------------------------------

    def _handler(self, operation: str, version: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            refusal = self.principals.refusal(request.headers.get("Authorization", ""))
            try:
                asked = await self._id(request, "job_id" if operation == "list" else "run_id")
            except ApiError:
                if refusal is not None:
                    return refusal
                raise
            fault = self.faults.take(operation, f"{operation} {self._when(asked)} cancel")
            answer: web.StreamResponse
            state = ""
            if fault is not None:
                if fault.after_effect:
                    self._answer(operation, request, asked)
                status_code = fault.status_code
            else:
                answer, state = self._answer(operation, request, asked)
                status_code = answer.status
            with self._changed:
                agent = request.headers.get("User-Agent", "")
                self.calls.append(Call(operation, asked, version, self._clock(), agent, status_code, state))
                self._changed.notify_all()
            return answer if fault is None else await self.faults.answer(request, fault)

        return handle

    async def _about(self, request: web.Request) -> web.StreamResponse:
        # what Databricks' clients ask for first, without a token
        return web.json_response({"oidc_endpoint": f"{request.url.origin()}/oidc", "workspace_id": self.workspace_id})

    async def _me(self, request: web.Request) -> web.StreamResponse:
        refusal = self.principals.refusal(request.headers.get("Authorization", ""))
        if refusal is not None:
            return refusal
        return web.json_response({"id": "1", "userName": OWNER, "displayName": "Owner", "active": True})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        refusal = self.principals.refusal(request.headers.get("Authorization", ""))
        return refusal if refusal is not None else unknown(request)

    def _when(self, asked: str) -> str:
        with self._changed:
            run = self._runs.get(_number(asked) or 0)
            return "after" if run is not None and run.cancels else "before"

    async def _id(self, request: web.Request, key: str) -> str:
        if request.method == "GET":
            return request.query.get(key, "")
        return id_of((await body_of(request)).get(key, ""))

    def _answer(self, operation: str, request: web.Request, asked: str) -> tuple[web.Response, str]:
        """The answer, and the state in which it found the run."""
        refusal = self.principals.refusal(request.headers.get("Authorization", ""))
        if refusal is not None:
            return refusal, ""
        if operation == "list":
            return self._list(request), ""
        number = _number(asked)
        with self._changed:
            run = self._runs.get(number) if number is not None else None
            if number is None:
                return error(400, "MALFORMED_REQUEST", f"Could not parse run_id '{asked[:40]}'."), ""
            if run is None:
                return error(400, "INVALID_PARAMETER_VALUE", f"Run {number} does not exist."), ""
            row = run.advance(self._clock())
            if operation == "cancel":
                return self._cancel(run, row), row.state
            run.reads += 1
            told = shown(run, row, self._tasks(run), self._home(request))
            if request.query.get("include_history") == "true":
                told["repair_history"] = history(run, row)
            return web.json_response(told), row.state

    def _list(self, request: web.Request) -> web.Response:
        with self._changed:
            runs = [(run, run.advance(self._clock())) for run in self._runs.values()]
            try:
                return web.json_response(listed(runs, self._tasks, request.query, self._home(request)))
            except ApiError as refused:
                return refused.answer()

    def _cancel(self, run: Run, row: Row) -> web.Response:
        if not run.life.may_manage:
            return error(403, "PERMISSION_DENIED", "User does not have CAN MANAGE RUN on the job.")
        run.cancels += 1
        canceled = row.state not in {*TERMINAL, "TERMINATING"}
        if canceled and run.cancels > run.life.ignored_cancels:
            now = self._clock()
            run.begin(run.life.after_cancel, now)
            for task in run.tasks:
                self._runs[task].begin(self._runs[task].life.after_cancel, now)
        return web.json_response({})

    def _tasks(self, run: Run) -> dict[int, Row]:
        return {task: self._runs[task].advance(self._clock()) for task in run.tasks}

    def _home(self, request: web.Request) -> str:
        return f"{request.url.origin()}/?o={self.workspace_id}"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _number(text: str) -> int | None:
    return int(text) if is_number(text) else None
