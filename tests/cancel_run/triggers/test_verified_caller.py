"""Who calls is believed only where Microsoft Entra stands in front: elsewhere anybody can send its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.support.caller import SECONDS, result_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

NAME, ID = "X-MS-CLIENT-PRINCIPAL-NAME", "X-MS-CLIENT-PRINCIPAL-ID"


@pytest.mark.parametrize(
    ("level", "headers", "started_by"),
    [
        ("anonymous", {NAME: "ann@example.com", ID: "1-2-3"}, "ann@example.com (1-2-3)"),
        ("anonymous", {ID: "1-2-3"}, "1-2-3"),
        ("anonymous", {}, None),
        ("function", {NAME: "ann@example.com", ID: "1-2-3"}, None),
    ],
)
def test_the_verified_caller_is_in_the_result(
    level: str,
    headers: dict[str, str],
    started_by: str | None,
    start_host: Callable[..., LocalHost],
    environ: dict[str, str],
    workspace: JobsApi,
) -> None:
    host = start_host({**environ, "HTTP_AUTH_LEVEL": level})
    order = {"runId": workspace.add_run(), "requestedBy": "somebody else"}
    requests.post(f"{host.url}/api/cancel-active-run", json=order, headers=headers, timeout=SECONDS)
    result = result_of(host, order["runId"])  # type: ignore[arg-type]  # an id
    assert (result["startedBy"], result["requestedBy"]) == (started_by, "somebody else")
