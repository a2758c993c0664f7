"""Where the app under test is: the one that ``make test-live`` names, or the local host with keys on."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.azurite import AZURITE
from tests.support.live_app import App
from tests.support.serve_process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_UP_KEY = "a-key-of-the-tests+/="


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    environ = os.environ
    if base := environ.get("LIVE_BASE", "").rstrip("/"):
        run_id = environ.get("LIVE_RUN_ID")
        yield App(base, environ.get("LIVE_KEY", ""), int(run_id) if run_id else None, environ.get("LIVE_WORKSPACE"))
        return
    keys = tmp_path_factory.mktemp("live") / "keys"
    keys.write_text(f"# of the tests\n{MADE_UP_KEY}\n")
    settings = {"AzureWebJobsStorage": request.getfixturevalue("storage")} if AZURITE.exists() else {}
    with serving("--keys", str(keys), **settings, CANCEL_QUEUE_NAME=f"live-{os.getpid()}") as process:
        active = re.search(r"runs (\d+) to", "".join(process.output))
        assert active
        yield App(process.url, MADE_UP_KEY, int(active[1]), None, takes_alerts=bool(settings))
