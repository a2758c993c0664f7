"""The templates, held against themselves: names, secrets, roles."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.bicep import (
    FILES,
    INFRA,
    as_json,
    declared_names,
    description,
    files_loaded,
    modules,
    outputs,
    parameters,
    parsed,
    resources,
    source,
    used_names,
    variable,
)

ALL = "\n".join(source(file) for file in FILES)

# who may do what, on what: symbol of the assignment -> scope and roles
ROLES = {
    "usesStorage": (
        "storage",
        ["Storage Blob Data Owner", "Storage Queue Data Contributor", "Storage Table Data Contributor"],
    ),
    "readsSecrets": ("vault", ["Key Vault Secrets User"]),
    "publishesTelemetry": ("insights", ["Monitoring Metrics Publisher"]),
    "usesHub": ("hub", ["Durable Task Data Contributor"]),
    "writesSecrets": ("vault", ["Key Vault Secrets Officer"]),
}
ROLE_IDS = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Durable Task Data Contributor": "0ad04412-c4d5-4796-b79c-f76d14c8d402",
}


# -- the files hold together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_file_says_what_it_is_for_and_what_each_parameter_and_output_is(file: str) -> None:
    assert parsed(file)["metadata"]["description"]["value"]
    for name, declared in parameters(file).items():
        kind = "Required. " if declared["default"] is None else "Optional. "
        assert description(declared).startswith(kind), name
    assert all(description(declared) for declared in outputs(file).values())


@pytest.mark.parametrize("file", FILES)
def test_every_parameter_and_variable_is_used(file: str) -> None:
    for name in [*parameters(file), *parsed(file).get("variables", {})]:
        assert len(re.findall(rf"\b{name}\b", re.sub(r"@description\(.*\)", "", source(file)))) > 1, name


@pytest.mark.parametrize("file", FILES)
def test_every_name_that_is_used_is_given(file: str) -> None:
    assert used_names(file) <= declared_names(file)


@pytest.mark.parametrize("symbol", modules("main.bicep"))
def test_a_module_is_given_what_it_needs_and_nothing_that_it_does_not_know(symbol: str) -> None:
    file, given = modules("main.bicep")[symbol]
    known = parameters(file)
    assert set(given) <= set(known)
    assert {name for name, declared in known.items() if declared["default"] is None} <= set(given)


def test_every_output_of_a_module_that_is_read_is_there() -> None:
    read = re.findall(r"(\w+)!?\.outputs\.(\w+)", source("main.bicep"))
    assert read
    assert all(name in outputs(modules("main.bicep")[symbol][0]) for symbol, name in read)


def test_every_file_of_infra_is_loaded_or_known() -> None:
    known = {"main.parameters.json", "host.scheduler.json", "checkov.yaml", "smoke.sh", "cost.py"}
    used = {modules("main.bicep")[symbol][0] for symbol in modules("main.bicep")} | {"main.bicep", *files_loaded()}
    there = [path for path in INFRA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(INFRA)) for path in there} == used | known


def test_every_parameter_comes_from_a_variable_of_its_name() -> None:
    given = {name: one["value"] for name, one in as_json("main.parameters.json")["parameters"].items()}
    azds = {"environmentName": "ENV_NAME", "location": "LOCATION", "principalId": "PRINCIPAL_ID"}
    named = {name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper() for name in parameters("main.bicep")}
    named |= {name: f"AZURE_{variable}" for name, variable in azds.items()}
    assert given == {name: f"${{{variable}}}" for name, variable in named.items()}
    assert not set(named.values()) & set(outputs("main.bicep"))  # azd writes the outputs beside the variables


def test_every_rule_that_checkov_leaves_out_says_why() -> None:
    left_out = source("checkov.yaml").partition("skip-check:\n")[2].splitlines()
    assert left_out
    assert all(re.fullmatch(r"  - CKV_AZURE_\d+ +# \w.{15,}", line) for line in left_out)


# -- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_no_parameter_takes_a_secret(file: str) -> None:
    assert "@secure" not in source(file)
    assert not [name for name in parameters(file) if re.search(r"secret|password|token|key|sas", name, re.IGNORECASE)]


def test_no_key_is_asked_for_anywhere() -> None:
    assert not re.search(r"\blist[A-Z]\w*\(|getSecret\(|AccountKey|SharedAccess", ALL)


@pytest.mark.parametrize("file", FILES)
def test_no_output_holds_a_secret(file: str) -> None:
    told = json.dumps([declared["value"] for declared in outputs(file).values()])
    assert not re.search(r"connectionString|list[A-Z]|credential|callback", told, re.IGNORECASE)


def test_keys_and_passwords_are_switched_off() -> None:
    account = resources("storage.bicep")["account"]["properties"]
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert resources("monitoring.bicep")["insights"]["properties"]["DisableLocalAuth"] is True
    assert [resources("app.bicep")[name]["properties"]["allow"] for name in ("ftp", "scm")] == [False, False]
    assert resources("app.bicep")["app"]["properties"]["httpsOnly"] is True
    vault = resources("vault.bicep")["vault"]["properties"]
    assert (vault["enableRbacAuthorization"], vault["enablePurgeProtection"]) == (True, True)


# -- roles -----------------------------------------------------------------------------------------------------------


def test_every_role_is_in_the_table_and_has_azures_id() -> None:
    assert {name.strip("'"): value for name, value in variable("identity.bicep", "roles").items()} == ROLE_IDS


def test_every_assignment_is_in_the_table_with_its_scope() -> None:
    found = {}
    for file in FILES:
        for symbol, one in resources(file).items():
            if one["type"] == "Microsoft.Authorization/roleAssignments":
                role = re.search(r"roles\['?([^\]']+)'?\]", one["properties"]["roleDefinitionId"])
                assert role
                names = variable("identity.bicep", "storageRoles") if role[1] == "role" else [role[1]]
                found[symbol] = (one["scope"], names)
    assert found == ROLES
