"""What the pages say is tried as they say it: their commands against `serve`, their JSON against the triggers."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.result import Outcome
from cancel_run.triggers import openapi
from local_host.emulators.run_life import Life
from tests.support import ROOT
from tests.support.app_settings import settings_of_the_app
from tests.support.serve_process import pasted, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 30.0


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str, language: str = "json") -> list[str]:
    """The fenced blocks of a page in that language, in their order."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)
    return found


def first_column(name: str) -> set[str]:
    """What stands in backticks in the first column of the page's tables."""
    cells = re.findall(r"^\| ([^|]*) \|", page(name), re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]*)`", cell)}


# -- docs/http.md ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_curl_lines_of_the_http_page_begin_and_look() -> None:
    lines = re.findall(r"^curl .*$", page("docs/http.md"), re.MULTILINE)
    with serving() as process:
        for line in lines:
            done = pasted(line.replace("http://127.0.0.1:7071", process.url))
            assert done.stdout.startswith("HTTP/1.1 202"), line + done.stderr
    assert len(lines) == 2


def test_the_refusal_on_the_http_page_is_what_the_door_answers(host: LocalHost) -> None:
    shown = json.loads(blocks("docs/http.md")[-1])
    refused = requests.post(f"{host.url}/api/cancel-active-run", json={"jobId": 1}, timeout=SECONDS)
    assert refused.json() == shown


def test_the_answer_on_the_http_page_has_the_keys_of_the_real_one(host: LocalHost, workspace: JobsApi) -> None:
    shown = json.loads(blocks("docs/http.md")[0])
    accepted = requests.post(f"{host.url}/api/cancel-active-run", json={"runId": workspace.add_run()}, timeout=SECONDS)
    assert list(accepted.json()) == list(shown)
    host.engine.wait_until_ended(accepted.json()["instanceId"], SECONDS)


def test_the_http_page_names_every_key_of_a_request_and_every_refusal() -> None:
    paths = openapi.document("")["paths"]
    answers = {
        code for path in ("/cancel-active-run", "/cancel-active-run/{instanceId}") for code in _codes(paths[path])
    }
    told = first_column("docs/http.md")
    assert {word for word in told if word.isdigit()} == {code for code in answers if code >= "400"}
    assert {word for word in told if not word.isdigit()} == {*CancelRequest(1).to_json(), "run_id"}


def _codes(operations: dict[str, Any]) -> Iterator[str]:
    for operation in operations.values():
        yield from operation["responses"]


# -- README.md -------------------------------------------------------------------------------------------------------


def test_the_readme_names_every_setting_and_every_outcome_and_none_that_is_not_there() -> None:
    told = first_column("README.md")
    assert {word for word in told if word.isupper()} == settings_of_the_app()
    assert {word for word in told if not word.isupper() and not word.startswith("make")} == {
        "outcome",
        *(outcome.value for outcome in Outcome),
    }


# -- docs/logic-apps.md ----------------------------------------------------------------------------------------------


def fragment(text: str) -> Any:
    """A block that shows one or more keys of a larger object."""
    return json.loads(f"{{{text}}}")


@pytest.fixture
def logic_app() -> dict[str, Any]:
    """The page's two actions, by name."""
    with_identity, _with_key, condition = (fragment(block) for block in blocks("docs/logic-apps.md"))
    return {**with_identity, **condition}


def test_the_pages_action_is_taken_as_it_stands_and_its_condition_reads_the_result(
    logic_app: dict[str, Any], host: LocalHost, workspace: JobsApi
) -> None:
    inputs = logic_app["Cancel_the_run"]["inputs"]
    assert inputs["uri"].endswith(".azurewebsites.net/api/cancel-active-run")
    run_id = workspace.add_run(Life(may_manage=False))
    body = {**inputs["body"], "runId": run_id}  # its expression is the workflow engine's to work out
    uri = inputs["uri"].replace("https://YOUR-APP.azurewebsites.net", host.url)
    accepted = requests.request(inputs["method"], uri, json=body, headers=inputs["headers"], timeout=SECONDS)
    assert accepted.status_code == 202
    host.engine.wait_until_ended(f"prod-{run_id}", SECONDS)
    result = requests.get(accepted.headers["Location"], timeout=SECONDS).json()
    read = set(re.findall(r"body\('Cancel_the_run'\)\?\['(\w+)'\]", json.dumps(logic_app)))
    assert read == {"stopped", "outcome", "error"}
    assert (result["stopped"], result["outcome"], result["error"]["code"]) == (False, "rejected", "PermissionDenied")


def test_the_pages_time_limit_is_longer_than_its_wait(logic_app: dict[str, Any]) -> None:
    action = logic_app["Cancel_the_run"]
    hours = int(re.fullmatch(r"PT(\d+)H", action["limit"]["timeout"])[1])  # type: ignore[index]  # or the page is wrong
    assert hours * 3600 > action["inputs"]["body"]["waitTimeoutSeconds"]


# -- docs/security.md ------------------------------------------------------------------------------------------------


def test_the_page_on_security_names_every_role_that_the_template_gives() -> None:
    given = re.findall(r"^  '([A-Z][A-Za-z ]+)': '[0-9a-f-]{36}'$", page("infra/identity.bicep"), re.MULTILINE)
    assert len(given) > 5
    assert [role for role in given if role not in page("docs/security.md")] == []
