"""What the deployment installs: bounded, and locked to exact versions with their hashes."""

from __future__ import annotations

import ast
import os
import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

LISTS = ["requirements.txt", "requirements-local.txt", "requirements-dev.txt"]
PYTHONS = ["3.11", "3.12", "3.13"]


def asked_for(file: str = "requirements.txt") -> list[Requirement]:
    """What the file lists itself, without what it includes."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r ")]


def with_theirs(names: Iterable[str]) -> set[str]:
    """These distributions, and all that theirs need, as they are installed here."""
    known: set[str] = set()
    new = {canonicalize_name(name) for name in names}
    while new:
        known |= new
        listed = (Requirement(line) for name in new for line in metadata.requires(name) or [])
        needed = {canonicalize_name(one.name) for one in listed if one.marker is None or one.marker.evaluate()}
        new = needed - known
    return known


def third_parties(*folders: str) -> set[str]:
    """The modules of others that the sources import, to two names: ``azure.storage``, ``rich.console``."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    ours = {"cancel_run", "function_app", "local_host", *sys.stdlib_module_names}
    return {name for name in named if name.partition(".")[0] not in ours}


def test_what_runs_on_one_machine_imports_nothing_but_what_its_list_brings() -> None:
    brought = with_theirs(
        one.name for file in ("requirements.txt", "requirements-local.txt") for one in asked_for(file)
    )
    files = {str(file) for name in brought for file in metadata.files(name) or []}
    for name in third_parties("cancel_run", "local_host"):
        path = name.replace(".", "/")
        assert any(one.startswith((f"{path}/", f"{path}.")) for one in files), name


def test_the_lists_are_one_in_the_other_and_none_repeats_another() -> None:
    included = {file: re.findall(r"^-r (.*)$", (ROOT / file).read_text(), re.MULTILINE) for file in LISTS}
    assert list(included.values()) == [[], LISTS[:1], LISTS[1:2]]
    names = [canonicalize_name(one.name) for file in LISTS for one in asked_for(file)]
    assert len(names) == len(set(names))


def locked() -> list[tuple[Requirement, list[str]]]:
    """Each requirement of the lock, with its hashes."""
    text = "\n".join(line for line in (ROOT / "requirements.lock").read_text().splitlines() if line[:1] != "#")
    entries = text.replace("\\\n", " ").splitlines()
    return [(Requirement(entry.partition("--hash")[0]), re.findall(r"--hash=(\S+)", entry)) for entry in entries]


def test_every_runtime_dependency_is_bounded_below_and_above() -> None:
    for requirement in asked_for():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, requirement


# the last version with a hole that was known on 2026-11-26, and one of those holes
HOLES = {
    "requests": ("2.32.5", "CVE-2026-25645"),
    "aiohttp": ("3.14.3", "PYSEC-2026-4369"),
    "azure-core": ("1.37.0", "CVE-2026-21226"),
    "cryptography": ("49.0.0", "CVE-2026-69247"),
    "pyjwt": ("2.14.0", "CVE-2026-101918"),
    "urllib3": ("2.7.0", "CVE-2026-97687"),
}


@pytest.mark.parametrize("name", HOLES)
def test_no_version_with_a_known_hole_is_taken_and_the_list_says_which_hole(name: str) -> None:
    version, hole = HOLES[name]
    (requirement,) = [one for one in asked_for() if canonicalize_name(one.name) == name]
    assert not requirement.specifier.contains(version)
    (line,) = re.findall(rf"^{requirement.name}>=.*$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert hole in line.partition("#")[2]
    assert requirement.specifier.contains(metadata.version(name)), "the tests run on what is deployed"


def test_every_line_of_the_lock_is_one_version_with_hashes() -> None:
    for requirement, hashes in locked():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert "*" not in str(requirement.specifier)
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


def test_the_lock_names_no_index_and_no_url() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_requirements_on_every_python(python: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    pins: dict[str, str] = {}
    for requirement, _ in locked():
        if requirement.marker is None or requirement.marker.evaluate(here):
            (pin,) = requirement.specifier
            assert pins.setdefault(canonicalize_name(requirement.name), pin.version) == pin.version, requirement
    for requirement in asked_for():
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_ci_runs_what_a_person_runs_on_every_python_of_the_lock() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    (pythons,) = re.findall(r"^ +python: \[(.*)\]$", workflow, re.MULTILINE)
    assert re.findall(r'"([^"]+)"', pythons) == PYTHONS
    assert re.findall(r"- run: (.*)$", workflow, re.MULTILINE) == [".ci/run"]
    assert os.access(ROOT / ".ci/run", os.X_OK)
