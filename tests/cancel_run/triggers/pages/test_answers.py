"""Who gets a page and who gets JSON, what the page is sent with, and that what others wrote stays text in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.settings import Settings
from cancel_run.triggers import job_trigger
from cancel_run.triggers.http_trigger import ROUTE
from cancel_run.triggers.pages.answers import as_wanted
from cancel_run.triggers.pages.markup import document, el
from cancel_run.triggers.pages.negotiation import wants_html
from cancel_run.triggers.replies import Reply
from local_host.emulators.run_life import Life, Row
from local_host.keys import Keys
from tests.support.caller import SECONDS, cancel, post
from tests.support.job_caller import JOB, cancel_job, of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HTML = {"Accept": BROWSER}
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
URL = "https://app.example/api/cancel-active-run/prod-7"
CLOCK = SimpleNamespace(now=lambda: NOW)


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML ; Q=0.5", True),
        ("text/*", True),
        ("application/json;q=0.4, text/html;q=0.5", True),
        ("text/html, application/json", False),
        ("text/html;q=0.4, application/json;q=0.5", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=nan", False),
        ("text/html;q=2", False),
        ("*/*", False),
        ("application/problem+json", False),
        ("image/png", False),
        ("", False),
        (",;q=1,", False),
    ],
)
def test_who_prefers_html_gets_a_page_and_everybody_else_json(accept: str, *, html: bool) -> None:
    assert wants_html({"aCCept": accept}) is html
    assert not wants_html({})


@given(st.text(alphabet="texhml/*;q=.0159, ", max_size=60))
def test_no_accept_header_breaks_it(accept: str) -> None:
    assert wants_html({"Accept": accept}) in {True, False}


def looked(host: LocalHost, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{host.url}/api/cancel-active-run{path}", headers={**HTML, **headers}, timeout=SECONDS)


def test_every_page_may_load_nothing_and_is_kept_nowhere(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    cancel(host, run_id)
    pages = {path: looked(host, path) for path in ("", f"/prod-{run_id}", "/prod-404", "?status=wrong")}
    assert [page.status_code for page in pages.values()] == [200, 200, 404, 400]
    for page in pages.values():
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert policy.endswith("base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
        assert (page.headers["Referrer-Policy"], page.headers["X-Content-Type-Options"]) == ("no-referrer", "nosniff")
        assert (page.headers["Cache-Control"], page.headers["Vary"]) == ("no-store", "Accept")
        assert not re.search(r"<(?:form|button|input|script|img|link|iframe)\b|\son\w+=|\sstyle=", page.text)


def test_json_is_as_before_and_says_that_it_depends_on_accept(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    cancel(host, run_id)
    for path in ("", f"/prod-{run_id}", "/prod-404"):
        answer = requests.get(f"{host.url}/api/cancel-active-run{path}", timeout=SECONDS)
        assert answer.json()
        assert answer.headers["Vary"] == "Accept"


def test_no_page_and_no_link_on_it_has_the_key_that_opened_it(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> None:
    host = start_host(environ, keys=Keys(("the-key-itself",)))
    key, run_id = {"x-functions-key": "the-key-itself"}, workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    url = f"{host.url}/api/cancel-active-run"
    requests.post(url, json={"runId": run_id}, headers=key, timeout=SECONDS)
    for path in ("", "?status=active", f"/prod-{run_id}", "/prod-404", "?since=x"):
        code = f"{path}{'&' if '?' in path else '?'}code=the-key-itself"
        by_query, by_header = looked(host, code), looked(host, path, **key)
        assert by_query.status_code == by_header.status_code != 401
        assert "the-key-itself" not in by_query.text + by_header.text
        assert by_query.headers.get("Refresh") == by_header.headers.get("Refresh")
        assert not {"http", ";"} & set(by_query.headers.get("Refresh", "").split())  # its own address, as it was


def test_a_page_refreshes_itself_while_something_is_under_way_unless_the_reader_wants_it_to_stand(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    post(host, {"runId": run_id})
    assert int(looked(host, f"/prod-{run_id}").headers["Refresh"]) >= 5
    assert looked(host, "?status=active").headers["Refresh"] == "30"
    assert "Refresh" not in looked(host, f"/prod-{run_id}?refresh=off").headers
    assert "Refresh" not in looked(host, "?status=ended&refresh=off").headers
    ended = workspace.add_run()
    cancel(host, ended)
    assert "Refresh" not in looked(host, f"/prod-{ended}").headers
    host.endpoint.out_of_order = 503
    away = looked(host, f"/prod-{run_id}")
    host.endpoint.out_of_order = None
    assert (away.status_code, away.headers["Refresh"]) == (503, "10")


# -- what others wrote -----------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """The elements with their attributes, and the texts, as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def page_of(body: dict[str, Any], status_code: int = 200, url: str = URL, route: str = ROUTE) -> str:
    def settings() -> Settings:
        host = "https://adb-1234567890123456.7.azuredatabricks.net"
        return Settings.from_environ(
            {"DATABRICKS_WORKSPACES": f'{{"prod": {{"host": "{host}"}}}}', "KEY_VAULT_URI": "https://v.example"}
        )

    request: Any = SimpleNamespace(url=url, headers=HTML)
    clock: Any = CLOCK
    return as_wanted(request, Reply(status_code, body), settings, clock, route).text()


