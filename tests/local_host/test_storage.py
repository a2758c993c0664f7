"""A storage that is not there: POST /api/alerts says so at once, as a problem and not as a traceback."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING

import pytest
import requests

from local_host.queue_output import no_queue, write_to_queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.host import LocalHost

GONE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YWI=;QueueEndpoint=http://127.0.0.1:9/a;"


@pytest.mark.parametrize(
    ("write", "said"), [(no_queue, "set AzureWebJobsStorage"), (functools.partial(write_to_queue, GONE), "not answer")]
)
def test_an_alert_that_cannot_be_kept_is_a_problem_that_names_the_reason(
    write: Callable[..., None],
    said: str,
    start_host: Callable[..., LocalHost],
    environ: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = start_host(environ, outputs={"queue": write})
    started = time.monotonic()
    answer = requests.post(f"{host.url}/api/alerts", json={"runId": 7}, timeout=30)
    assert time.monotonic() - started < 5
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (500, "application/problem+json")
    assert said in answer.json()["detail"]
    told = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.exc_info for record in told] == [None]
