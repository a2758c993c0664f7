"""``make screenshots``: docs/page-list.png and docs/page-cancellation.png, of pages that the app has made.

Two runs on an emulated workspace are canceled through the app; what it tells of them is shown as of a workspace in
Azure, because an emulated one has no page to link to.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import requests
from playwright.sync_api import sync_playwright

from cancel_run.clock import SystemClock
from cancel_run.settings import Settings, environment
from cancel_run.triggers.http_trigger import ROUTE
from cancel_run.triggers.pages.answers import as_wanted
from cancel_run.triggers.replies import Reply
from function_app import create_app
from local_host.background import BackgroundServers
from local_host.emulators.run_life import Life, Row
from local_host.environment import complete, forget_settings
from local_host.host import LocalHost

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parent
CLOCK = SystemClock()
SIZE = {"width": 820, "height": 600}
SHOWN_AT = "https://YOUR-APP.azurewebsites.net/api/cancel-active-run"
IN_AZURE = {
    "DATABRICKS_WORKSPACES": '{"default": {"host": "https://adb-1234567890123456.7.azuredatabricks.net"}}',
    "KEY_VAULT_URI": "https://vault.example",
}
ORDERS: list[tuple[Life, dict[str, str]]] = [
    (
        Life(
            ignored_cancels=1,
            after_cancel=(
                Row("TERMINATING", seconds=6.0),
                Row("TERMINATED", result="CANCELED", message="Run cancelled."),
            ),
        ),
        {"reason": "over budget: 412 USD, the limit is 300", "requestedBy": "cost-guard"},
    ),
    (Life(may_manage=False), {"reason": "hangs for three hours", "requestedBy": "night-shift"}),
    (Life(after_cancel=(Row("TERMINATING", seconds=600.0),)), {"reason": "wrong input", "requestedBy": "ingest-team"}),
]


def main() -> int:
    """0 when both pictures are there."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("There is no Chromium on this machine.", file=sys.stderr)  # noqa: T201  # a command-line program prints
        return 1
    first, listed = _told()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        _take(browser, FOLDER / "page-cancellation.png", first, f"{SHOWN_AT}/{first['workspace']}-{first['runId']}")
        _take(browser, FOLDER / "page-list.png", listed, SHOWN_AT)
        browser.close()
    return 0


def _told() -> tuple[dict[str, Any], dict[str, Any]]:
    """What the app tells of the first cancellation, which has ended, and of all."""
    forget_settings()
    with closing(BackgroundServers()) as servers:
        emulated = complete(servers)
        assert emulated.workspace is not None  # noqa: S101  # no setting names one
        settings = {**environment(), "CANCEL_AGAIN_AFTER_SECONDS": "4"}
        with closing(LocalHost(create_app(settings), servers)) as host:
            url = f"{host.url}/api/cancel-active-run"
            ids = [emulated.workspace.add_run(life) for life, _ in ORDERS]
            for run_id, (_, order) in zip(ids, ORDERS, strict=True):
                requests.post(url, json={"runId": run_id, **order}, timeout=10)
            while "outcome" not in (first := requests.get(f"{url}/default-{ids[0]}", timeout=10).json()):
                CLOCK.sleep(0.2)
            return first, requests.get(url, timeout=10).json()


def _take(browser: Browser, picture: Path, told: dict[str, Any], url: str) -> None:
    request: Any = SimpleNamespace(url=url, headers={"Accept": "text/html"})
    page = as_wanted(request, Reply(200, told), lambda: Settings.from_environ(IN_AZURE), CLOCK, ROUTE).text()
    tab = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]  # as its documentation has it
    tab.set_content(page)
    tab.screenshot(path=str(picture), full_page=True)
    tab.close()


if __name__ == "__main__":
    sys.exit(main())
