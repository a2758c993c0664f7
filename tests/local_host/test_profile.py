"""``cancel --profile``: what the Databricks CLI has configured is enough, and nothing of its file is repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local_host.profile import use_profile
from local_host.start_error import StartError
from tests.support import ROOT
from tests.support.serve_process import environment
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

CLIENT_ID = "11112222-3333-4444-5555-666677778888"
FILE = f"""
[DEFAULT]
host = https://default.example
token = {TOKEN}

[bare]
host = bare.example/
token = 100%{TOKEN}

[principal]
host = https://principal.example
client_id = {CLIENT_ID}
client_secret = {TOKEN}

[signed-in]
host = https://signed-in.example
auth_type = azure-cli

[browser]
host = https://browser.example
auth_type = databricks-cli

[no-token]
host = https://no-token.example
auth_type = pat

[no-host]
token = {TOKEN}
"""
HELD = {"DATABRICKS_TOKEN": "of another host", "KEY_VAULT_URI": "https://v.example", "DATABRICKS_WORKSPACES": "{}"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "databrickscfg"
    path.write_text(FILE)
    for key in [key for key in os.environ if key.startswith(("DATABRICKS_", "LOCAL_", "KEY_VAULT"))]:
        monkeypatch.delenv(key)
    for key, value in HELD.items():
        monkeypatch.setenv(key, value)
    for key in ("DATABRICKS_HOST", "DATABRICKS_AUTH", "DATABRICKS_CLIENT_ID", "LOCAL_DATABRICKS_TOKEN"):
        monkeypatch.setenv(key, "")  # so that what a test sets is taken back
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(path))
    return path


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("DEFAULT", {"DATABRICKS_HOST": "https://default.example", "LOCAL_DATABRICKS_TOKEN": TOKEN}),
        ("bare", {"DATABRICKS_HOST": "https://bare.example/", "LOCAL_DATABRICKS_TOKEN": f"100%{TOKEN}"}),
        (
            "principal",
            {
                "DATABRICKS_HOST": "https://principal.example",
                "DATABRICKS_AUTH": "oauth",
                "DATABRICKS_CLIENT_ID": CLIENT_ID,
                "LOCAL_DATABRICKS_TOKEN": TOKEN,
            },
        ),
        ("signed-in", {"DATABRICKS_HOST": "https://signed-in.example", "DATABRICKS_AUTH": "managedIdentity"}),
    ],
)
@pytest.mark.usefixtures("file")
def test_a_profile_replaces_the_shells_workspace_and_token(name: str, made: dict[str, str]) -> None:
    use_profile(name)
    keys = {"DATABRICKS_HOST", "DATABRICKS_AUTH", "DATABRICKS_CLIENT_ID", "LOCAL_DATABRICKS_TOKEN", *HELD}
    assert {key: os.environ[key] for key in keys if key in os.environ} == made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "has no profile of that name; its profiles: DEFAULT, bare, principal, signed-in"),
        ("browser", "databricks auth token --profile browser"),
        ("no-token", "has not got a token"),
        ("no-host", "has no host"),
        ("default", "has no profile of that name"),
        ("", "has no profile of that name"),
    ],
)
@pytest.mark.usefixtures("file")
def test_a_profile_that_cannot_be_used_is_told_without_what_it_holds(name: str, said: str) -> None:
    with pytest.raises(StartError) as raised:
        use_profile(name)
    assert said in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert os.environ["DATABRICKS_TOKEN"] == "of another host"


@pytest.mark.parametrize("content", [TOKEN, f"[a]\ntoken\n{TOKEN}", f"[a\ntoken = {TOKEN}", b"[a]\ntoken = \xff\xfe"])
def test_a_file_that_is_none_of_profiles_is_told_without_its_lines(file: Path, content: str | bytes) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StartError, match="is not a file of profiles") as raised:
        use_profile("a")
    assert TOKEN not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_file_that_is_not_there_or_is_a_folder_is_named(file: Path) -> None:
    file.unlink()
    with pytest.raises(StartError, match=r"databrickscfg cannot be read \(No such file"):
        use_profile("DEFAULT")
    file.mkdir()
    with pytest.raises(StartError, match="databrickscfg cannot be read"):
        use_profile("DEFAULT")


def test_a_run_is_canceled_with_a_profile_alone(workspace: JobsApi, tmp_path: Path) -> None:
    run_id = workspace.add_run()
    file = tmp_path / "profiles"
    file.write_text(f"[mine]\nhost = {workspace.url}\ntoken = {TOKEN}\n")
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "local_host", "cancel", str(run_id), "--profile", "mine"],
        cwd=ROOT,
        env=environment({"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_TOKEN": "of another host"}),
        capture_output=True,
        text=True,
        timeout=30.0,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "settings: none is set beside the profile" in done.stderr
    assert '"outcome": "canceled"' in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert {call.status_code for call in workspace.calls} == {200}