def test_the_list_does_not_say_that_nothing_is_under_way_where_it_has_not_looked_at_all() -> None:
    url = "https://app.example/api/cancel-active-run?status=active"
    listed = {"cancellations": [], "jobs": [], "more": False, "next": None}
    assert "Nothing is under way." in page_of(listed, url=url)
    told = page_of({**listed, "more": True, "next": f"{url}&until=2026-01-31"}, url=url)
    assert "Nothing is under way." not in told
    assert "look at the older ones" in told


def test_who_asks_for_what_nobody_began_is_told_what_the_address_should_be() -> None:
    refusal = {"title": "Not Found", "detail": "", "problems": []}
    assert "a hyphen and the run id" in page_of(refusal, 404)
    job = page_of(refusal, 404, "https://app.example/api/cancel-active-runs/prod-5", job_trigger.ROUTE)
    assert "~job- and the job id" in job


@pytest.mark.parametrize(("stopped", "which"), [(True, False), (False, True)])
def test_of_more_runs_than_the_order_takes_the_page_says_to_ask_again(*, stopped: bool, which: bool) -> None:
    run = {"runId": 7, "outcome": "canceled" if stopped else "timedOut", "stopped": stopped}
    result = {"jobId": JOB, "outcome": "notStopped", "truncated": True, "runs": [run]}
    told = page_of(result, url=f"https://app.example/api/cancel-active-runs/prod~job-{JOB}", route=job_trigger.ROUTE)
    assert "Ask again for the job for the next of them" in told
    assert ("the list below tells which" in told) is which


def test_a_run_whose_cancellation_goes_on_without_the_order_of_its_job_is_not_said_to_be_over() -> None:
    run = {"runId": 7, "outcome": "timedOut", "stopped": False, "error": {"code": "StillUnderWay", "message": ""}}
    result = {"jobId": JOB, "outcome": "notStopped", "runs": [run]}
    told = page_of(result, url=f"https://app.example/api/cancel-active-runs/prod~job-{JOB}", route=job_trigger.ROUTE)
    assert "Goes on" in told
    assert "the wait is over" not in told


