"""What the pages say is tried as they say it: their commands against `serve`, their JSON against the triggers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cancel_run.cancellation.request import FIELDS
from cancel_run.cancellation.result import CancelResult, Outcome
from cancel_run.cancellation.run_page import RUN_PAGE
from cancel_run.triggers import openapi
from docs import picture
from local_host.emulators.run_life import Life
from tests.support import ROOT
from tests.support.bicep import source
from tests.support.page import PAGES, Page, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

SECONDS = 30.0


HTTP, LOGIC_APPS = Page("docs/http.md"), Page("docs/logic-apps.md")


# -- all pages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    for link in (one for one in Page(path).links if not one.startswith("https://")):
        file, _, fragment = link.partition("#")
        target = (ROOT / path).parent / file if file else ROOT / path
        assert target.exists(), link
        assert not fragment or fragment in Page(str(target.resolve().relative_to(ROOT))).anchors, link


@pytest.mark.parametrize("path", PAGES)
def test_no_page_uses_a_word_that_only_its_authors_know(path: str) -> None:
    private = re.compile(r"\b(?:doors?|the house|verbs|the seed|honestly|final no)\b")
    assert private.findall(Page(path).text) == []


def test_the_picture_is_the_one_that_its_text_describes() -> None:
    assert picture.svg(picture.SOURCE.read_text(encoding="utf-8")) == picture.PICTURE.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["a | b\na ->", "a | b\na -> c: to nobody", "a | b\nc: alone"])
def test_a_line_that_cannot_be_drawn_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong.splitlines()[1])):
        picture.svg(wrong)


def test_a_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name for path in PAGES for name in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", Page(path).text, re.MULTILINE)
    }
    assert named <= targets
    inner = {"another-python", "lint-infra", "node"}
    assert set(re.findall(r"`make ([a-z-]+)`", Page("CONTRIBUTING.md").section("Commands"))) == targets - inner


# -- docs/http.md ----------------------------------------------------------------------------------------------------


def test_the_refusal_on_the_http_page_is_what_the_app_answers(host: LocalHost) -> None:
    shown = json.loads(HTTP.blocks()[-1])
    refused = requests.post(f"{host.url}/api/cancel-active-run", json={"jobId": 1}, timeout=SECONDS)
    assert refused.json() == shown


def test_the_answer_on_the_http_page_has_the_keys_of_the_real_one(host: LocalHost, workspace: JobsApi) -> None:
    shown = json.loads(HTTP.blocks()[0])
    accepted = requests.post(f"{host.url}/api/cancel-active-run", json={"runId": workspace.add_run()}, timeout=SECONDS)
    assert list(accepted.json()) == list(shown)
    host.engine.wait_until_ended(accepted.json()["instanceId"], SECONDS)


def test_the_list_on_the_http_page_has_the_keys_and_the_parameters_of_the_real_one() -> None:
    shown, document = json.loads(HTTP.blocks()[1]), openapi.document("")
    schema = document["components"]["schemas"]["Cancellations"]["properties"]
    assert list(shown) == list(schema)
    assert list(shown["cancellations"][0]) == list(schema["cancellations"]["items"]["properties"])
    parameters = document["paths"]["/cancel-active-run"]["get"]["parameters"]
    assert HTTP.first_column("List")[: len(parameters)] == [one["name"] for one in parameters]


def test_the_result_on_the_http_page_and_its_table_have_the_keys_of_the_real_one() -> None:
    keys = list(CancelResult(outcome=Outcome.CANCELED, run_id=7).to_json())
    assert list(json.loads(HTTP.blocks()[2])) == keys
    assert [name for row in HTTP.rows("The result")[: len(keys)] for name in names(row[0])] == keys


def test_the_http_page_names_every_outcome_and_whether_the_run_is_stopped() -> None:
    told = {names(row[0])[0]: row[2] for row in HTTP.rows("The result") if len(row) == 3}
    assert told == {one.value: str(CancelResult(outcome=one, run_id=7).stopped).lower() for one in Outcome}


def test_the_http_page_names_every_key_of_a_request_and_every_refusal() -> None:
    paths = openapi.document("")["paths"]
    answers = {
        code for path in ("/cancel-active-run", "/cancel-active-run/{instanceId}") for code in _codes(paths[path])
    }
    assert set(HTTP.first_column("When it cannot be taken")) == {code for code in answers if code >= "400"}
    assert set(HTTP.first_column("Begin")) == {*FIELDS, RUN_PAGE, "run_id"}


def _codes(operations: dict[str, Any]) -> Iterator[str]:
    for operation in operations.values():
        yield from operation["responses"]


# -- docs/logic-apps.md ----------------------------------------------------------------------------------------------


def fragment(text: str) -> Any:
    """A block that shows one or more keys of a larger object."""
    return json.loads(f"{{{text}}}")


@pytest.fixture
def logic_app() -> dict[str, Any]:
    """The page's two actions, by name."""
    with_identity, _with_key, condition = (fragment(block) for block in LOGIC_APPS.blocks())
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
    assert read == {"stopped", "outcome", "error", "workspace", "runId"}
    assert (result["stopped"], result["outcome"], result["error"]["code"]) == (False, "rejected", "PermissionDenied")


def test_the_pages_time_limit_is_longer_than_its_wait(logic_app: dict[str, Any]) -> None:
    action = logic_app["Cancel_the_run"]
    hours = int(re.fullmatch(r"PT(\d+)H", action["limit"]["timeout"])[1])  # type: ignore[index]  # or the page is wrong
    assert hours * 3600 > action["inputs"]["body"]["waitTimeoutSeconds"]


# -- docs/security.md ------------------------------------------------------------------------------------------------


def test_the_page_on_security_names_every_role_that_the_template_gives() -> None:
    given = re.findall(r"^  '([A-Z][A-Za-z ]+)': '[0-9a-f-]{36}'$", source("identity.bicep"), re.MULTILINE)
    assert len(given) > 5
    assert [role for role in given if role not in Page("docs/security.md").text] == []
