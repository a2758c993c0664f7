"""What can be asked of any host that runs the app, with nothing but HTTP: ``make test-live BASE=https://... KEY=...``.

It cancels nothing unless a run is given (``RUN_ID=``); ``make test`` asks the same of the local host, with keys on.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from tests.support import ROOT

if TYPE_CHECKING:
    from tests.support.live_app import App

START, ALERTS, DOCUMENT = "/api/cancel-active-run", "/api/alerts", "/api/openapi.json"
NOBODYS = f"{START}/nobody-1"
JSON = "application/json"
SECONDS = 900.0  # for a run to stop


@pytest.fixture
def guarded(app: App) -> App:
    """The app, which asks for a key."""
    if not app.key:
        pytest.skip("no KEY was given: an app that asks for none cannot be tried for it")
    return app


@pytest.fixture
def run(app: App) -> int:
    """A run that may be canceled."""
    if app.run_id is None:
        pytest.skip("no RUN_ID was given: nothing is canceled")
    return app.run_id


# -- the key -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"x-functions-key": "not-the-key"}], ids=["no key", "a wrong key"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", START), ("GET", NOBODYS), ("POST", ALERTS), ("GET", DOCUMENT), ("OPTIONS", START)],
)
def test_whoever_does_not_show_the_key_is_401(method: str, path: str, headers: dict[str, str], guarded: App) -> None:
    refused = guarded.call(method, path, headers=headers)
    assert (refused.status_code, refused.content) == (401, b"")


@pytest.mark.parametrize("query", ["code", "CODE", "Code"])
def test_the_key_may_stand_in_the_query_in_any_case(query: str, guarded: App) -> None:
    assert guarded.call("GET", DOCUMENT, headers={}, params={query: guarded.key}).status_code == 200


def test_of_two_keys_in_the_query_the_first_is_judged(guarded: App) -> None:
    keys = [("code", guarded.key), ("code", "not-the-key")]
    assert guarded.call("GET", DOCUMENT, headers={}, params=keys).status_code == 200
    assert guarded.call("GET", DOCUMENT, headers={}, params=keys[::-1]).status_code == 401


# -- what is there and what is not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status_code"), [(START, 200), (NOBODYS, 404), (f"{START}?status=x", 400)])
def test_a_browser_gets_a_page_that_may_load_nothing_and_everybody_else_json(
    path: str, status_code: int, app: App
) -> None:
    page = app.call("GET", path, headers={"Accept": "text/html", "x-functions-key": app.key})
    assert (page.status_code, page.headers["Content-Type"]) == (status_code, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (page.headers["Cache-Control"], page.headers["Vary"]) == ("no-store", "Accept")
    assert app.call("GET", path).headers["Content-Type"].partition(";")[0].endswith("json")


@pytest.mark.parametrize("path", [DOCUMENT, "/API/OpenAPI.json"])
def test_the_document_is_valid_and_names_this_app_as_its_server(path: str, app: App) -> None:
    document = app.call("GET", path).json()
    validate(document)
    assert document["servers"] == [{"url": f"{app.base}{path.rpartition('/')[0]}"}]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", START, "GET, POST"),
        ("OPTIONS", START, "GET, POST"),
        ("DELETE", NOBODYS, "GET"),
        ("PUT", DOCUMENT, "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(method: str, path: str, allowed: str, app: App) -> None:
    refused = app.call(method, path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(("method", "path"), [("TRACE", START), ("GET", "/api/nobody"), ("GET", NOBODYS)])
def test_what_is_not_there_is_404(method: str, path: str, app: App) -> None:
    assert app.call(method, path).status_code == 404


def test_head_has_no_body(app: App) -> None:
    answer = app.call("HEAD", DOCUMENT)
    assert (answer.status_code, answer.content) == (200, b"")


# -- refusals ----------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[Any, str, int]] = [
    (b"not json", JSON, 400),
    (b"", JSON, 400),
    (b'{"runId": 1, "runId": 2}', JSON, 400),
    (b"{}", "text/plain", 415),
    (b'"%s"' % (b"x" * 300_000), JSON, 413),
]


@pytest.mark.parametrize(("body", "media_type", "status_code"), REFUSED)
def test_what_cannot_be_taken_is_refused_as_a_problem(body: bytes, media_type: str, status_code: int, app: App) -> None:
    refused = app.call("POST", START, data=body, headers=_headers(app, media_type))
    assert (refused.status_code, refused.headers["Content-Type"]) == (status_code, "application/problem+json")


@pytest.mark.parametrize(("body", "media_type", "status_code"), REFUSED)
def test_an_alert_that_is_none_is_refused_too(body: bytes, media_type: str, status_code: int, app: App) -> None:
    assert app.call("POST", ALERTS, data=body, headers=_headers(app, media_type)).status_code == status_code


def test_every_problem_of_a_request_is_told_at_once(app: App) -> None:
    refused = app.call("POST", START, json={"runId": 0, "workspace": "https://x", "token": "dapi-x", "colour": "red"})
    assert refused.status_code == 400
    assert len(refused.json()["problems"]) == 4
    assert "dapi-x" not in refused.text


def test_a_body_whose_length_is_not_told_is_411(app: App) -> None:
    refused = app.call("POST", START, data=iter([b'{"runId"', b": 0}"]), headers=_headers(app))
    assert refused.status_code == 411
    assert "Content-Length" in refused.json()["detail"]


def test_a_body_of_megabytes_is_refused(app: App) -> None:
    """By the host, where FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is set; else by the app."""
    body = b'"%s"' % (b"x" * 3_000_000)
    assert app.call("POST", START, data=body, headers=_headers(app)).status_code in {500, 413}


def test_a_flag_that_is_neither_true_nor_false_is_refused_whatever_its_case(app: App) -> None:
    for flag in ("returnInternalServerErrorOnFailure", "RETURNINTERNALSERVERERRORONFAILURE"):
        assert app.call("GET", NOBODYS, params={flag: "perhaps"}).status_code == 400


# -- a run -------------------------------------------------------------------------------------------------------------


def test_a_run_is_canceled_and_stays_so_however_it_is_asked_for(app: App, run: int) -> None:
    """First by infra/smoke.sh, as after a deployment; then the result is looked at, and it is asked for again."""
    environ = {"PATH": os.environ["PATH"], "APP_URL": app.base, "FUNCTION_KEY": app.key}
    command = [str(ROOT / "infra/smoke.sh"), str(run), *([app.workspace] if app.workspace else [])]
    done = subprocess.run(  # noqa: S603  # our own script
        command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

    order = {"runId": run, "workspace": app.workspace, "reason": "make test-live"}
    query: Any = [("CODE", app.key), ("code", "not-the-key")] if app.key else []
    again = app.call("POST", "/API/Cancel-Active-Run", json=order, headers={}, params=query)
    assert again.status_code == 202
    location = again.headers["Location"].removeprefix(app.base)
    assert location.startswith("/API/cancel-active-run/"), "made from the path as it was called"
    while (looked := app.call("GET", location, headers={})).status_code == 202:  # the key is in the location
        threading.Event().wait(float(looked.headers["Retry-After"]))
    assert looked.status_code == 200
    assert (looked.json()["runId"], looked.json()["stopped"]) == (run, True)
    document = app.call("GET", DOCUMENT).json()
    schema = {**document["components"]["schemas"]["Result"], "components": document["components"]}
    OAS30Validator(schema).validate(looked.json())


def test_an_alert_that_names_a_run_is_taken(app: App, run: int) -> None:
    if not app.takes_alerts:
        pytest.skip("Azurite is not installed: the local host has no queue")
    queued = app.call("POST", ALERTS, json={"runId": run, "workspace": app.workspace})
    assert (queued.status_code, queued.json()) == (202, {"queued": True})


def _headers(app: App, media_type: str = JSON) -> dict[str, str]:
    return {"x-functions-key": app.key, "Content-Type": media_type}
