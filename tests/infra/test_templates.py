"""The templates, held against themselves: names, secrets, roles."""

from __future__ import annotations

import json
import re

import pytest

from cancel_run.workspaces import _SOLE_KEYS
from tests.support.bicep import (
    FILES,
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
    types,
    used_names,
    variable,
)
from tests.support.plain_bicep import INFRA, TYPES

ALL = "\n".join(source(file) for file in FILES)

# resource types of which there is no stable version of the last two years (of diagnosticSettings no stable one at all)
NEWEST = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.Logic/workflows": "2019-05-01",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
}

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
    known = {
        "main.parameters.json",
        "host.scheduler.json",
        "checkov.yaml",
        "smoke.sh",
        "cost.py",
        "package.py",
        "deployer-condition.txt",
    }
    known |= {"bicepconfig.json", "compile.sh", TYPES, "samples/plain.bicepparam", "samples/full.bicepparam"}
    used = {modules("main.bicep")[symbol][0] for symbol in modules("main.bicep")} | {"main.bicep", *files_loaded()}
    there = [path for path in INFRA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {str(path.relative_to(INFRA)) for path in there} == used | known


def test_every_parameter_comes_from_a_variable_of_its_name() -> None:
    given = {name: one["value"] for name, one in as_json("main.parameters.json")["parameters"].items()}
    azds = {"environmentName": "ENV_NAME", "location": "LOCATION"}
    named = {name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper() for name in parameters("main.bicep")}
    named |= {name: f"AZURE_{variable}" for name, variable in azds.items()}
    assert {name: re.findall(r"^\$\{(\w+)", value) for name, value in given.items()} == {
        name: [variable] for name, variable in named.items()
    }
    assert not set(named.values()) & set(outputs("main.bicep"))  # azd writes the outputs beside the variables


def test_every_rule_of_the_linter_that_is_named_breaks_the_build_but_two_that_say_why() -> None:
    text = re.sub(r"^ +//.*$", "", source("bicepconfig.json"), flags=re.MULTILINE)
    rules = json.loads(text)["analyzers"]["core"]["rules"]
    assert {name for name, rule in rules.items() if rule["level"] != "error"} == {
        "use-description-vars",
        "use-recent-api-versions",
    }
    # an option whose name the linter does not know is left unread
    assert rules["use-recent-api-versions"] == {"level": "info", "maxAgeInDays": 730}
    # off where nobody asks for them
    assert {"use-user-defined-types", "use-resource-id-functions", "what-if-short-circuiting"} <= set(rules)


def test_every_type_of_a_resource_has_one_version_and_that_of_the_last_two_years_where_there_is_one() -> None:
    named = set(re.findall(r"^resource \w+ '([^@']+)@([^']+)'", ALL, re.MULTILINE))
    assert len(dict(named)) == len(named)
    old = {kind: version for kind, version in named if version < "2024-11-26"}
    assert old == NEWEST


@pytest.mark.parametrize("file", FILES)
def test_a_parameter_that_is_a_list_or_an_object_has_a_type_of_its_own(file: str) -> None:
    own = set(re.findall(r"^type (\w+) = ", source(TYPES), re.MULTILINE))
    used = {declared["type"] for declared in parameters(file).values()} - {"string", "bool", "int"}
    assert used <= own
    imported = re.findall(r"^import \{([^}]*)\} from 'types.bicep'$", source(file), re.MULTILINE)
    assert set(re.findall(r"\w+", "".join(imported))) == used


def test_a_workspace_has_the_keys_that_the_app_takes() -> None:
    assert set(types()["workspaceType"]) == set(_SOLE_KEYS)
    assert [key for key, needed in types()["workspaceType"].items() if needed] == ["host"]


def test_every_name_that_is_made_can_be_given_in_its_place() -> None:
    made = {name: str(value) for name, value in variable("main.bicep", "names").items()}
    assert set(made) == set(types()["namesType"])
    assert all(f"'{name}'" in value and "suffix" in value for name, value in made.items())


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_written_as_the_formatter_would_write_it_as_far_as_that_is_known(file: str) -> None:
    text = source(file)
    assert not re.search(r"\[for |^(?! *\? ).* \? [\[{]$|[ \t]$|\n\n\n|\t|\r", text, re.MULTILINE)
    known = r"^(?:@description|metadata|.*Authentication=ManagedIdentity)"
    assert not [line for line in text.splitlines() if len(line) > 120 and not re.match(known, line)]
    assert not re.search(r"^module [^\n]*\n(?:  \w[^\n]*\n)*  name: ", text, re.MULTILINE)
    # what is broken into lines would not have gone into one of 120 columns
    calls = re.findall(r"^(( *)\S.*\($\n(?:\2 +.*\n)+\2\).*)$", text, re.MULTILINE)
    choices = re.findall(r"^(( *)\S.*\n\2  \? [^{[\n].*\n\2  : .*[^{[\n])$", text, re.MULTILINE)
    for broken, _ in [*calls, *choices]:
        inside = re.sub(r"(?<=\()\n *|\n *(?=\))", "", broken)
        assert len(re.sub(r"\n *", " ", inside)) > 120, broken


def test_every_resource_that_can_have_tags_has_them() -> None:
    without = {
        symbol for file in FILES for symbol, one in resources(file).items() if "location" in one and not one.get("tags")
    }
    assert not without


def test_a_queue_has_a_name_that_azure_takes() -> None:
    for file in ("main.bicep", "storage.bicep"):
        bounds = {one["type"]: one["argument"] for one in parameters(file)["queueName"]["decorators"]}
        # with -poison behind it a name has 63 characters at most
        assert (bounds["min_length"], bounds["max_length"] + len("-poison")) == (3, 63)


def test_what_holds_something_can_be_locked_and_tells_who_came() -> None:
    locks = {
        (file, one["scope"], one["properties"]["level"])
        for file in FILES
        for one in resources(file).values()
        if one["type"] == "Microsoft.Authorization/locks"
    }
    assert locks == {("storage.bicep", "account", "CanNotDelete"), ("vault.bicep", "vault", "CanNotDelete")}
    told = {
        one["scope"]
        for file in FILES
        for one in resources(file).values()
        if one["type"] == "Microsoft.Insights/diagnosticSettings"
    }
    assert told == {"vault", "blobs", "queues", "tables", "app", "workflow"}


def test_every_rule_that_checkov_leaves_out_says_why() -> None:
    left_out = source("checkov.yaml").partition("skip-check:\n")[2].splitlines()
    assert left_out
    assert all(re.fullmatch(r"  - CKV_AZURE_\d+ +# \w.{15,}", line) for line in left_out)


# -- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_no_parameter_takes_a_secret(file: str) -> None:
    assert "@secure" not in source(file)
    texts = [name for name, declared in parameters(file).items() if declared["type"] != "int"]
    assert not [name for name in texts if re.search(r"secret|password|token|key|sas", name, re.IGNORECASE)]


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
                named = one["properties"]["roleDefinitionId"]["function"]
                assert named["type"] == "subscription_resource_id"
                role = named["parameters"]["resource_name_1"]["operator"]["operands"]["operand_2"]
                names = variable("identity.bicep", "storageRoles") if role == "role" else [role]
                found[symbol] = (one["scope"], names)
    assert found == ROLES
