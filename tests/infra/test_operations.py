"""docs/operations.md against the app and the templates: nothing is missing there, and nothing is there that is not.

It is longer than most: one page, section by section.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.cancellation import outcome_event
from cancel_run.cancellation.result import CancelResult, Outcome
from cancel_run.databricks.tokens.kept import KEPT_SECONDS
from cancel_run.settings import DEFAULT_QUEUE_NAME, Settings
from cancel_run.text import fingerprint
from cancel_run.triggers import timer_trigger
from cancel_run.workspaces import DEFAULT_SECRET
from function_app import create_app
from local_host.queue_trigger import POISON
from tests.support import ROOT
from tests.support.app_settings import host_json
from tests.support.bicep import as_json, outputs, parameters, resources, source, types, variable
from tests.support.page import Page, names
from tests.support.plain_bicep import INFRA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = Page("docs/operations.md")


def plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | list | dict) else str(value)


# -- parameters ------------------------------------------------------------------------------------------------------


def test_the_parameters_are_those_of_the_template_with_their_defaults() -> None:
    told = {names(row[0])[0]: "".join(names(row[1])) for row in PAGE.rows("Parameters")}
    known = {name: declared["default"] for name, declared in parameters("main.bicep").items()}
    assert told == {name: "" if default is None else plain(default) for name, default in known.items()}


def test_the_variables_are_those_of_the_parameters_file() -> None:
    told = {names(row[0])[0]: "".join(names(row[2])) for row in PAGE.rows("Parameters")}
    values = {name: str(one["value"]) for name, one in as_json("main.parameters.json")["parameters"].items()}
    given = {name: found[1] for name, value in values.items() if (found := re.match(r"\$\{(\w+)", value))}
    assert {name: one for name, one in told.items() if one} == given


def test_the_dev_container_has_what_the_page_asks_for() -> None:
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    image = (ROOT / ".devcontainer" / container["build"]["dockerfile"]).read_text(encoding="utf-8")
    assert re.search(r"npm install --global azure-functions-core-tools@4 azurite$", image, re.MULTILINE)
    made = container["postCreateCommand"]
    assert "cp --no-clobber local.settings.json.example local.settings.json" in made
    assert "READY := $(VENV)/.ready" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make .venv/.ready" in made


# -- host.json -------------------------------------------------------------------------------------------------------


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield ".".join(path), plain(value)


def test_every_key_of_host_json_has_its_value_and_its_reason() -> None:
    told = PAGE.rows("host.json, key by key")
    assert [(names(row[0])[0], names(row[1])[0]) for row in told] == list(leaves(host_json()))
    assert all(len(row[2]) > 5 for row in told)


# -- what an operator sees -------------------------------------------------------------------------------------------


def test_the_fields_of_the_event_are_those_that_the_app_writes_in_their_order() -> None:
    written = outcome_event.fields(
        "p-7", datetime(2026, 1, 31, tzinfo=UTC), 0, CancelResult(outcome=Outcome.CANCELED, run_id=7)
    )
    assert PAGE.first_column("The event") == list(written)


def test_the_alert_rules_are_those_of_the_template() -> None:
    told = [(names(row[0])[0], int(row[1]), names(row[2]), names(row[3])) for row in PAGE.rows("Alert rules")]
    rules = variable("operators.bicep", "rules")
    assert told == [
        (rule["name"], rule["severity"], [rule["every"], rule["window"]], rule["dimensions"]) for rule in rules
    ]


def test_the_charts_are_those_of_the_workbook() -> None:
    told = re.findall(r"^- (.*)$", PAGE.section("The workbook"), re.MULTILINE)
    assert told == [chart["title"] for chart in variable("operators.bicep", "charts")]
    title = resources("operators.bicep")["workbook"]["properties"]["displayName"]
    assert f'"{title}"' in PAGE.section("The workbook")


def test_the_numbers_are_the_apps() -> None:
    durable = host_json()["extensions"]["durableTask"]
    queues = host_json()["extensions"]["queues"]
    vault = resources("vault.bicep")["vault"]["properties"]
    scale = resources("app.bicep")["app"]["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", source("app.bicep"))
    second, minute, hour, *_ = timer_trigger.SCHEDULE.split()
    assert threads
    assert second == "0"
    assert [row[1] for row in PAGE.rows("Numbers")] == [
        f"{parameters('monitoring.bicep')['retentionInDays']['default']} days",
        f"`HISTORY_RETENTION_DAYS`; a timer purges at {int(hour):02}:{int(minute):02} UTC",
        f"{vault['softDeleteRetentionInDays']} days",
        f"{KEPT_SECONDS:g} seconds",
        f"{durable['maxConcurrentActivityFunctions']}, {durable['maxConcurrentOrchestratorFunctions']}",
        threads[1],
        str(scale["triggers"]["http"]["perInstanceConcurrency"]),
        f"{queues['maxDequeueCount']}, {int(queues['visibilityTimeout'].split(':')[2])}",
    ]


def codes() -> set[str]:
    """Every code that a cancellation's error can have, read from the source."""
    found = set()
    for path in (ROOT / "cancel_run").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts: list[ast.expr] = []
            if isinstance(node, ast.keyword) and node.arg == "code":
                texts = [node.value]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "error_json":
                texts = node.args[:1]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_Access":
                texts = node.args[1:2]  # the ways in which a workspace refuses a token
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = {target.id for target in targets if isinstance(target, ast.Name)}
                texts = [node.value] if named & {"code", "TOO_LARGE", "UNREADABLE"} and node.value else []
            for text in (one for one in texts if not isinstance(one, ast.JoinedStr)):
                inner = [one.value for one in ast.walk(text) if isinstance(one, ast.Constant)]
                found |= {one for one in inner if isinstance(one, str) and re.fullmatch(r"[A-Z]\w+", one)}
    return found - {"CallFailed"}  # of the base class, which nothing raises


