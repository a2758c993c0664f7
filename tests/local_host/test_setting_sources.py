"""Where the local host finds its settings, and what it makes of names that look like one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local_host.environment import spare_loopback
from local_host.setting_sources import OF_THE_APP, load
from local_host.start_error import StartError
from tests.support import ROOT
from tests.support.app_settings import settings_of_the_app

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, content: Any) -> Path:
    path = folder / "local.settings.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_names_are_those_that_the_app_reads() -> None:
    assert set(OF_THE_APP) == settings_of_the_app()


def test_the_environment_wins_even_where_it_is_empty(tmp_path: Path) -> None:
    environ = {"DATABRICKS_HOST": "https://a.example", "KEY_VAULT_URI": ""}
    values = {"DATABRICKS_HOST": "https://b.example", "KEY_VAULT_URI": "https://v.example", "POLL_MAX_SECONDS": "9"}
    sources = load(environ, written(tmp_path, {"IsEncrypted": False, "Values": values}))
    assert environ == {"DATABRICKS_HOST": "https://a.example", "KEY_VAULT_URI": "", "POLL_MAX_SECONDS": "9"}
    assert sources.lines() == [
        "settings from the environment: DATABRICKS_HOST",
        "settings from local.settings.json: POLL_MAX_SECONDS",
    ]


def test_the_example_is_taken_and_no_file_is_none(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    assert load(environ, tmp_path / "local.settings.json").lines() == ["settings: none is set"]
    assert "DATABRICKS_HOST" in load(environ, ROOT / "local.settings.json.example").file


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "Values"),
        ({"Values": []}, "Values"),
        ({"IsEncrypted": True, "Values": {}}, "encrypted"),
        ({"Values": {"POLL_MAX_SECONDS": 9}}, "POLL_MAX_SECONDS"),
        ({"Values": {"A": "\0"}}, "string"),
        ({"Values": {"A=B": "1"}}, "="),
        ({"Values": {"": "1"}}, "string"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(content: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=said):
        load({}, written(tmp_path, content))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WAIT_TIMEOUT_SECOND", "WAIT_TIMEOUT_SECONDS"),
        ("POLL_MAX_SECOND", "POLL_MAX_SECONDS"),
        ("DATABRIKS_HOST", "DATABRICKS_HOST"),
        ("databricks_host", "DATABRICKS_HOST"),
        ("AZUREWEBJOBSSTORAGE", "AzureWebJobsStorage"),
        ("WAIT_TIMEOUT", "WAIT_TIMEOUT_SECONDS"),
        ("WORKSPACES", "DATABRICKS_WORKSPACES"),
        ("PROTECTED_JOBS", "DATABRICKS_PROTECTED_JOBS"),
        ("AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage"),
        ("DATABRICKS_HOST", None),
        ("WORKSPACE", None),
        ("HOST", None),
        ("DATABRICKS", None),
        ("DATABRICKS_CONFIG_PROFILE", None),
        ("DATABRICKS_AUTH_TYPE", None),
        ("PATH", None),
    ],
)
def test_a_name_that_looks_like_a_setting_is_told(name: str, meant: str | None, tmp_path: Path) -> None:
    misspelt = load({name: "a value"}, tmp_path / "none").misspelt
    assert misspelt == (((name, meant),) if meant else ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "a.example, b.example"}, "a.example,b.example,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.example", "no_proxy": "localhost"}, "localhost,a.example,127.0.0.1,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_loopback_is_added_to_what_no_proxy_is_asked_for(before: dict[str, str], after: str) -> None:
    environ = dict(before)
    spare_loopback(environ)
    assert environ == {"no_proxy": after, "NO_PROXY": after}
