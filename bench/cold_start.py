"""Cold start: what the first import and the first answer cost a fresh process, and how much memory it then holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

from aiohttp import web

from local_host.background import BackgroundServers
from local_host.engine.client_binding import client_binding

BARE, OURS = "bare", "ours"
IMPORTS = {BARE: "azure.functions, azure.durable_functions, requests", OURS: "function_app"}
APPS = {BARE: "bench.bare_app", OURS: "function_app"}

# what is not imported before it is needed: Azure's clients, which double the time
AZURE_CLIENTS = ("azure.identity", "azure.keyvault", "azure.core", "msal")

PROBE = """
import time
began = time.perf_counter(), time.process_time()
import {imports}
ended = time.perf_counter(), time.process_time()
import json, sys
from bench.processes import peak_bytes
print(json.dumps([ended[0] - began[0], ended[1] - began[1], peak_bytes(), sorted(sys.modules)]))
"""
SETTINGS = {"DATABRICKS_HOST": "https://adb-1.1.azuredatabricks.net", "KEY_VAULT_URI": "https://v.vault.azure.net"}


@dataclass(frozen=True)
class Import:
    """One import in a fresh process: seconds of wall time and of CPU, bytes held after it, modules loaded."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    modules: frozenset[str]


def imports(rounds: int) -> dict[str, list[Import]]:
    """So many imports of each, in turn, after one that leaves the bytecode of both behind."""
    seen: dict[str, list[Import]] = {BARE: [], OURS: []}
    for names in IMPORTS.values():
        _python("-c", PROBE.format(imports=names))
    for _ in range(rounds):
        for who, names in IMPORTS.items():
            seconds, cpu, peak, modules = json.loads(_python("-c", PROBE.format(imports=names)))
            seen[who].append(Import(seconds, cpu, peak, frozenset(modules)))
    return seen


def first_answers(rounds: int) -> dict[str, list[float]]:
    """Seconds from the first line of a fresh process to its app's first answer over HTTP's function, in turn."""

    async def accept(request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["id"]}, status=202)

    async def unknown(_: web.Request) -> web.Response:
        return web.Response(status=404)

    hub = web.Application()
    hub.router.add_get("/durabletask/instances/{id}", unknown)  # ours asks first whether one runs
    hub.router.add_post("/durabletask/orchestrators/{name}/{id}", accept)
    with closing(BackgroundServers()) as servers:
        binding = client_binding(servers.serve(hub))
        seen: dict[str, list[float]] = {BARE: [], OURS: []}
        for _ in range(rounds):
            for who, module in APPS.items():
                seen[who].append(float(_python("-m", "bench.first_answer", module, binding)))
    return seen


def _python(*arguments: str) -> str:
    # libraries are installed with their bytecode: where none may be written, ours alone would be compiled each time
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-W", "ignore", *arguments],
        env={**environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
