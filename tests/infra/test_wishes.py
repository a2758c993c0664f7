"""A wish that the templates cannot carry out is refused before anything is deployed, and every other one is not.

The conditions are evaluated here, without a compiler: they are written in a few operators and functions.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.bicep import as_json, parameters, source
from tests.support.plain_bicep import INFRA, plain

MAIN = plain(source("main.bicep"))
PLAIN = {"environmentName": "test", "location": "westeurope", "databricksHost": "https://adb-1.1.azuredatabricks.net"}
ENTRA = {"entraClientId": "c"}
ALERTS = {**ENTRA, "monitorAlerts": True, "entraObjectId": "o", "actionGroupPrincipalId": "p"}
RULE = {**ALERTS, "databricksLogsId": "/logs", "databricksResourceId": "/workspace"}
TWO = {"databricksWorkspaces": {"prod": {"host": "https://a"}, "test": {"host": "https://b"}}}
NETWORK = {"privateNetwork": True}
SUBNETS = {**NETWORK, "appSubnetId": "/a", "endpointSubnetId": "/e"}

VARIABLES = ["withEntra", "withScheduler", "defaultWorkspace", "retentionDays", "workspaceNames", "setHere", "callers"]
FUNCTIONS = {
    "empty": lambda value: not value,
    "length": len,
    "contains": lambda container, item: item in container,
    "objectKeys": list,
    "intersection": lambda one, other: [item for item in one if item in other],
    "true": True,
    "false": False,
}


def evaluated(expression: str, names: dict[str, Any]) -> Any:
    """The value of a Bicep expression of the operators and functions that main.bicep's wishes are written in."""
    text = re.sub(r"\((\w+) \? (\w+) : (\w+)\)", r"(\2 if \1 else \3)", expression)
    text = re.sub(r"^(.+) \? (.+) : (.+)$", r"(\2) if (\1) else (\3)", text)
    text = re.sub(r"(\w+)\.\?(\w+) \?\? ('[^']*')", r"\1.get('\2', \3)", text)
    text = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or "))
    return eval(text.strip(), {"__builtins__": {}, "int": int, **FUNCTIONS}, names)  # noqa: S307  # of our own template


def refusals(**given: Any) -> list[str]:
    """What is said of a deployment with those parameters."""
    names: dict[str, Any] = {}
    for name, declared in parameters("main.bicep").items():
        empty: Any = {"int": 0, "bool": False}.get(declared["type"], "")
        names[name] = given.get(name, empty if declared["default"] is None else declared["default"])
    assert set(given) <= set(names)
    for name in VARIABLES:
        (expression,) = re.findall(rf"^var {name} = (.*)$", MAIN, re.MULTILINE)
        names[name] = evaluated(expression, names)
    wishes = re.findall(r"^    refused: (.*)\n    because: '(.*)'$", MAIN, re.MULTILINE)
    assert len(wishes) == MAIN.count("    refused: ")
    return [because for refused, because in wishes if evaluated(refused, names)]


