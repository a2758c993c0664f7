"""The OpenAPI document is valid, and it says the truth: Schemathesis tries the served app against it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from cancel_run.triggers import openapi
from local_host.emulators.run_life import Life, Row
from local_host.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost


def test_the_document_is_valid_openapi() -> None:
    validate(openapi.document("https://app.example/api"))


def test_behind_entra_the_document_asks_for_a_token_and_for_no_key() -> None:
    document = openapi.document("https://app.example/api", behind_entra=True)
    validate(document)
    assert [one["type"] for one in document["components"]["securitySchemes"].values()] == ["oauth2"]
    assert document["security"] == [{"entra": []}]


def test_the_document_names_the_server_as_the_caller_sees_it(host: LocalHost, workspace: JobsApi) -> None:
    seen = {"X-Forwarded-Proto": "https", "DISGUISED-HOST": "cancel.example"}
    served = requests.get(f"{host.url}/api/openapi.json", headers=seen, timeout=10).json()
    assert served["servers"] == [{"url": "https://cancel.example/api"}]
    assert served == openapi.document("https://cancel.example/api", ["prod"], [workspace.url])


def test_a_location_behind_a_proxy_is_absolute_and_the_proxys(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    seen = {"X-Forwarded-Proto": "https", "DISGUISED-HOST": "cancel.example"}
    accepted = requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, headers=seen, timeout=10)
    assert accepted.headers["Location"] == f"https://cancel.example/api/cancel-active-run/prod-{run_id}"
    host.engine.wait_until_ended(f"prod-{run_id}", 10)


def test_a_host_that_a_caller_claims_gets_neither_the_location_nor_the_key_in_it(
    host: LocalHost, workspace: JobsApi
) -> None:
    run_id = workspace.add_run()
    claimed = {"X-Forwarded-Host": "elsewhere.example", "Forwarded": "host=elsewhere.example"}
    url = f"{host.url}/api/cancel-active-run?code=key"
    accepted = requests.post(url, json={"runId": run_id}, headers=claimed, timeout=10)
    assert accepted.headers["Location"] == f"{host.url}/api/cancel-active-run/prod-{run_id}?code=key"
    host.engine.wait_until_ended(f"prod-{run_id}", 10)


def test_every_route_of_the_app_is_in_the_document(host: LocalHost) -> None:
    routes = {
        f"/{function.get_trigger().route}"
        for function in host.functions
        if function.get_trigger().type == "httpTrigger"
    }
    assert routes == set(openapi.document("")["paths"])


def test_the_outputs_of_real_cancellations_are_results_as_documented(host: LocalHost, workspace: JobsApi) -> None:
    document = openapi.document("")
    schema = {**document["components"]["schemas"]["Result"], "components": document["components"]}
    for run_id in (workspace.add_run(), workspace.add_run(Life((Row("SKIPPED"),))), 7):
        requests.post(f"{host.url}/api/cancel-active-run", json={"runId": run_id}, timeout=10)
        output = host.engine.wait_until_ended(f"prod-{run_id}", 10).output
        OAS30Validator(schema).validate(output)
        assert list(output) == [key for key in schema["properties"] if key != "tokenExpiresAt"]


def test_schemathesis_finds_nothing(
    start_host: Callable[..., LocalHost], environ: dict[str, str], tmp_path: Path
) -> None:
    host = start_host(environ, outputs={"queue": lambda *_: None}, keys=Keys(("a-key",)))
    done = subprocess.run(  # noqa: S603  # an installed tool, at our own server
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{host.url}/api/openapi.json",
            "--generation-deterministic",
            "--max-examples=20",
            "--header=x-functions-key: a-key",
            # a 500 with a documented body is what a caller may ask for; one without is found by its content type
            # to a method that is not there at all, as TRACE, the Functions host answers 404
            "--exclude-checks=not_a_server_error,unsupported_method",
            "--no-color",
        ],
        cwd=tmp_path,  # it leaves a folder of notes
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d\d+ generated", done.stdout), done.stdout
