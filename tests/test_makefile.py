"""What `make` says and does, in a folder with the Makefile and nothing that it would install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")

SECONDS = 60.0
LISTS = ["requirements.txt", "requirements-local.txt", "requirements-dev.txt"]
# every program that a recipe calls tells its arguments, one a line
RECORDER = '#!/bin/sh\nfor one in "$@"; do printf \'<%s>\\n\' "$one"; done\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which `.venv` is made and complete; its python writes what it was called with."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in LISTS:
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    program(tmp_path / ".venv/bin/python", RECORDER)
    for stamp in (".ready-local", ".ready"):
        (tmp_path / ".venv" / stamp).touch()
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHON", "MAKEFLAGS", "MAKELEVEL"}}
    return subprocess.run(  # noqa: S603  # our own Makefile
        ["make", *arguments],  # noqa: S607  # the one that a person has
        cwd=folder,
        env=kept | environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def python_of(folder: Path, name: str, text: str) -> str:
    """A Python that calls itself ``text`` when it is asked what it is."""
    asked = f'#!/bin/sh\ncase "$2" in *base_prefix*) echo "{text}";; esac\n'
    return str(program(folder / name, asked))


def test_make_alone_lists_every_command_that_is_for_a_person(folder: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    listed = make(folder)
    assert set(re.findall(r"\bmake ([a-z-]+)", listed.stdout)) - {"sC"} | {"help"} >= targets - {
        "another-python",
        "lint-infra",
        "node",
    }
    assert make(folder, "help").stdout == listed.stdout
    assert max(map(len, listed.stdout.splitlines())) < 80


def test_cancel_hands_over_what_it_was_given_as_it_was_given(folder: Path) -> None:
    done = make(folder, "cancel", "RUN=5", "WORKSPACE=prod", "REASON=a 'b' \"c\"; echo d", "TIMEOUT=9")
    said = ["-m", "local_host", "cancel", "--workspace=prod", "--reason=a 'b' \"c\"; echo d", "--timeout=9", "--", "5"]
    assert re.findall(r"^<(.*)>$", done.stdout, re.MULTILINE) == said
    assert done.stdout.count("\n") == len(said), "nothing but the program's own output is on stdout"


@pytest.mark.parametrize("by", ["the command line", "the environment"])
def test_neither_make_nor_a_shell_reads_what_is_in_a_value(by: str, folder: Path) -> None:
    given = {"RUN": "--job=5", "REASON": "costs $5 $(shell touch made) `touch made` $(x)"}
    environ = given if by == "the environment" else {}
    typed = [] if environ else [f"{name}={value}" for name, value in given.items()]
    done = make(folder, "cancel", *typed, **environ)
    said = ["-m", "local_host", "cancel", f"--reason={given['REASON']}", "--", "--job=5"]
    assert re.findall(r"^<(.*)>$", done.stdout, re.MULTILINE) == said
    assert not (folder / "made").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(folder: Path) -> None:
    assert "-m venv --clear .venv; fi" not in make(folder, "-n", "demo").stdout
    (folder / ".venv/bin/python").unlink()
    (folder / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert "-m venv --clear .venv; fi" in make(folder, "-n", "demo").stdout


def test_serve_hands_over_the_port_as_it_was_given(folder: Path) -> None:
    port = '0\'; echo "$HOME"'
    given = make(folder, "serve", f"PORT={port}")
    assert re.findall(r"^<(.*)>$", given.stdout, re.MULTILINE) == ["-m", "local_host", "serve", f"--port={port}"]
    assert re.findall(r"^<(.*)>$", make(folder, "serve").stdout, re.MULTILINE) == ["-m", "local_host", "serve"]


def test_a_name_in_small_letters_is_refused_where_make_itself_would_take_no_notice(folder: Path) -> None:
    done = make(folder, "serve", "port=0")
    assert done.returncode == 2
    assert "port= means nothing here" in done.stderr


def test_cancel_without_a_run_says_how_to_name_one(folder: Path) -> None:
    done = make(folder, "cancel")
    assert (done.returncode, done.stdout) == (2, "")
    assert "make cancel RUN=455644833" in done.stderr


def test_from_another_directory_the_output_is_the_same(folder: Path) -> None:
    there = make(Path("/"), "-sC", str(folder), "demo")
    assert there.stdout == make(folder, "demo").stdout == "<-m>\n<local_host>\n<demo>\n"


def test_another_python_that_is_named_makes_the_environment_anew_and_nothing_else_does(folder: Path) -> None:
    same, other = (python_of(folder, name, name) for name in ("same", "other"))
    shutil.copy(same, folder / ".venv/bin/python")
    anew = "-m venv --clear .venv; fi"
    for arguments in ([], [f"PYTHON={same}"]):
        assert anew not in make(folder, "-n", *arguments, "demo").stdout
    assert anew in make(folder, "-n", f"PYTHON={other}", "demo").stdout
    assert anew in make(folder, "-n", "demo", PYTHON=other).stdout


def test_a_list_that_changes_is_installed_into_the_environment_that_is_there(folder: Path) -> None:
    os.utime(folder / "requirements-local.txt", (2**32, 2**32))
    here = python_of(folder, "here", "here")
    done = make(folder, "demo", f"PYTHON={shutil.copy(here, folder / '.venv/bin/python')}")
    assert "Installing requirements-local.txt" in done.stderr
    assert "Making" not in done.stderr


@pytest.mark.parametrize("npm", ["echo 'npm error code ECONNREFUSED' >&2; exit 1", None])
def test_an_npm_that_fails_or_is_missing_says_why_and_stops_nothing(folder: Path, npm: str | None) -> None:
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "make", "echo", "command"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    if npm is not None:
        program(tools / "npm", f"#!/bin/sh\n{npm}\n")
    done = make(folder, "test", PATH=str(tools))
    assert done.returncode == 0, done.stderr
    assert ("npm error code ECONNREFUSED" in done.stderr) == (npm is not None)
    assert "are skipped" in done.stdout
    assert "<pytest>" in done.stdout


def test_azurite_is_started_in_memory_and_tells_nobody(folder: Path) -> None:
    installed = folder / ".azurite/node_modules/.bin"
    installed.mkdir(parents=True)
    program(installed / "azurite", RECORDER)
    (folder / ".kusto/node_modules/@kusto/language-service-next").mkdir(parents=True)
    (folder / ".axe/node_modules/axe-core/axe.min.js").mkdir(parents=True)
    started = make(folder, "azurite").stdout
    assert "<--disableTelemetry>" in started
    assert "<--inMemoryPersistence>" in started
