"""The workflow that deploys, against the parameters; and the commands of docs/ci.md, as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]  # the stubs are a package of their own

from tests.support import ROOT
from tests.support.bicep import as_json, source, variable

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = ROOT / ".github/workflows"
WORKFLOW: dict[Any, Any] = yaml.safe_load((WORKFLOWS / "azure-dev.yml").read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["deploy"]
PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LOGIN = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"}


def variables() -> set[str]:
    """Those that the parameters come from, but for the one that azd sets by itself."""
    values = " ".join(one["value"] for one in as_json("main.parameters.json")["parameters"].values())
    return set(re.findall(r"\$\{(\w+)", values)) - {"AZURE_PRINCIPAL_ID"}


def test_every_variable_of_the_parameters_comes_from_github_by_its_own_name() -> None:
    assert JOB["env"] == {name: f"${{{{ vars.{name} }}}}" for name in variables() | LOGIN}


def test_the_job_may_read_the_sources_and_show_who_it_is_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in (WORKFLOWS / "azure-dev.yml").read_text(encoding="utf-8")
    assert JOB["steps"][0]["with"] == {"persist-credentials": False}


def test_no_command_of_the_job_has_an_expression_in_it() -> None:
    runs = [step["run"] for step in JOB["steps"] if "run" in step]
    assert not [run for run in runs if "${{" in run], "what a variable holds would be read by the shell"
    told = [" ".join(run.split()[:2]) for run in runs]
    assert told == ["azd auth", "azd provision", "azd provision", "azd deploy"]


def test_what_would_change_is_told_before_anything_does_and_a_preview_changes_nothing() -> None:
    _, preview, *changes = [step for step in JOB["steps"] if "run" in step]
    assert "--preview" in preview["run"]
    assert [step["if"] for step in changes] == ["${{ !inputs.preview }}"] * 2
    asked = WORKFLOW[True]["workflow_dispatch"]["inputs"]["preview"]  # YAML reads the key "on" as true
    assert asked["default"] is True


def test_no_deployment_is_broken_off_and_none_runs_beside_another() -> None:
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is False
    assert JOB["environment"] in WORKFLOW["concurrency"]["group"]


def test_an_action_has_the_same_version_everywhere() -> None:
    used = set(re.findall(r"uses: (\S+)@(\S+)", "".join(path.read_text() for path in WORKFLOWS.iterdir())))
    assert len(dict(used)) == len(used)
    assert all(re.fullmatch(r"v\d+(\.\d+)*|[0-9a-f]{40}", version) for _, version in used)


def test_the_deployer_may_give_and_take_the_roles_of_the_template_and_no_others() -> None:
    assert '--condition "$(cat infra/deployer-condition.txt)"' in PAGE
    lists = re.findall(r"@(\w+)\[[^]]*\] ForAnyOfAnyValues:GuidEquals \{(.*)\}", source("deployer-condition.txt"))
    assert [attributes for attributes, _ in lists] == ["Request", "Resource"]  # of what is made, of what is deleted
    for _, ids in lists:
        assert sorted(ids.split(", ")) == sorted(variable("identity.bicep", "roles").values())


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
def test_lists_and_objects_arrive_at_github_as_they_are_in_azd(tmp_path: Path) -> None:
    objects = '{"prod": {"host": "https://adb-1.1.azuredatabricks.net", "tokenSecret": "it\'s $(touch pwned)"}}'
    for name, does in {
        "azd": 'case "$3" in DATABRICKS_WORKSPACES) printf %s "$OBJECTS";; DRAINED) echo true;;'
        " LOCKED) echo;; *) exit 1;; esac",
        "gh": 'printf "%s\\n" "$*" >> "$TOLD"',
        "az": "echo an-id",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    told = tmp_path / "told"
    subprocess.run(  # noqa: S603  # the commands of our own page
        ["bash", "-euc", COMMANDS[-1]],  # noqa: S607
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "DEPLOYER": "d",
            "SUBSCRIPTION": "s",
            "OBJECTS": objects,
            "TOLD": str(told),
        },
        cwd=ROOT,
        check=True,
    )
    given = dict(re.findall(r"^variable set (\w+) --env prod --body (.*)$", told.read_text(), re.MULTILINE))
    assert given == {
        "AZURE_CLIENT_ID": "d",
        "AZURE_TENANT_ID": "an-id",
        "AZURE_SUBSCRIPTION_ID": "s",
        "DATABRICKS_WORKSPACES": objects,
        "DRAINED": "true",
    }
    assert not (ROOT / "pwned").exists()


def test_the_credential_is_for_the_environment_that_is_deployed_to() -> None:
    assert ":environment:prod\"')" in COMMANDS[0]
    (given,) = re.findall(r"--parameters '(\{.*?\})'", COMMANDS[0].replace("'\"$SUBJECT\"'", "s"), re.DOTALL)
    assert json.loads(given) == {
        "name": "github-prod",
        "issuer": "https://token.actions.githubusercontent.com",
        "audiences": ["api://AzureADTokenExchange"],
        "subject": "s",
    }
    assert "'prod'" in JOB["environment"]
