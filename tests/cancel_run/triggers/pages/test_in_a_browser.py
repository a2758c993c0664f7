"""The pages in a real browser: what a person sees, hears and reaches by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from local_host.emulators.run_life import Life, Row
from local_host.keys import Keys
from tests.support.browser import found_by_axe, in_a_browser, judged_by_axe
from tests.support.caller import SECONDS, cancel, post
from tests.support.job_caller import cancel_job, of, post_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page, Request

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

pytestmark = in_a_browser
FOR_EVER = Life(after_cancel=(Row("TERMINATING"),))
HOSTILE = "</p></main><script>document.title = 'owned'</script><img src='//127.0.0.1:9' onerror='document.title=0'>"


class Watched:
    """A tab that remembers what it asked for and what its console said."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", self._request)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)

    def open(self, url: str) -> Page:
        self.page.goto(url)
        return self.page


@judged_by_axe
def test_axe_finds_nothing_on_any_page_on_a_phone_in_the_dark_and_on_a_desk_by_day(
    phone: BrowserContext, desk: BrowserContext, host: LocalHost, workspace: JobsApi
) -> None:
    run_id, ended, refused = workspace.add_run(FOR_EVER), workspace.add_run(), workspace.add_run(Life(may_manage=False))
    post(host, {"runId": run_id, "reason": "over budget"})
    cancel(host, ended)
    cancel(host, refused)
    workspace.add_run(of())
    jobs = [cancel_job(host), post_job(host, only="queued").json()]
    assert jobs[0]["outcome"]
    paths = [
        "s/prod~job-5",
        "s/prod~job-5~queued",
        "s/nobody",
        "",
        f"/prod-{run_id}",
        f"/prod-{ended}",
        f"/prod-{refused}",
        "/prod-404",
        "?status=wrong",
    ]
    for context in (phone, desk):
        tab = Watched(context)
        for path in paths:
            page = tab.open(f"{host.url}/api/cancel-active-run{path}")
            assert found_by_axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert {url for url in tab.asked if not url.startswith(host.url)} == set()
        assert [line for line in tab.said if "404" not in line and "400" not in line] == []


def test_hostile_texts_are_seen_as_they_were_written_and_do_nothing(
    desk: BrowserContext, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    cancel(host, run_id, reason=HOSTILE, requestedBy=HOSTILE)
    tab = Watched(desk)
    for path in ("", f"/prod-{run_id}"):
        page = tab.open(f"{host.url}/api/cancel-active-run{path}")
        assert HOSTILE in page.inner_text("main")
        assert page.title() != "owned"
        assert page.locator("script, img").count() == 0
    assert {url for url in tab.asked if not url.startswith(host.url)} == set()
    assert tab.said == []


def test_a_page_refreshes_itself_until_the_end_however_it_was_opened(
    desk: BrowserContext,
    phone: BrowserContext,
    start_host: Callable[..., LocalHost],
    environ: dict[str, str],
    workspace: JobsApi,
) -> None:
    host = start_host(environ, keys=Keys(("a-key",)))
    stopping = (Row("TERMINATING", seconds=2.0), Row("TERMINATED", result="CANCELED"))
    run_id, key = workspace.add_run(Life(after_cancel=stopping)), {"x-functions-key": "a-key"}
    requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, headers=key, timeout=SECONDS)
    host.engine.suspend(f"prod-{run_id}", "until both pages are open")
    phone.set_extra_http_headers(key)
    url = f"{host.url}/api/cancel-active-run/prod-{run_id}"
    pages = [Watched(desk).open(f"{url}?code=a-key"), Watched(phone).open(url)]
    assert {page.inner_text(".badge") for page in pages} <= {"Under way", "Suspended"}
    host.engine.resume(f"prod-{run_id}", "both are")
    for page in pages:
        page.get_by_text("it was canceled at this app's request").wait_for(timeout=1000 * SECONDS)
        assert page.inner_text(".badge") == "Canceled"
        assert "a-key" not in page.content()


def test_the_list_leads_to_a_cancellation_and_back_by_keyboard_and_the_picture_has_its_words(
    desk: BrowserContext, host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    cancel(host, run_id)
    page = Watched(desk).open(f"{host.url}/api/cancel-active-run?status=ended")
    for _ in range(4):  # the three kinds, then the first of the list
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/prod-{run_id}")
    picture = page.get_by_role("img")
    assert "TERMINATED" in picture.locator("desc").inner_html()
    assert "TERMINATED" in page.get_by_role("table").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/cancel-active-run")
    assert str(run_id) in page.inner_text("main")
