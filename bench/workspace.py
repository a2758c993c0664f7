"""``python -m bench.workspace [TROUBLE]``: an emulated workspace in a process of its own, so that its CPU is its own.

It prints its URL, and ends when its standard input does. What may be wrong with it is in ``troubles.py``. Beside the
Jobs API it has an endpoint for whoever measures.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from aiohttp import web

from bench.troubles import NONE, trouble
from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.run_life import STOPPED, Life, Row, canceling
from local_host.emulators.workspace import JobsApi
from local_host.environment import complete, forget_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "a-token-of-the-benchmark"  # noqa: S105  # it opens nothing
REQUEST_SECONDS = 60.0


def settings_for(workspace: str, servers: BackgroundServers) -> Mapping[str, str]:
    """App settings for a workspace at that URL; the vault is emulated on the servers."""
    forget_settings()
    os.environ.update({"DATABRICKS_HOST": workspace, "LOCAL_DATABRICKS_TOKEN": TOKEN})
    complete(servers)
    return os.environ


def add_runs(workspace: str, *, seconds: list[float] | None = None, reads: list[int] | None = None) -> list[int]:
    """The ids of runs that have begun and that stop so many ``seconds``, or ``reads``, after their cancel."""
    order = {"seconds": seconds or [], "reads": reads or []}
    ids: list[int] = requests.post(f"{workspace}/bench/runs", json=order, timeout=REQUEST_SECONDS).json()
    return ids


def ask(workspace: str, what: str) -> Any:
    """``canceled``: when each run's first cancel was accepted, by run id, on the machine's monotonic clock.

    ``calls``: how many came, ``taken``: how many of them were answered well.
    """
    return requests.get(f"{workspace}/bench/{what}", timeout=REQUEST_SECONDS).json()


def with_a_door(workspace: JobsApi) -> web.Application:
    """The workspace's application, with the endpoints of :func:`add_runs` and :func:`ask`."""

    async def add(request: web.Request) -> web.Response:
        order = await request.json()
        lives = [canceling(seconds) for seconds in order["seconds"]]
        lives += [Life(after_cancel=(Row("TERMINATING", reads=reads), STOPPED[-1])) for reads in order["reads"]]
        return web.json_response([workspace.add_run(life) for life in lives])

    async def canceled(_: web.Request) -> web.Response:
        first: dict[str, float] = {}
        for call in workspace.calls:
            if call.operation == "cancel" and call.status_code == HTTPStatus.OK:
                first.setdefault(call.run_id, call.at)
        return web.json_response(first)

    async def calls(_: web.Request) -> web.Response:
        return web.json_response(len(workspace.calls))

    async def taken(_: web.Request) -> web.Response:
        return web.json_response(sum(call.status_code == HTTPStatus.OK for call in workspace.calls))

    workspace.app.router.add_post("/bench/runs", add)
    workspace.app.router.add_get("/bench/taken", taken)
    workspace.app.router.add_get("/bench/canceled", canceled)
    workspace.app.router.add_get("/bench/calls", calls)
    return workspace.app


def main(kind: str = NONE) -> None:
    """The workspace answers, or does what its trouble makes of it, until standard input ends."""
    workspace = JobsApi(TOKEN)
    trouble(workspace, kind)
    with closing(BackgroundServers()) as servers:
        print(f"http://{LOOPBACK}:{servers.serve(with_a_door(workspace))}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