def test_every_code_of_an_error_says_what_to_do() -> None:
    told = {name for name in PAGE.first_column("A run does not stop") if name[0].isupper()}
    assert told == codes()


def test_every_outcome_that_is_no_plain_success_is_explained() -> None:
    told = {names(row[0])[0] for row in PAGE.rows("A run does not stop")} & {outcome.value for outcome in Outcome}
    assert told == {"timedOut", "rejected", "endedFirst", "expired", "failed", "wouldCancel"}


def test_the_workspaces_of_the_example_are_taken_by_the_app() -> None:
    told = PAGE.section("Add a workspace")
    (workspaces,) = re.findall(r"azd env set DATABRICKS_WORKSPACES '(.*)'", told)
    (further,) = re.findall(r"azd env set FURTHER_SETTINGS\s'(.*?)'", told)
    environ = {"KEY_VAULT_URI": "https://v.example", "DATABRICKS_WORKSPACES": workspaces, **json.loads(further)}
    assert Settings.from_environ(environ).workspace(None).token_secret == "prod-token"


def test_a_drain_closes_the_functions_that_begin_cancellations_and_no_other() -> None:
    assert "azd env set DRAINED true && azd provision\n" in PAGE.section("Drain")
    closed = set(re.findall(r"'AzureWebJobs\.(\w+)\.Disabled': 'true'", source("app.bicep")))
    begin = {
        function.get_function_name()
        for function in create_app({}).get_functions()
        if function.get_trigger().get_dict_repr()["type"] in {"httpTrigger", "queueTrigger"}
        and function.get_function_name().startswith("start")
    }
    # enqueueAlert stays: alerts still come in by the webhook, and wait in the queue
    assert closed == begin >= {"startFromHttp", "startFromQueue"}


def test_what_is_put_back_by_hand_is_put_back_although_no_parameter_has_changed() -> None:
    assert "`azd provision --no-state`" in PAGE.section("Parameters")
    assert "appsettings set" not in PAGE.text


def test_the_names_that_can_be_given_are_those_of_the_template() -> None:
    (told,) = re.findall(
        r"`RESOURCE_NAMES` for any of (.*?)\. What", PAGE.section("In a company's landing zone"), re.DOTALL
    )
    assert names(told) == list(types()["namesType"])


def test_the_zones_that_can_be_given_are_those_of_the_template() -> None:
    (row,) = [row for row in PAGE.rows("Parameters") if names(row[0]) == ["privateDnsZones"]]
    assert names(row[3]) == list(types()["zonesType"])


