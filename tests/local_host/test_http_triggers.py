"""Functions of the local host over HTTP: what they are given, and what becomes of what they give."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from local_host.http_triggers import HttpTriggers, UnsupportedRouteError
from tests.support.caller import SECONDS
from tests.support.http_app import WRITTEN, call, create_app

if TYPE_CHECKING:
    from local_host.host import LocalHost


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_function_gets_the_request_as_it_was_sent(method: str, local: LocalHost) -> None:
    path = "/api/echo/one/and/t%20wo?code=a%2Bb&empty="
    answer = call(method, local, path, data="body ä".encode(), headers={"X-Asked": "yes"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "method": method,
        "url": f"{local.url}{path}",
        "header": "yes",
        "params": {"code": "a+b", "empty": ""},
        "routeParams": {"first": "one", "second": "t wo"},
        "body": "body ä",
    }


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"Host": "localhost:8443"}, "http://localhost:8443"),
        ({"DISGUISED-HOST": "cancel.example", "X-Forwarded-Proto": "https"}, "https://cancel.example"),
    ],
)
def test_the_url_that_a_function_sees_is_the_one_that_the_caller_used(
    headers: dict[str, str], origin: str, local: LocalHost
) -> None:
    assert call("GET", local, "/api/echo/a/and/b", headers=headers).json()["url"] == f"{origin}/api/echo/a/and/b"


def test_head_is_answered_without_a_body(local: LocalHost) -> None:
    answer = call("HEAD", local, "/api/echo/a/and/b")
    assert (answer.status_code, answer.content) == (200, b"")


def test_functions_share_a_route_by_method_and_for_other_methods_there_is_nobody(local: LocalHost) -> None:
    assert call("GET", local, "/api/same").text == "GET"
    assert call("PUT", local, "/api/same", data=b"x" * 1024 * 1024).text == "PUT of 1048576"
    assert call("DELETE", local, "/api/same").status_code == 404


@pytest.mark.parametrize("path", ["/", "/api", "/same", "/api/nobody", "/api/echo/a/and/", "/durabletask/instances/"])
def test_an_unknown_route_is_404(path: str, local: LocalHost) -> None:
    assert call("GET", local, path).status_code == 404


def test_a_response_keeps_its_status_code_bytes_type_and_every_header(local: LocalHost) -> None:
    answer = call("GET", local, "/api/headers")
    assert (answer.status_code, answer.content) == (418, b"\xff\x00")
    assert (answer.headers["Content-Type"], answer.headers["X-One"]) == ("image/png", "1")
    assert answer.raw.headers.getlist("Link") == ["<a>", "<b>"]


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/api/text", "text/plain; charset=latin-1", "ä".encode("latin-1")),
        ("/api/problem", "application/problem+json", b"{}"),
        ("/api/same", "text/plain; charset=utf-8", b"GET"),
    ],
)
def test_the_content_type_is_the_one_that_azures_worker_would_give(
    path: str, media_type: str, body: bytes, local: LocalHost
) -> None:
    answer = call("GET", local, path)
    assert (answer.headers["Content-Type"], answer.content) == (media_type, body)


def test_no_content_is_no_content(local: LocalHost) -> None:
    answer = call("GET", local, "/api/nothing")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("wrong", "wrong returned dict instead of an HttpResponse"),
        ("broken", "a secret of the function"),
        ("blob?write", "blob: blob"),
    ],
)
def test_a_function_that_fails_is_500_with_no_word_to_the_caller_and_one_in_the_log(
    name: str, logged: str, local: LocalHost, caplog: pytest.LogCaptureFixture
) -> None:
    answer = call("GET", local, f"/api/{name}")
    assert (answer.status_code, answer.content) == (500, b"")
    record = next(record for record in caplog.records if record.name == "local_host")
    assert record.levelno == logging.ERROR
    assert logged in f"{record.getMessage()} {record.exc_text}"


@pytest.mark.parametrize("value", ["one", ["one", "two"], {"a": 1}, [], 0])
def test_what_a_function_writes_to_a_queue_is_handed_on(value: Any, local: LocalHost) -> None:
    WRITTEN.clear()
    assert call("POST", local, "/api/write", data=json.dumps(value)).text == "written"
    assert [("orders", value)] == WRITTEN


def test_what_was_not_written_is_not_handed_on(local: LocalHost) -> None:
    WRITTEN.clear()
    assert call("POST", local, "/api/write", data="null").text == "written"
    assert WRITTEN == []


def test_an_output_that_nobody_takes_does_no_harm_while_nothing_is_written_to_it(local: LocalHost) -> None:
    assert call("GET", local, "/api/blob").text == "nothing was written"


def test_the_routes_have_the_prefix_that_host_json_gives_them() -> None:
    functions = [one for one in create_app().get_functions() if one.get_function_name() == "nothing"]

    async def nobody(*_: Any) -> None: ...

    for prefix, path in (("api", "/api/nothing"), ("", "/nothing"), ("/v1/x/", "/v1/x/nothing")):
        (route,) = HttpTriggers(functions, nobody, prefix=prefix).routes
        assert route.path.fullmatch(path)
        assert not route.path.fullmatch(f"/other{path}")


@pytest.mark.parametrize("route", ["{id:int}", "{id?}", "{*rest}"])
def test_a_route_that_would_be_misunderstood_is_refused(route: str) -> None:
    app = df.DFApp()
    app.route(route=route)(lambda req: req)

    async def nobody(*_: Any) -> None: ...

    with pytest.raises(UnsupportedRouteError):
        HttpTriggers(app.get_functions(), nobody)


def test_an_orchestration_is_started_over_http_and_ends(local: LocalHost) -> None:
    accepted = call("POST", local, "/api/start/over-http", json={"a": ["ä", None, 2**60]})
    assert accepted.status_code == 202
    assert accepted.headers["Location"].endswith("/instances/over-http")
    ended = local.engine.wait_until_ended("over-http", SECONDS)
    assert ended.input == {"a": ["ä", None, 2**60]}
    assert ended.output == {"given": ended.input}
