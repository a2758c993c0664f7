"""infra/main.parameters.json as azd reads it, from an environment as GitHub makes one: empty is what nobody has set.

Read in azd's source, 1.23.4 and 1.31: a default ends at the first ``}``, wherever it stands, so none can be an object;
where a value comes out as null, or as empty and neither a text nor JSON, the template's own default is taken.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.bicep import as_json, parameters

GIVEN: dict[str, str] = {name: one["value"] for name, one in as_json("main.parameters.json")["parameters"].items()}
DECLARED = parameters("main.bicep")
ALWAYS = {"AZURE_ENV_NAME": "test", "AZURE_LOCATION": "westeurope", "AZURE_PRINCIPAL_ID": "whoever-runs-azd"}
OWN = {name for name, declared in DECLARED.items() if declared["type"] not in {"string", "int", "bool"}}


def substituted(text: str, environ: dict[str, str]) -> str:
    """The text with each ``${NAME}`` and ``${NAME:-default}`` in place, a default's own ones before it is used."""
    found = re.search(r"\$\{(\w+)(?::-((?:\$\{\w+\}|[^}])*))?\}", text)
    if not found:
        return text
    value = environ.get(found[1]) or substituted(found[2] or "", environ)
    return text[: found.start()] + value + substituted(text[found.end() :], environ)


def deployed(name: str, environ: dict[str, str]) -> Any:
    """What is deployed as this parameter: the value from the file, or else the template's default."""
    declared = DECLARED[name]
    default = declared["default"]
    text = substituted(GIVEN[name], {**ALWAYS, **environ})
    if name in OWN:
        value = json.loads(text)  # where it is no JSON azd stops
        return default if value is None else value
    if declared["type"] == "string":
        assert text or not default, f"{name} would be empty, and not {default}"
        return text
    return json.loads(text) if text else default


def by_default(name: str) -> Any:
    """The template's default, of texts with what it is made of in place."""
    default = DECLARED[name]["default"]
    made_of = {"${environmentName}": "test", "${entraClientId}": ""}
    return re.sub(r"\$\{\w+\}", lambda found: made_of[found[0]], default) if isinstance(default, str) else default


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(re.findall(r"\$\{(\w+)", " ".join(GIVEN.values())), "")])
@pytest.mark.parametrize("name", sorted(set(GIVEN) - {"environmentName", "location", "principalId"}))
def test_what_is_empty_or_not_set_is_the_templates_default(name: str, environ: dict[str, str]) -> None:
    assert deployed(name, {key: value for key, value in environ.items() if key not in ALWAYS}) == by_default(name)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_list_or_an_object_comes_as_it_was_set(name: str) -> None:
    (variable,) = re.findall(r"\$\{(\w+)", GIVEN[name])
    for value in ({"a": {"b": "}"}}, ["a", "b"], {}, []):
        assert deployed(name, {variable: json.dumps(value)}) == value


def test_a_text_that_is_set_comes_as_it_was_set() -> None:
    assert deployed("entraAudience", {"ENTRA_AUDIENCE": "api://mine", "ENTRA_CLIENT_ID": "c"}) == "api://mine"
    assert deployed("entraAudience", {"ENTRA_CLIENT_ID": "c"}) == "api://c"
    assert deployed("storageSku", {"STORAGE_SKU": "Standard_ZRS"}) == "Standard_ZRS"
    assert deployed("resourceGroupName", {"RESOURCE_GROUP_NAME": "rg-4711"}) == "rg-4711"
    assert deployed("drained", {"DRAINED": "true"}) is True
    assert deployed("maximumInstanceCount", {"MAXIMUM_INSTANCE_COUNT": "60"}) == 60


def test_who_may_write_secrets_is_whoever_runs_azd_unless_somebody_is_named() -> None:
    assert deployed("principalId", {}) == "whoever-runs-azd"
    assert deployed("principalId", {"PRINCIPAL_ID": "the-operators"}) == "the-operators"