def test_the_queues_and_secrets_that_are_named_are_the_apps() -> None:
    queues = set(re.findall(r"--queue-name (\S+)", PAGE.section("A message is in the poison queue")))
    assert queues == {DEFAULT_QUEUE_NAME, DEFAULT_QUEUE_NAME + POISON}
    assert f"--name {DEFAULT_SECRET} " in PAGE.section("The token")


def test_what_azd_is_asked_for_is_an_output_of_the_template() -> None:
    asked = set(re.findall(r"azd env get-value (\w+)", PAGE.text)) | set(
        re.findall(r"value ([A-Z_]+)\)", source("smoke.sh"))
    )
    assert asked <= set(outputs("main.bicep"))


def test_no_command_has_a_secret_among_its_arguments() -> None:
    builtins = ("printf", "read", "unset")  # of the shell itself: they are no process that a list would show
    commands = re.findall(r"^```\n(.*?)^```$", PAGE.text, re.MULTILINE | re.DOTALL)
    for command in re.split(r"[|;\n]|&&|[<$]\(", "\n".join(commands).replace("\\\n", " ")):
        assert command.lstrip().startswith(builtins) or not re.search(r"\$TOKEN|\$KEY\b|--value ", command)
    assert "--file /dev/stdin --output none" in PAGE.section("The token")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
def test_the_token_goes_into_the_vault_by_the_command_as_it_stands_and_is_seen_nowhere(tmp_path: Path) -> None:
    (command,) = re.findall(r"^```\n(.*?)^```$", PAGE.section("The token"), re.MULTILINE | re.DOTALL)
    for name, does in {
        "azd": "echo kv-abc",
        "az": f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/secret',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(  # noqa: S603  # the command of our own page
        ["bash", "-c", f"{command}\nset"],  # noqa: S607  # and then what the shell remembers
        input="dapi-the-token\n",
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "secret").read_text() == "dapi-the-token"
    arguments = (tmp_path / "arguments").read_text()
    assert "--vault-name kv-abc --name databricks-token" in arguments
    assert "the-token" not in arguments + done.stdout.replace(command, "") + done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
def test_a_poison_message_is_found_by_what_the_log_says_of_it_and_put_back_as_it_was(tmp_path: Path) -> None:
    text = """@/etc/hostname it's $(touch pwned) `touch pwned` "x"\ntwo"""
    kept = [
        {"id": f"id-{number}", "popReceipt": f"receipt-{number}", "content": content}
        for number, content in enumerate(["other", text, "{}"])
    ]
    (tmp_path / "kept").write_text(json.dumps(kept))
    for name, does in {
        "azd": "echo account-1",
        "az": 'echo "$@" >> arguments; case "$3" in get) cat kept;; put) cat > put; esac',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    told = PAGE.section("A message is in the poison queue")
    commands = re.findall(r"^```\n(.*?)^```$", told, re.MULTILINE | re.DOTALL)
    script, given = re.subn(r"(?<=^DIGITS=)\w+$", fingerprint(text.encode()), "".join(commands), flags=re.MULTILINE)
    assert given == 1
    subprocess.run(  # noqa: S603  # the commands of our own page
        ["bash", "-euc", script],  # noqa: S607
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=tmp_path,
        check=True,
    )
    assert (tmp_path / "put").read_text() == text
    assert not (tmp_path / "pwned").exists()
    got, put, deleted = (tmp_path / "arguments").read_text().splitlines()
    assert all("--account-name account-1" in one for one in (got, put, deleted))
    assert got.startswith("storage message get")
    assert "-poison --num-messages 32" in got
    assert put.endswith("--queue-name cancel-active-run --content @- --output none")
    assert deleted.endswith("-poison --id id-1 --pop-receipt receipt-1")


def test_the_scale_of_the_sample_rule_is_told() -> None:
    rule = resources("alerts.bicep")["tooLong"]
    told = PAGE.section("Alerts of Azure Monitor")
    assert f"`{rule['name']}`" in told
    assert rule["properties"]["evaluationFrequency"] == "PT15M"
    assert "every 15 minutes" in told
    assert "ago(2h)" in (INFRA / "queries/run-is-too-long.kql").read_text(encoding="utf-8")
    assert "two hours ago" in told
