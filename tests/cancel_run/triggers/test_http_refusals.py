"""What the HTTP triggers refuse, and with which problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from local_host.emulators.run_life import Life, Row
from tests.support.caller import SECONDS, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


def test_every_problem_of_a_request_is_told_in_one_answer(host: LocalHost) -> None:
    order = {"runId": True, "workspace": "https://evil.example", "token": "dapi-x", "colour": "red", "reason": "a\nb"}
    refused = post(host, order)
    assert refused.status_code == 400
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert len(refused.json()["problems"]) == len(order)
    assert "dapi-x" not in refused.text


@pytest.mark.parametrize("flag", ["yes", "1", ""])
def test_a_flag_in_the_query_that_is_neither_true_nor_false_is_refused_by_both_doors(
    flag: str, host: LocalHost
) -> None:
    query = f"?returnInternalServerErrorOnFailure={flag}"
    assert post(host, {"runId": 1}, query).status_code == 400
    assert requests.get(f"{host.url}/api/cancel-active-run/prod-1{query}", timeout=SECONDS).status_code == 400


def test_a_workspace_that_the_settings_do_not_know_is_refused_by_name(host: LocalHost) -> None:
    refused = post(host, {"runId": 1, "workspace": "staging"})
    assert refused.status_code == 400
    assert refused.json()["problems"] == ["No workspace is called 'staging' here; the settings name: prod."]


@pytest.mark.parametrize(
    ("method", "body", "media_type", "status_code"),
    [
        ("PUT", b"", "application/json", 405),
        ("POST", b"{}", "text/plain", 415),
        ("POST", b"{}", "application/json", 400),
        ("POST", b"", "application/json", 400),
        ("POST", b"not json", "application/json", 400),
        ("POST", b'{"runId": 1, "runId": 2}', "application/json", 400),
        ("POST", b'{"runId": NaN}', "application/json", 400),
        ("POST", b"[1]", "application/json", 400),
        ("POST", b"[" * 60_000, "application/json", 400),
        ("POST", b'{"runId": ' + b"9" * 50_000 + b"}", "application/json", 400),
        ("POST", b"\xff\xfe", "application/json", 400),
        ("POST", b'{"runId": 1, "reason": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_what_cannot_be_taken_is_refused_as_a_problem(
    method: str, body: bytes, media_type: str, status_code: int, host: LocalHost
) -> None:
    answer = requests.request(
        method,
        f"{host.url}/api/cancel-active-run",
        data=body,
        headers={"Content-Type": media_type},
        timeout=SECONDS,
    )
    assert answer.status_code == status_code
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert host.engine.instances() == []


@pytest.mark.parametrize("route", ["cancel-active-run", "alerts"])
def test_a_body_whose_length_is_not_told_is_refused_and_the_header_is_named(route: str, host: LocalHost) -> None:
    headers = {"Content-Type": "application/json"}
    chunked = iter([b'{"run', b'Id": 1}'])
    refused = requests.post(f"{host.url}/api/{route}", data=chunked, headers=headers, timeout=SECONDS)
    assert refused.status_code == 411
    assert "Content-Length" in refused.json()["detail"]


def test_wrong_settings_are_told_to_the_caller_by_key_and_nothing_is_started(
    start_host: Callable[..., LocalHost],
) -> None:
    host = start_host({"KEY_VAULT_URI": "http://vault.example", "JOBS_API_VERSION": "3"})
    refused = post(host, {"runId": 1})
    assert refused.status_code == 500
    named = " ".join(refused.json()["problems"])
    assert all(key in named for key in ("DATABRICKS_HOST", "KEY_VAULT_URI", "JOBS_API_VERSION"))
    assert host.engine.instances() == []


@pytest.mark.parametrize("out_of_order", [0, 400, 404, 500, 503])
def test_a_task_hub_that_cannot_be_reached_is_503_at_every_endpoint_and_nothing_is_half_started(
    out_of_order: int, host: LocalHost, workspace: JobsApi
) -> None:
    begun = workspace.add_run(Life(after_cancel=(Row("TERMINATING"),)))
    post(host, {"runId": begun})
    host.endpoint.out_of_order = out_of_order
    refused = [post(host, {"runId": run_id}) for run_id in (workspace.add_run(), begun)]
    looked = [requests.get(f"{host.url}/api/cancel-active-run/prod-{n}", timeout=SECONDS) for n in (begun, 404)]
    host.endpoint.out_of_order = None
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused + looked] == [(503, "10")] * 4
    assert [instance.instance_id for instance in host.engine.instances()] == [f"prod-{begun}"]
