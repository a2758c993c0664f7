"""What the templates deploy, held against the app: its settings, host.json, routes.

It is longer than most: one template after the other is held against the one app.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cancel_run.cancellation.order import VERSION
from cancel_run.cancellation.request import BODY_LIMIT
from cancel_run.clock import SystemClock
from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.settings import CONCURRENT_ACTIVITIES, DEFAULT_QUEUE_NAME, Settings
from cancel_run.workspaces import DEFAULT_SECRET
from function_app import create_app
from local_host import http_triggers
from local_host.engine.engine import ACTIVITY_THREADS
from local_host.engine.worker import TURN_THREADS
from local_host.http_triggers import route_prefix
from local_host.queue_trigger import POISON
from tests.support import ROOT
from tests.support.app_settings import OTHERS, host_json, settings_of_the_app
from tests.support.bicep import (
    as_json,
    body,
    condition,
    keys,
    parameters,
    parsed,
    resources,
    source,
    variable,
)
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from local_host.emulators.key_vault import KeyVault, ManagedIdentity


def deployed_settings() -> set[str]:
    """Every app setting that the templates set, in whatever case."""
    mine = resources("app.bicep")["settings"]["properties"]
    parts = ("workspaceSettings", "schedulerSettings", "drainSettings")
    return keys(mine).union(*(keys(variable("app.bicep", part)) for part in parts))


def routes(method: str) -> set[str]:
    triggers = [function.get_trigger().get_dict_repr() for function in create_app({}).get_functions()]
    http = [trigger for trigger in triggers if trigger["type"] == "httpTrigger"]
    return {
        f"/{route_prefix()}/{trigger['route']}"
        for trigger in http
        if method in {one.value for one in trigger["methods"]}
    }


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


def test_no_body_comes_in_that_costs_the_host_memory_and_the_local_host_takes_as_much() -> None:
    limit = re.search(r"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '(\d+)'", source("app.bicep"))
    assert limit
    assert 4 * BODY_LIMIT < int(limit[1]) == http_triggers.BODY_LIMIT, "the largest alert of Azure Monitor is 256 KiB"


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
    *_, ours = resources("app.bicep")["settings"]["properties"]["function"]["parameters"].values()
    level = ours["HTTP_AUTH_LEVEL"]
    asked = level["operator"]["operands"]
    assert (asked["condition"], asked["true_value"], asked["false_value"]) == ("withEntra", "anonymous", "function")
    assert condition("app.bicep", "signIn") == "withEntra"
    assert resources("app.bicep")["settings"]["dependsOn"] == ["signIn"]
    sign_in = resources("app.bicep")["signIn"]["properties"]
    assert sign_in["platform"]["enabled"] is True
    assert sign_in["globalValidation"] == {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"}
    assert "excludedPaths" not in source("app.bicep")


def test_the_name_of_the_secret_is_the_one_that_the_app_looks_for() -> None:
    assert f"?? '{DEFAULT_SECRET}'" in source("main.bicep")


def test_the_queues_are_those_that_the_app_reads_and_that_poison_goes_to() -> None:
    assert parameters("main.bicep")["queueName"]["default"] == DEFAULT_QUEUE_NAME
    queues = [one for one in resources("storage.bicep").values() if one["type"].endswith("queueServices/queues")]
    assert [one["name"] for one in queues] == ["queueName", f"${{queueName}}{POISON}"]


# -- in front ---------------------------------------------------------------------------------------------------------


def test_the_sign_in_takes_tokens_of_either_version_as_the_parameter_says() -> None:
    assert [one for one in parameters("main.bicep")["entraTokenVersion"]["decorators"] if one["type"] == "allowed"] == [
        {"type": "allowed", "argument": [1, 2]}
    ]
    issuers = re.search(r"entraTokenVersion == 2\n +\? '([^\n]+)'\n +: '([^\n]+)'\n", source("app.bicep"))
    assert issuers
    assert issuers[1] == "${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0"
    assert issuers[2] == "https://sts.windows.net/${tenant().tenantId}/"


def test_nobody_but_those_named_comes_in_where_somebody_is_named() -> None:
    site = resources("app.bicep")["app"]["properties"]
    asked = site["siteConfig"]["ipSecurityRestrictionsDefaultAction"]["operator"]["operands"]
    assert (asked["true_value"], asked["false_value"]) == ("Allow", "Deny")
    asked = site["publicNetworkAccess"]["operator"]["operands"]
    assert (asked["condition"], asked["true_value"], asked["false_value"]) == ("closed", "Disabled", "Enabled")
    assert "closed: inbound == 'private'" in source("main.bicep")


def test_the_alert_names_the_workspace_that_it_was_given_and_the_query_reads_its_rows_alone() -> None:
    assert "customProperties: empty(workspace) ? {} : { workspace: workspace }" in source("alerts.bicep")
    assert parameters("alerts.bicep")["workspace"]["default"] is None
    query = source("queries/run-is-too-long.kql")
    assert query.count("DATABRICKS_RESOURCE_ID") == 1
    assert "\nDatabricksJobs\n| where _ResourceId =~ 'DATABRICKS_RESOURCE_ID'\n" in query
    assert "run-is-too-long.kql'), 'DATABRICKS_RESOURCE_ID', databricksResourceId)" in source("alerts.bicep")


@pytest.mark.parametrize(("file", "symbol"), [("alerts.bicep", "tooLong"), ("operators.bicep", "alertRules")])
def test_a_rule_is_taken_before_its_table_is_known(file: str, symbol: str) -> None:
    assert resources(file)[symbol]["properties"]["skipQueryValidation"] is True


def test_the_app_stands_in_several_zones_where_that_is_asked_for_and_is_kept_ready_by_group() -> None:
    assert resources("app.bicep")["plan"]["properties"]["zoneRedundant"] == "zoneRedundant"
    assert set(re.findall(r"\[\{ name: '(\w+)', instanceCount: ", source("app.bicep"))) == {"durable", "http"}
    assert parameters("main.bicep")["alwaysReadyInstances"]["default"] == 1


def test_the_scheduler_keeps_what_has_ended_for_as_long_as_the_app_says() -> None:
    policy = resources("scheduler.bicep")["retention"]["properties"]["retentionPolicies"]
    assert policy == [{"retentionPeriodInDays": "retentionDays"}]
    default = Settings.from_environ({"DATABRICKS_HOST": "https://a.b", "KEY_VAULT_URI": "https://v.b"})
    assert f"HISTORY_RETENTION_DAYS ?? '{default.history_retention_days}')" in source("main.bicep")


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


def test_what_a_dead_process_held_comes_again_after_the_shortest_time_that_the_host_takes() -> None:
    provider = host_json()["extensions"]["durableTask"]["storageProvider"]
    held = [provider[f"{queue}VisibilityTimeout"] for queue in ("controlQueue", "workItemQueue")]
    assert held == ["00:01:00", "00:01:00"]  # with less the host does not start
    # the scheduler has no such queues
    its = as_json("host.scheduler.json")["extensions"]["durableTask"]["storageProvider"]
    assert set(its) == {"type", "connectionStringName"}


def test_activities_and_orchestrators_at_once_threads_and_the_places_of_a_workspace_are_chosen_together() -> None:
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", source("app.bicep"))
    assert threads
    for host in (host_json(), as_json("host.scheduler.json")):
        durable = host["extensions"]["durableTask"]
        activities, turns = durable["maxConcurrentActivityFunctions"], durable["maxConcurrentOrchestratorFunctions"]
        assert activities + turns + 4 <= int(threads[1]) <= 32  # four for HTTP; the worker takes no more
        assert activities == CONCURRENT_ACTIVITIES
        assert (activities, turns) == (ACTIVITY_THREADS, TURN_THREADS)  # on the local host the same
    # a second process would have places of its own for a workspace, and the host as many activities as for one
    assert "FUNCTIONS_WORKER_PROCESS_COUNT" not in source("app.bicep")


def keeps(category: str, level: str) -> bool:
    """Whether the host keeps a line: of the categories named, the longest that its category begins with decides."""
    order = ["Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"]
    levels: dict[str, str] = host_json()["logging"]["logLevel"]
    named = max((name for name in levels if category.startswith(name)), key=len, default="default")
    return order.index(level) >= order.index(levels[named])


@pytest.mark.parametrize(
    ("category", "level", "kept", "what"),
    [
        ("Function.cancel-active-run.User", "Warning", True, "the event; an instance that was terminated"),
        ("Function.cancel-active-run.User", "Error", True, "an instance that failed"),
        ("Function.cancel-active-run.User", "Information", False, "each step, as the Durable extension tells it"),
        ("Function.readRun.User", "Information", False, "the same"),
        ("Function.startFromQueue.User", "Information", True, "which message began what"),
        ("Function.purgeHistory.User", "Information", True, "what was purged"),
        ("Host.Triggers.Queue", "Warning", True, "a message goes to the poison queue"),
        ("Host.Results", "Information", True, "an execution"),
        ("Azure.Core", "Warning", False, "each 404 of a queue that is missing, each 409 of a container that is there"),
        ("Azure.Core", "Error", True, "storage is away"),
    ],
)
def test_a_line_is_kept_when_somebody_reads_it(category: str, level: str, what: str, *, kept: bool) -> None:
    assert keeps(category, level) is kept, what


def test_every_function_whose_log_level_is_set_is_there() -> None:
    levels = host_json()["logging"]["logLevel"]
    names = {function.get_function_name() for function in create_app({}).get_functions()}
    assert {category.split(".")[1] for category in levels if category.startswith("Function.")} <= names


def test_the_version_of_instances_is_compared_as_numbers_and_a_newer_one_waits() -> None:
    durable = host_json()["extensions"]["durableTask"]
    # what has no dot is no System.Version: the host would compare it as text
    assert re.fullmatch(r"\d+\.\d+", durable["defaultVersion"])
    assert (durable["versionMatchStrategy"], durable["versionFailureStrategy"]) == ("CurrentOrOlder", "Reject")
    # the rules' version may run ahead of it (docs/upgrading.md), but never falls behind
    assert int(durable["defaultVersion"].partition(".")[0]) <= VERSION


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
