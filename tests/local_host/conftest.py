"""The local host with the app of tests/support/http_app.py."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import azure.durable_functions as df
import pytest

from local_host.host import LocalHost
from tests.support.http_app import WRITTEN, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_host.background import BackgroundServers


@pytest.fixture(scope="module")
def local(servers: BackgroundServers) -> Iterator[LocalHost]:
    outputs = {"queue": lambda binding, value: WRITTEN.append((binding["queueName"], value))}
    with contextlib.closing(LocalHost(create_app(), servers, outputs=outputs)) as host:
        yield host


@pytest.fixture(scope="module")
def client(local: LocalHost) -> df.DurableOrchestrationClient:
    """The SDK's own client, as a function is given it."""
    return df.DurableOrchestrationClient(local.client_binding)