@pytest.mark.parametrize(
    "given",
    [
        {},
        TWO,
        {"furtherSettings": {"HISTORY_RETENTION_DAYS": "365"}},
        ENTRA,
        {**ENTRA, "allowedCallers": ["a"] * 12, "logicApp": True},
        {**ALERTS, "allowedCallers": ["a"] * 12},
        RULE,
        {**RULE, "alertWorkspace": "default"},
        {**RULE, **TWO, "alertWorkspace": "test"},
        {**RULE, **TWO, "furtherSettings": {"DEFAULT_WORKSPACE": "prod"}},
        {"zoneRedundant": True, "storageSku": "Standard_GZRS"},
        {"durableBackend": "scheduler", "furtherSettings": {"HISTORY_RETENTION_DAYS": "90"}},
        NETWORK,
        SUBNETS,
        {**NETWORK, "privateDnsZones": {"blob": "/z"}, "inbound": "private"},
        {**SUBNETS, "inbound": "private", **ENTRA, "allowedCallers": ["a"]},
        {"allowedSources": ["ActionGroup"]},
        {"drained": True, "locked": True, "allLogs": True},
    ],
)
def test_what_can_be_carried_out_is_not_refused(given: dict[str, Any]) -> None:
    assert refusals(**{**PLAIN, **given}) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"databricksHost": ""}, "has to name a workspace"),
        ({"furtherSettings": {"HTTP_AUTH_LEVEL": "anonymous"}}, "cannot set what other parameters set"),
        ({"furtherSettings": {"KEY_VAULT_URI": "https://v"}}, "cannot set what other parameters set"),
        ({"logicApp": True}, "need entraClientId"),
        ({"monitorAlerts": True, "entraObjectId": "o", "actionGroupPrincipalId": "p"}, "need entraClientId"),
        ({"allowedCallers": ["a"]}, "need entraClientId"),
        ({**ALERTS, "allowedCallers": ["a"] * 13}, "More than 13 callers"),
        ({**ALERTS, "actionGroupPrincipalId": ""}, "needs entraObjectId and actionGroupPrincipalId"),
        ({**ALERTS, "entraObjectId": ""}, "needs entraObjectId and actionGroupPrincipalId"),
        ({"databricksLogsId": "/logs", "databricksResourceId": "/w"}, "databricksLogsId needs monitorAlerts"),
        ({**RULE, "databricksResourceId": ""}, "and databricksResourceId"),
        ({**RULE, **TWO}, "several workspaces and no DEFAULT_WORKSPACE"),
        ({**RULE, **TWO, "alertWorkspace": "default"}, "has to be one of these"),
        ({**RULE, "alertWorkspace": "prod"}, "has to be one of these"),
        ({"zoneRedundant": True}, "needs storageSku Standard_ZRS"),
        ({"durableBackend": "scheduler", "furtherSettings": {"HISTORY_RETENTION_DAYS": "91"}}, "90 days at most"),
        ({**SUBNETS, "endpointSubnetId": ""}, "go together"),
        ({**NETWORK, "endpointSubnetId": "/e"}, "go together"),
        ({**SUBNETS, "privateNetwork": False}, "need privateNetwork"),
        ({"privateDnsZones": {"blob": "/z"}}, "need privateNetwork"),
        ({"inbound": "private"}, "need privateNetwork"),
        ({**NETWORK, **ALERTS, "inbound": "private"}, "nobody comes from the internet"),
        ({**NETWORK, **ENTRA, "logicApp": True, "inbound": "private"}, "nobody comes from the internet"),
        ({**NETWORK, "inbound": "private", "allowedSources": ["LogicApps"]}, "nobody comes from the internet"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(given: dict[str, Any], told: str) -> None:
    (said,) = refusals(**{**PLAIN, **given})
    assert told in said


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refusals(inbound="private", logicApp=True, zoneRedundant=True)) == 5
    assert "var refusals = map(filter(wishes, wish => wish.refused), wish => wish.because)" in MAIN


def test_nothing_is_deployed_before_the_wishes_are_judged() -> None:
    assert "name: empty(refusals) ? resourceGroupName : fail(" in MAIN
    assert MAIN.count("\nresource ") == 1
    modules = re.findall(r"^module .*?^(?:\}|\])$", MAIN, re.MULTILINE | re.DOTALL)
    assert modules
    assert all("scope: group\n" in module for module in modules)


@pytest.mark.parametrize("sample", ["plain", "full"])
def test_a_sample_gives_parameters_that_there_are_and_asks_for_nothing_impossible(sample: str) -> None:
    text = (INFRA / f"samples/{sample}.bicepparam").read_text(encoding="utf-8")
    assert "using '../main.bicep'\n" in text
    given: dict[str, Any] = {}
    for name, value in re.findall(r"^param (\w+) = (.*?)(?=^param|\Z)", text, re.MULTILINE | re.DOTALL):
        is_list, is_table = value.startswith("["), value.startswith("{")
        keys = re.findall(r"^  (\w+):" if "\n  " in value else r"[{,] (\w+):", value, re.MULTILINE)
        parts = dict.fromkeys(keys, "x") if is_table else re.findall(r"'([^']*)'", value)
        one = value.strip().strip("'")
        given[name] = parts if is_list or is_table else {"true": True, "false": False}.get(one, one)
    required = {name for name, declared in parameters("main.bicep").items() if declared["default"] is None}
    assert required <= set(given) <= set(as_json("main.parameters.json")["parameters"])
    assert refusals(**given) == []