def test_the_page_of_an_order_under_way_and_its_line_say_who_asked_and_why() -> None:
    asked = {"jobId": JOB, "workspace": "prod", "reason": "over budget", "requestedBy": "cost-guard", "outcome": None}
    job = page_of(asked, 202, f"https://app.example/api/cancel-active-runs/prod~job-{JOB}", job_trigger.ROUTE)
    line = page_of({"cancellations": [], "jobs": [asked], "more": False, "next": None})
    for told in (job, line):
        assert "over budget" in told
        assert "cost-guard" in told


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</style><script>alert(1)</script>",
            "</title></head><body onload=alert(1)>",
            "&lt;b&gt; &#60; &amp",
            "javascript:alert(1)",
            "a\u202eb\ud800\x00\x1b[31m",
            "<!--",
            "]]>",
        ]
    ),
)
ANY = st.one_of(HOSTILE, st.none(), st.integers(), st.lists(HOSTILE, max_size=2), st.dictionaries(HOSTILE, HOSTILE))
KEYS = [
    "outcome",
    "runId",
    "workspace",
    "reason",
    "requestedBy",
    "startedBy",
    "finalLifeCycleState",
    "resultState",
    "stateMessage",
    "runPageUrl",
    "jobId",
    "runName",
    "trigger",
    "cancelRequestedAt",
    "endedAt",
    "polls",
    "timeline",
    "sentAt",
    "error",
    "progress",
    "instanceId",
    "statusUrl",
    "startedAt",
    "lifeCycleState",
    "errorCode",
    "fromQueue",
    "runtimeStatus",
]
TOLD = st.dictionaries(st.sampled_from(KEYS), ANY).map(lambda told: {"runId": 7, **told})
KNOWN = {
    "nav",
    "title",
    "dd",
    "p",
    "body",
    "html",
    "footer",
    "head",
    "tr",
    "ul",
    "table",
    "tbody",
    "h1",
    "g",
    "code",
    "meta",
    "main",
    "td",
    "thead",
    "desc",
    "text",
    "li",
    "caption",
    "a",
    "svg",
    "header",
    "line",
    "time",
    "rect",
    "h2",
    "th",
    "circle",
    "style",
    "dl",
    "dt",
    "section",
    "span",
}


@given(told=TOLD, kind=st.sampled_from(["list", "run", "job"]))
def test_whatever_others_wrote_is_text_on_the_page(told: dict[str, Any], kind: str) -> None:
    body = told
    if kind == "list":
        body = {"cancellations": [told], "more": False, "next": None}
    elif kind == "job":
        body = {**told, "jobId": told.pop("runId"), "runs": [dict(told)]}
    page = read(page_of(body))
    assert {tag for tag, _ in page.elements} <= KNOWN
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
        href = attributes.get("href")
        assert href is None or tag == "a"
        assert href is None or re.match(r"/api/cancel-active-run|\?|https://adb-1234567890123456\.7\.azuredatab", href)


@given(HOSTILE, HOSTILE)
def test_a_text_in_the_tree_is_read_as_it_was_written(text: str, other: str) -> None:
    from cancel_run.text import one_line  # noqa: PLC0415  # what the builder says that it does

    page = read(document(el("p", text, el("b", other), title=text)))
    assert [tag for tag, _ in page.elements] == ["p", "b"]
    assert " ".join(page.text.split()) == " ".join(f"{one_line(text, 2000)}{one_line(other, 2000)}".split()) or (
        text[-1:] == " "
    )


def test_the_link_to_databricks_is_made_of_the_settings_and_of_nothing_that_was_told() -> None:
    told = {"runId": 7, "workspace": "prod", "outcome": "canceled", "jobId": 11, "runPageUrl": "https://evil.example/"}
    links = [one["href"] for tag, one in read(page_of(told)).elements if tag == "a"]
    of = "https://adb-1234567890123456.7.azuredatabricks.net/jobs/11/runs/7?o=1234567890123456"
    assert links == ["/api/cancel-active-run", of]
    assert "evil.example" not in page_of(told)
    assert "azuredatabricks" not in page_of({**told, "workspace": "another"}) + page_of({**told, "jobId": None})


def test_the_page_of_a_job_leads_to_each_of_its_runs(host: LocalHost, workspace: JobsApi) -> None:
    runs = [workspace.add_run(of()), workspace.add_run(of(may_manage=False))]
    result = cancel_job(host)
    url = f"{host.url}/api/cancel-active-runs/prod~job-{JOB}"
    page = requests.get(url, headers=HTML, timeout=SECONDS)
    links = {one["href"] for tag, one in read(page.text).elements if tag == "a"}
    assert links == {"/api/cancel-active-run", *(f"/api/cancel-active-run/prod-{run_id}" for run_id in runs)}
    assert result["outcome"] == "notStopped"
    assert "Not all stopped" in page.text
    (listed,) = [
        one for tag, one in read(looked(host, "").text).elements if tag == "a" and "-runs/" in str(one["href"])
    ]
    assert listed["href"] == f"/api/cancel-active-runs/prod~job-{JOB}"
    assert page.headers["Vary"] == "Accept"
