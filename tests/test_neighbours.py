"""One bad workspace: a healthy one's cancellations do not wait for it, and its own go on when it is well again.

There is no time in these tests: A is let go when B has stopped, so that a B that waited for A would never end.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.settings import Settings
from local_host.emulators.faults import Fault, json_fault
from local_host.emulators.run_life import canceling
from local_host.emulators.workspace import JobsApi
from local_host.engine.engine import ACTIVITY_THREADS
from local_host.engine.worker import TURN_THREADS
from tests.support.raw_server import RawConnection, RawServer
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_host.background import BackgroundServers
    from local_host.emulators.key_vault import KeyVault
    from local_host.host import LocalHost

IN_FLIGHT = 2 * ACTIVITY_THREADS  # on A: more than there are threads
OF_B = 3
ENDS_SECONDS = 60.0  # the longest that a test waits for anything
LONGER_SECONDS = "100"  # than any test: nothing on A ends because time is up
ORCHESTRATOR = "cancel-active-run"


@dataclass
class Scene:
    """A host with two workspaces; A's secret is its own."""

    host: LocalHost
    a: JobsApi
    b: JobsApi
    vault: KeyVault
    places: int

    def begin(self, alias: str, run_ids: list[int]) -> list[str]:
        """The instances that cancel these runs."""
        ids = [f"{alias}-{run_id}" for run_id in run_ids]
        for run_id, instance_id in zip(run_ids, ids, strict=True):
            order = {"runId": run_id, "workspace": alias, "waitTimeoutSeconds": 600}
            self.host.engine.start(ORCHESTRATOR, instance_id, order)
        return ids

    def end(self, instance_ids: list[str]) -> list[Any]:
        """How each ended."""
        ended = [self.host.engine.wait_until_ended(instance_id, ENDS_SECONDS) for instance_id in instance_ids]
        return [instance.output["outcome"] for instance in ended]


@pytest.fixture
def a(servers: BackgroundServers) -> Iterator[JobsApi]:
    emulated = JobsApi(TOKEN)
    emulated.url = f"http://127.0.0.1:{servers.serve(emulated.app)}"
    yield emulated
    emulated.faults.release()


@pytest.fixture
def set_scene(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi, a: JobsApi, vault: KeyVault
) -> Callable[..., Scene]:
    def scene(host_of_a: str = a.url) -> Scene:
        table = {"a": {"host": host_of_a, "tokenSecret": "token-of-a"}, "b": {"host": workspace.url}}
        vault.set_secret("token-of-a", TOKEN)
        settings = {**environ, "DATABRICKS_WORKSPACES": json.dumps(table), "HTTP_TIMEOUT_SECONDS": LONGER_SECONDS}
        places = Settings.from_environ(settings).places_of_a_workspace
        return Scene(start_host(settings), a, workspace, vault, places)

    return scene


def hangs(scene: Scene) -> None:
    for operation in ("get", "cancel"):
        scene.a.faults.fail(operation, Fault(hang=True), None)


def throttles(scene: Scene) -> None:
    for operation in ("get", "cancel"):
        scene.a.faults.fail(operation, json_fault(429, {"error_code": "BUSY"}, Retry_After="1"), None)


def has_no_secret(scene: Scene) -> None:
    scene.vault.faults.fail("secret token-of-a", Fault(hang=True), None)


def heal(scene: Scene) -> None:
    for faults in (scene.a.faults, scene.vault.faults):
        for operation in ("get", "cancel", "secret token-of-a"):
            faults.heal(operation)
        faults.release()


@pytest.mark.parametrize("trouble", [hangs, throttles, has_no_secret])
def test_a_healthy_workspace_does_not_wait_for_one_that(
    trouble: Callable[[Scene], None], set_scene: Callable[..., Scene]
) -> None:
    scene = set_scene()
    before = threading.active_count()
    trouble(scene)
    of_a = scene.begin("a", [scene.a.add_run(canceling(0.1)) for _ in range(IN_FLIGHT)])
    if trouble is hangs:
        scene.a.faults.wait_for("get", scene.places)
    elif trouble is throttles:
        scene.a.faults.wait_for("get", 1)
    else:
        scene.vault.faults.wait_for("secret token-of-a", 1)
    of_b = scene.begin("b", [scene.b.add_run(canceling(0.5)) for _ in range(OF_B)])

    assert scene.end(of_b) == ["canceled"] * OF_B
    assert scene.a.count("cancel") == 0  # all of A's are where they were
    if trouble is hangs:
        assert scene.a.faults.met["get"] == scene.places
    assert threading.active_count() <= before + ACTIVITY_THREADS + TURN_THREADS

    heal(scene)
    if trouble is throttles:
        scene.a.wait_for(lambda a: a.count("cancel") > 0, ENDS_SECONDS)  # how soon the rest: test_pacing.py
    else:
        assert scene.end(of_a) == ["canceled"] * IN_FLIGHT


def test_a_healthy_workspace_does_not_wait_for_one_that_drips(set_scene: Callable[..., Scene]) -> None:
    full, over = threading.Event(), threading.Event()

    def drip(connection: RawConnection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
        if connection.number == scene.places:
            full.set()
        while not over.wait(0.05):
            connection.send(b"x")

    with RawServer(drip) as dripping:
        scene = set_scene(dripping.url)
        scene.begin("a", list(range(1, IN_FLIGHT)))
        assert full.wait(ENDS_SECONDS)
        of_b = scene.begin("b", [scene.b.add_run(canceling(0.5)) for _ in range(OF_B)])
        assert scene.end(of_b) == ["canceled"] * OF_B
        assert dripping.connections == scene.places
        over.set()
