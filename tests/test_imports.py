"""Who may import whom: the walls of the house, read from the source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# module of cancel_run -> the siblings it may import
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "clock": set(),
    "errors": set(),
    "text": set(),
    "polling": set(),
    "result": set(),
    "retry_after": set(),
    "run": {"text"},
    "request": {"errors", "text"},
    "workspaces": {"request"},
    "settings": {"errors", "polling", "request", "workspaces"},
    "progress": {"polling", "request", "result", "run"},
    "orchestrator": {"errors", "outcome_event", "progress", "result"},
    "outcome_event": {"result"},
    "purging": {"clock", "settings"},
    "jobs_answers": {"errors", "retry_after", "text"},
    "key_vault": {"errors", "clock", "retry_after"},
    "pacing": {"clock"},
    "databricks": {"__init__", "errors", "jobs_answers", "pacing", "run", "clock", "key_vault", "workspaces"},
    "activities": {"databricks", "errors", "key_vault", "result", "clock", "settings"},
    "starting": {"errors", "request", "settings"},
    "alerts": {"errors", "request", "text", "settings"},
    "queue_door": {"alerts", "errors", "settings", "starting"},
    "openapi": {"__init__", "request", "result", "text"},
    "http_door": {"errors", "openapi", "request", "result", "starting", "clock", "settings"},
}

# module of cancel_run -> what it may import from outside the standard library
THIRD_PARTIES: dict[str, set[str]] = {
    "databricks": {"requests", "urllib3"},
    "key_vault": {"azure"},
    "orchestrator": {"azure"},
    "purging": {"azure"},
}


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def siblings(path: Path, package: str) -> set[str]:
    found = {name.split(".")[1] for name in imports(path) if name.startswith(f"{package}.")}
    return {name if (ROOT / package / f"{name}.py").exists() else "__init__" for name in found}


def third_parties(path: Path) -> set[str]:
    tops = {name.split(".")[0] for name in imports(path)}
    return tops - set(sys.stdlib_module_names) - {"cancel_run"}


@pytest.mark.parametrize("path", sorted((ROOT / "cancel_run").glob("*.py")), ids=lambda path: path.stem)
def test_a_module_of_the_product_imports_only_what_stands_below_it(path: Path) -> None:
    assert siblings(path, "cancel_run") <= MAY_IMPORT[path.stem]
    assert third_parties(path) <= THIRD_PARTIES.get(path.stem, set())


def test_the_orchestrator_takes_nothing_from_the_sdk_but_retry_options() -> None:
    assert {name for name in imports(ROOT / "cancel_run/orchestrator.py") if name.startswith("azure")} == {
        "azure.durable_functions.RetryOptions"
    }


def test_the_composition_root_imports_the_product_and_azure_alone() -> None:
    assert third_parties(ROOT / "function_app.py") == {"azure"}


@pytest.mark.parametrize("path", sorted((ROOT / "local_host").glob("*.py")), ids=lambda path: path.stem)
def test_the_local_host_drives_the_registered_functions_and_never_the_product(path: Path) -> None:
    assert "cancel_run" not in {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("name", ["databricks", "run_life", "key_vault", "faults"])
def test_an_emulator_knows_nothing_of_the_client_that_it_is_to_find_out(name: str) -> None:
    path = ROOT / "local_host" / f"{name}.py"
    assert third_parties(path) <= {"aiohttp", "local_host"}
    assert siblings(path, "local_host") <= {"faults", "run_life"}


@pytest.mark.parametrize("folder", ["cancel_run", "local_host", "."])
def test_nothing_imports_the_tests_or_the_benchmark_and_the_product_never_the_local_host(folder: str) -> None:
    for path in (ROOT / folder).glob("*.py"):
        tops = {name.split(".")[0] for name in imports(path)}
        assert not {"tests", "bench"} & tops
        assert folder == "local_host" or "local_host" not in tops
