"""What azd uploads: made by a hook before azd packs it, from a tree that stays as it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]  # the stubs are a package of their own

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

AZD = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
(SERVICE,) = AZD["services"].values()


def listed(*arguments: str, folder: Path) -> set[str]:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607  # git is where the shell finds it
    return set(done.stdout.splitlines())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the sources that somebody has checked out and worked in."""
    folder = tmp_path / "a project"
    folder.mkdir()
    for path in listed("ls-files", folder=ROOT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    listed("init", "--quiet", folder=folder)
    listed("add", ".", folder=folder)
    (folder / "cancel_run/__pycache__").mkdir()
    (folder / "cancel_run/__pycache__/left.pyc").touch()
    (folder / "local.settings.json").write_text("{}")
    return folder


def hook(system: str) -> Any:
    return SERVICE["hooks"]["prepackage"][system]


def prepackage(folder: Path) -> None:
    """As azd runs an inline hook of a service on Linux and macOS, with the project's folder as the current one."""
    script = "set -e\n" + hook("posix")["run"].replace("python3", f"'{sys.executable}'")
    subprocess.run(["sh", "-c", script], cwd=folder, check=True)  # noqa: S603, S607  # our own hook


def test_what_is_uploaded_is_the_app_with_what_is_locked_and_nothing_else(project: Path) -> None:
    for _ in range(2):  # the second time over what the first has left
        prepackage(project)
        package = project / SERVICE["dist"]
        made = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
        app = {path for path in listed("ls-files", folder=ROOT) if path.startswith("cancel_run/")}
        assert made == {"function_app.py", "host.json", "requirements.txt"} | app
        (package / "left.py").touch()
    assert (project / SERVICE["dist"] / "requirements.txt").read_bytes() == (ROOT / "requirements.lock").read_bytes()


def test_the_tree_is_as_it_was(project: Path) -> None:
    prepackage(project)
    before = {path: (ROOT / path).read_bytes() for path in listed("ls-files", folder=ROOT)}
    assert {path: (project / path).read_bytes() for path in listed("ls-files", folder=project)} == before
    new = listed("ls-files", "--others", "--exclude-standard", folder=project)
    assert not new, "what the hook makes is ignored by git"


def test_a_package_that_cannot_be_made_stops_azd(project: Path) -> None:
    (project / "requirements.lock").unlink()
    with pytest.raises(subprocess.CalledProcessError):
        prepackage(project)


def test_every_system_runs_the_same_script_and_hands_on_its_exit_code() -> None:
    assert set(SERVICE["hooks"]["prepackage"]) == {"posix", "windows"}
    assert hook("posix") == {"shell": "sh", "run": "python3 infra/package.py"}
    assert hook("windows") == {"shell": "pwsh", "run": "python infra/package.py; exit $LASTEXITCODE"}
