"""The scene of the tests: emulated services on real sockets, and apps made from explicit settings."""

from __future__ import annotations

import contextlib
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.identity  # noqa: F401  # here, so that the deadline of no test pays for its long import
import azure.keyvault.secrets  # noqa: F401  # the same
import pytest
from azure.durable_functions.models.utils import http_utils

from function_app import create_app
from local_host.background import LOOPBACK, BackgroundServers
from local_host.emulators.certificates import Certificates
from local_host.emulators.key_vault import KeyVault, ManagedIdentity
from local_host.emulators.workspace import JobsApi
from local_host.host import LocalHost
from tests.support.app_settings import with_short_waits
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# a proxy in the shell has nothing to do with the tests, unless they go to a host elsewhere through it
for variable in [] if os.environ.get("LIVE_BASE") else [key for key in os.environ if key.lower().endswith("_proxy")]:
    del os.environ[variable]

# what a session has served is served to its end, and many shells give a process 1024 open files, or 256
OPEN_FILES = 8192
allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
if 0 <= allowed < OPEN_FILES:  # less than 0 is no limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, most) if most >= 0 else OPEN_FILES, most))

pytest_plugins = ["tests.support.soak", "tests.support.azurite", "tests.support.http_action", "tests.support.browser"]


@pytest.fixture(scope="session")
def servers() -> Iterator[BackgroundServers]:
    with contextlib.closing(BackgroundServers()) as running:
        yield running
        running.run(http_utils._close_session())  # noqa: SLF001  # as LocalHost.close does, for all of them at once


@pytest.fixture(scope="session")
def closing() -> Iterator[ThreadPoolExecutor]:
    """Closes engines beside the next tests: each waits for its activities under way, and there are many."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """One authority for the session: Azure's clients and requests read the bundle's path from the environment."""
    authority = Certificates()
    bundle = tmp_path_factory.mktemp("certificates") / "bundle.pem"
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    authority.write_bundle(Path(bundle), beside=before)
    os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)
    yield authority
    if before is None:
        del os.environ["REQUESTS_CA_BUNDLE"]
    else:
        os.environ["REQUESTS_CA_BUNDLE"] = before


@pytest.fixture
def identity(servers: BackgroundServers, monkeypatch: pytest.MonkeyPatch) -> ManagedIdentity:
    """App Service's identity endpoint, found by Azure's clients through the variables that App Service sets."""
    endpoint = ManagedIdentity()
    endpoint.url = f"http://{LOOPBACK}:{servers.serve(endpoint.app)}"
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", endpoint.header)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    return endpoint


@pytest.fixture
def vault(servers: BackgroundServers, certificates: Certificates, identity: ManagedIdentity) -> Iterator[KeyVault]:
    """Key Vault with the token in it; its URL is its ``uri``."""
    emulated = KeyVault(identity)
    emulated.uri = f"https://{LOOPBACK}:{servers.serve(emulated.app, tls=certificates.server_context())}"
    emulated.set_secret(SECRET, TOKEN)
    yield emulated
    emulated.faults.release()
    identity.faults.release()


@pytest.fixture
def workspace(servers: BackgroundServers) -> Iterator[JobsApi]:
    """A Databricks workspace that takes the token; its URL is its ``url``."""
    emulated = JobsApi(TOKEN)
    emulated.url = f"http://{LOOPBACK}:{servers.serve(emulated.app)}"
    yield emulated
    emulated.faults.release()


@pytest.fixture
def environ(workspace: JobsApi, vault: KeyVault) -> dict[str, str]:
    """App settings for these services."""
    return with_short_waits(workspace.url, vault.uri)


@pytest.fixture
def start_host(servers: BackgroundServers, closing: ThreadPoolExecutor) -> Iterator[Callable[..., LocalHost]]:
    """Starts the app with given settings; whatever was started is closed after the test."""
    started: list[LocalHost] = []

    def start(environ: dict[str, str], **options: Any) -> LocalHost:
        started.append(LocalHost(create_app(environ), servers, **options))
        return started[-1]

    yield start
    for host in started:
        closing.submit(host.engine.close)


@pytest.fixture
def host(start_host: Callable[..., LocalHost], environ: dict[str, str]) -> LocalHost:
    return start_host(environ, outputs={"queue": lambda *_: None})  # what is written to the queue is nobody's here
