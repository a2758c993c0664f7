"""The Logic App's definition: its shape as Azure documents it, and what it sends and reads as the app has it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.cancellation.request import LONGEST_WAIT_SECONDS, CancelRequest
from cancel_run.cancellation.result import CancelResult, Outcome
from local_host.emulators.run_life import Life, Row, canceling
from tests.support.bicep import as_json, keys, resources
from tests.support.http_action import HttpAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

DEFINITION = as_json("workflow.json")
ACTION = DEFINITION["actions"]["Cancel_the_run"]
QUESTION = DEFINITION["actions"]["Is_it_stopped"]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


def actions(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every action, those within branches too."""
    for name, action in value.get("actions", {}).items():
        yield name, action
        yield from actions(action)
        yield from actions(action.get("else", {}))


def sent(trigger_body: dict[str, Any]) -> dict[str, Any]:
    """The action's body, as the service would make it for a call of the trigger with ``trigger_body``."""

    def evaluated(value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        if value == "@{workflow().name}":
            return "logic-abc"
        found = re.fullmatch(r"@triggerBody\(\)\?\['(\w+)'\]", value)
        assert found, value
        return trigger_body.get(found[1])

    return {key: evaluated(value) for key, value in ACTION["inputs"]["body"].items()}


def branch_for(answer: Any) -> str:
    """The branch that the condition takes for the body of the action's last answer."""
    ((left, right),) = [one["equals"] for one in QUESTION["expression"]["and"]]
    found = re.fullmatch(r"@body\('Cancel_the_run'\)\?\['(\w+)'\]", left)
    assert found
    return "actions" if answer.get(found[1]) == right else "else"


def test_it_is_a_definition_of_the_schema_with_its_five_parts() -> None:
    assert DEFINITION["$schema"].endswith("/schemas/2016-06-01/workflowdefinition.json#")
    assert set(DEFINITION) == {"$schema", "contentVersion", "parameters", "triggers", "actions", "outputs"}
    (trigger,) = DEFINITION["triggers"].values()
    assert (trigger["type"], trigger["kind"]) == ("Request", "Http")


def test_every_action_follows_one_that_is_there_and_has_a_type() -> None:
    found = dict(actions(DEFINITION))
    assert {action["type"] for action in found.values()} == {"Http", "If", "Terminate"}
    for action in found.values():
        assert set(action["runAfter"]) <= set(found)
    for name in re.findall(r"body\('(\w+)'\)", json.dumps(DEFINITION)):
        assert name in found


def test_every_parameter_is_declared_given_and_used() -> None:
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(DEFINITION)))
    given = keys(resources("logic-app.bicep")["workflow"]["properties"]["parameters"])
    assert used == given == set(DEFINITION["parameters"])


def test_it_shows_its_identity_and_keeps_the_asynchronous_pattern() -> None:
    assert ACTION["type"] == "Http"
    assert ACTION["inputs"]["authentication"] == {
        "type": "ManagedServiceIdentity",
        "audience": "@parameters('audience')",
    }
    assert "operationOptions" not in ACTION
    assert resources("logic-app.bicep")["workflow"]["identity"] == {"type": "SystemAssigned"}


def test_it_waits_longer_than_the_cancellation_does() -> None:
    hours = re.fullmatch(r"PT(\d+)H", ACTION["limit"]["timeout"])
    assert hours
    wait = ACTION["inputs"]["body"]["waitTimeoutSeconds"]
    assert wait <= LONGEST_WAIT_SECONDS
    assert timedelta(seconds=wait) < timedelta(hours=int(hours[1]))


@pytest.mark.parametrize("asked", [{"runId": 7}, {"runId": "7", "workspace": "prod", "reason": "over budget"}])
def test_what_it_sends_is_a_request_that_the_app_takes(asked: dict[str, Any]) -> None:
    request = CancelRequest.from_json(sent(asked))
    assert (request.run_id, request.workspace) == (7, asked.get("workspace"))


def test_what_it_takes_is_what_it_sends_on() -> None:
    (trigger,) = DEFINITION["triggers"].values()
    asked = set(re.findall(r"triggerBody\(\)\?\['(\w+)'\]", json.dumps(ACTION)))
    assert asked == set(trigger["inputs"]["schema"]["properties"])


def test_what_it_reads_is_in_the_result() -> None:
    read = {name for text in strings(QUESTION) for name in re.findall(r"body\('Cancel_the_run'\)\?\['(\w+)'\]", text)}
    assert read <= set(CancelResult(outcome=Outcome.CANCELED, run_id=1).to_json())
    assert "stopped" in read


@pytest.mark.parametrize(
    ("life", "branch"),
    [
        (canceling(0.3), "actions"),
        (Life((Row("TERMINATED", result="SUCCESS"),)), "actions"),
        (Life(may_manage=False), "else"),
    ],
)
def test_it_takes_the_branch_that_the_run_has_earned(
    life: Life, branch: str, host: LocalHost, workspace: JobsApi, pause: Callable[[], None]
) -> None:
    body = sent({"runId": workspace.add_run(life)})
    answer = HttpAction(f"{host.url}/api/cancel-active-run", body).run(pause)
    assert answer.status_code == 200
    assert branch_for(answer.json()) == branch
