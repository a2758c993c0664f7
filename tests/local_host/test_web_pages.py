"""A page that is open in a browser of this machine cannot cancel runs through a host that asks for no key."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
import requests

from local_host.host import LocalHost
from local_host.keys import Keys
from tests.support.http_app import SECONDS, call, create_app

if TYPE_CHECKING:
    from local_host.background import BackgroundServers

FROM_A_PAGE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example:80"},
    {"Host": "127.0.0.1.evil.example:80"},
    {"Host": "[::2]:80"},
]


@pytest.mark.parametrize("headers", FROM_A_PAGE)
def test_what_a_web_page_sends_is_refused_with_the_reason(headers: dict[str, str], local: LocalHost) -> None:
    answer = call("PUT", local, "/api/same", data=b"x", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (403, "application/problem+json")
    assert answer.json()["detail"]


@pytest.mark.parametrize("headers", [{}, {"Host": "localhost:80"}, {"Host": "[::1]:80"}, {"Sec-Fetch-Site": "none"}])
def test_a_program_of_this_machine_is_not_refused(headers: dict[str, str], local: LocalHost) -> None:
    assert call("PUT", local, "/api/same", data=b"x", headers=headers).status_code == 200
    assert call("GET", local, "/api/same", headers={**headers, "Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_the_durable_endpoint_refuses_pages_too(local: LocalHost) -> None:
    url = json.loads(local.client_binding)["rpcBaseUrl"] + "orchestrators/give_back/from-a-page"
    assert requests.post(url, headers={"Origin": "https://evil.example"}, timeout=SECONDS).status_code == 403


def test_who_shows_a_key_may_come_from_anywhere(servers: BackgroundServers) -> None:
    with contextlib.closing(LocalHost(create_app(), servers, keys=Keys(("k",)))) as host:
        for headers in FROM_A_PAGE:
            shown = {"x-functions-key": "k", **headers}
            assert call("PUT", host, "/api/same", data=b"x", headers=shown).status_code == 200
