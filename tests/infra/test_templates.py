"""The templates, held against themselves and against the app that they deploy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cancel_run.clock import SystemClock
from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.settings import DEFAULT_QUEUE_NAME, Settings
from cancel_run.workspaces import DEFAULT_SECRET
from function_app import create_app
from local_host.http_triggers import route_prefix
from local_host.queue_trigger import POISON
from tests.support import ROOT
from tests.support.app_settings import OTHERS, host_json, settings_of_the_app
from tests.support.bicep import (
    FILES,
    INFRA,
    as_json,
    body,
    condition,
    declared_names,
    description,
    files_loaded,
    keys,
    modules,
    outputs,
    parameters,
    parsed,
    resources,
    source,
    used_names,
    variable,
)
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from local_host.emulators.key_vault import KeyVault, ManagedIdentity

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


def deployed_settings() -> set[str]:
    """Every app setting that the templates set, in whatever case."""
    mine = resources("app.bicep")["settings"]["properties"]
    parts = ("workspaceSettings", "schedulerSettings")
    return keys(mine).union(*(keys(variable("app.bicep", part)) for part in parts))


def routes(method: str) -> set[str]:
    triggers = [function.get_trigger().get_dict_repr() for function in create_app({}).get_functions()]
    http = [trigger for trigger in triggers if trigger["type"] == "httpTrigger"]
    return {
        f"/{route_prefix()}/{trigger['route']}"
        for trigger in http
        if method in {one.value for one in trigger["methods"]}
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


# -- the app's settings ----------------------------------------------------------------------------------------------


def test_every_setting_that_is_deployed_is_read_by_somebody() -> None:
    assert deployed_settings() - set(OTHERS) <= settings_of_the_app()
    assert set(OTHERS) <= deployed_settings()


@pytest.mark.parametrize(
    "workspaces",
    [
        {"DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net"},
        {"DATABRICKS_WORKSPACES": json.dumps({"prod": {"host": "https://adb-1.2.azuredatabricks.net"}})},
    ],
)
def test_the_app_takes_what_is_deployed(workspaces: dict[str, str]) -> None:
    assert set(workspaces) <= keys(variable("app.bicep", "workspaceSettings"))
    values = {
        **workspaces,
        "KEY_VAULT_URI": "https://kv-abc.vault.azure.net/",
        "CANCEL_QUEUE_NAME": "cancel-active-run",
    }
    ours = {key for key in keys(resources("app.bicep")["settings"]["properties"]) if key not in OTHERS}
    assert ours == {"KEY_VAULT_URI", "CANCEL_QUEUE_NAME", "HTTP_AUTH_LEVEL"}
    for level in ("function", "anonymous"):
        assert Settings.from_environ({**values, "HTTP_AUTH_LEVEL": level})


def test_the_identity_that_is_deployed_is_the_one_that_the_app_asks_the_vault_as(
    vault: KeyVault, identity: ManagedIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "AZURE_CLIENT_ID: identityClientId" in source("app.bicep")
    chosen = re.search(r"AZURE_TOKEN_CREDENTIALS: '(\w+)'", source("app.bicep"))
    assert chosen
    monkeypatch.setenv("AZURE_CLIENT_ID", "the-identity-of-the-template")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", chosen[1])
    assert TokenVault(vault.uri, SystemClock(), timeout=5).token(SECRET).reveal() == TOKEN
    assert identity.client_ids == ["the-identity-of-the-template"]


def test_nothing_is_set_that_flex_consumption_refuses() -> None:
    refused = r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|WEBSITE_|SCM_DO_BUILD|ENABLE_ORYX|\bTZ\b"
    assert not [key for key in deployed_settings() if re.match(refused, key)]


def test_the_doors_are_opened_to_nobody_but_those_that_entra_has_let_in() -> None:
    level = resources("app.bicep")["settings"]["properties"]["function"]["parameters"]["arg_4"]["HTTP_AUTH_LEVEL"]
    asked = level["operator"]["operands"]
    assert (asked["condition"], asked["true_value"], asked["false_value"]) == ("withEntra", "anonymous", "function")
    assert condition("app.bicep", "signIn") == "withEntra"
    assert resources("app.bicep")["settings"]["dependsOn"] == ["signIn"]
    sign_in = resources("app.bicep")["signIn"]["properties"]
    assert sign_in["platform"]["enabled"] is True
    assert sign_in["globalValidation"] == {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}
    assert "excludedPaths" not in source("app.bicep")
    for module in ("workflow", "alerts"):  # both come in by Entra alone
        assert re.search(rf"module {module} '[^']+' = if \(with\w+\)", source("main.bicep"))
    assert re.findall(r"var with(?:LogicApp|Alerts) = \w+ && (\w+)", source("main.bicep")) == ["withEntra"] * 2


def test_the_name_of_the_secret_is_the_one_that_the_app_looks_for() -> None:
    assert f"?? '{DEFAULT_SECRET}'" in source("main.bicep")


def test_the_queues_are_those_that_the_app_reads_and_that_poison_goes_to() -> None:
    assert parameters("main.bicep")["queueName"]["default"] == DEFAULT_QUEUE_NAME
    queues = [one for one in resources("storage.bicep").values() if one["type"].endswith("queueServices/queues")]
    assert [one["name"] for one in queues] == ["queueName", f"${{queueName}}{POISON}"]


# -- host.json -------------------------------------------------------------------------------------------------------


def test_the_scheduler_backends_host_json_is_the_other_one_but_for_where_orchestrations_are_kept() -> None:
    mine, its = host_json(), as_json("host.scheduler.json")
    provider = its["extensions"]["durableTask"].pop("storageProvider")
    mine["extensions"]["durableTask"].pop("storageProvider")
    assert its == mine
    assert provider["type"] == "azureManaged"
    assert provider["connectionStringName"] in keys(variable("app.bicep", "schedulerSettings"))
    hub = mine["extensions"]["durableTask"]["hubName"]
    assert resources("scheduler.bicep")["hub"]["name"] == hub
    assert f"/{hub}'" in source("identity.bicep")


def test_there_is_a_thread_for_every_activity_and_orchestrator_that_runs_at_once_and_some_for_the_doors() -> None:
    durable = host_json()["extensions"]["durableTask"]
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", source("app.bicep"))
    assert threads
    at_once = durable["maxConcurrentActivityFunctions"] + durable["maxConcurrentOrchestratorFunctions"]
    assert at_once + 4 <= int(threads[1]) <= 32  # the worker takes no more


def test_the_log_levels_keep_what_functions_say_and_name_functions_that_are_there() -> None:
    levels = host_json()["logging"]["logLevel"]
    names = {function.get_function_name() for function in create_app({}).get_functions()}
    told = {category.split(".")[1] for category in levels if category.startswith("Function.")}
    assert told <= names
    assert {"cancel-active-run", "startFromQueue", "purgeHistory"} <= told  # those that log at INFO
    assert levels["Host.Results"] == "Information"
    assert levels["default"] == "Warning"  # the poison queue's and a terminated instance's lines are warnings


def test_an_outcome_is_never_sampled_away() -> None:
    sampling = host_json()["logging"]["applicationInsights"]["samplingSettings"]
    assert {"Trace", "Exception"} <= set(sampling["excludedTypes"].split(";"))
    assert "SamplingPercentage" not in source("monitoring.bicep")
    assert "dailyQuotaGb" not in source("monitoring.bicep")


# -- routes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["logic-app.bicep", "alerts.bicep"])
def test_what_is_called_is_a_route_of_the_app(file: str) -> None:
    called = re.findall(r"\$\{appUrl\}(/[\w/-]+)", source(file))
    assert called
    assert set(called) <= routes("POST")


def test_the_action_group_speaks_the_schema_that_the_app_reads_and_shows_a_token() -> None:
    (receiver,) = resources("alerts.bicep")["canceling"]["properties"]["webhookReceivers"]
    assert receiver["useCommonAlertSchema"] is True
    assert receiver["useAadAuth"] is True
    (criterion,) = body(parsed("alerts.bicep")["resources"]["tooLong"])["properties"]["criteria"]["allOf"]
    assert [dimension["name"] for dimension in criterion["dimensions"]] == ["runId"]


# -- what is deployed ------------------------------------------------------------------------------------------------


def test_azd_finds_the_app_that_the_template_tags() -> None:
    service = re.search(r"^services:\n  (\w+):\n    project: \.$", (ROOT / "azure.yaml").read_text(), re.MULTILINE)
    assert service
    assert f"'azd-service-name': '{service[1]}'" in source("app.bicep")
