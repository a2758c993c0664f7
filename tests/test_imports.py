"""Who may import whom, folder by folder, read from the source."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# a place of the product, which is a folder or a module at the top -> the places that it may import; each of them
# stands above it in this list, so that no arrow runs back and there is no circle
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "text": set(),
    "clock": set(),
    "retry_after": set(),
    "cancellation": {"errors", "text"},
    "job_lists": {"cancellation"},
    "workspaces": {"cancellation", "job_lists", "text"},
    "page_lookup": {"cancellation", "text", "workspaces"},
    "settings_reader": {"errors", "workspaces"},
    "settings": {"cancellation", "errors", "settings_reader", "workspaces"},
    "durable": set(),
    "databricks/transport": {"clock"},
    "databricks/tokens": {"clock", "databricks/transport", "errors", "retry_after", "workspaces"},
    "databricks": {
        "cancellation",
        "clock",
        "databricks/transport",
        "databricks/tokens",
        "errors",
        "retry_after",
        "text",
        "workspaces",
    },
    "activities": {"cancellation", "clock", "databricks", "databricks/tokens", "errors", "job_lists", "settings"},
    "token_watch": {"clock", "databricks/tokens", "errors", "settings"},
    "orchestrator": {"cancellation", "durable", "errors"},
    "job": {"cancellation", "durable", "errors", "text"},
    "triggers/alerts": {"cancellation", "errors", "job", "page_lookup", "settings", "text"},
    "triggers": {"cancellation", "clock", "errors", "job", "page_lookup", "settings", "text", "triggers/alerts"},
    "triggers/pages": {"cancellation", "clock", "errors", "job", "settings", "text", "triggers"},
}

# module of cancel_run -> what it may import from outside the standard library
THIRD_PARTIES: dict[str, set[str]] = {
    "databricks/client": {"requests"},
    "databricks/transport/session": {"requests", "urllib3"},
    "databricks/transport/sockets": {"urllib3"},
    "databricks/transport/transport": {"requests", "urllib3"},
    "databricks/tokens/azure_identity": {"azure"},
    "databricks/tokens/key_vault": {"azure"},
    "databricks/tokens/managed_identity": {"azure"},
    "databricks/tokens/oauth": {"requests"},
    "durable": {"azure"},
    "job/orchestrator": {"azure"},
    "orchestrator": {"azure"},
    "triggers/listing": {"azure"},
    "triggers/timer_trigger": {"azure"},
    "triggers/windows": {"azure"},
    "workspaces": {"urllib3"},
}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def module(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().partition("/")[2]


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


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def places_imported(path: Path) -> set[str]:
    """The places of the product that a file imports from."""
    parts = [name.split(".")[1:] for name in imports(path) if name.startswith("cancel_run.")]
    return {
        place("/".join(name[:end]))
        for name in parts
        for end in range(1, len(name) + 1)
        if (ROOT / "cancel_run" / "/".join(name[:end])).with_suffix(".py").exists()
    }


def place(name: str) -> str:
    return name.rpartition("/")[0] or name


@pytest.mark.parametrize("path", modules("cancel_run"), ids=module)
def test_a_module_of_the_product_imports_only_from_the_places_below_its_own(path: Path) -> None:
    here = place(module(path))
    assert places_imported(path) <= {here, *MAY_IMPORT.get(here, set())}
    assert tops(path) - set(sys.stdlib_module_names) - {"cancel_run"} <= THIRD_PARTIES.get(module(path), set())


def test_no_arrow_between_the_places_runs_back() -> None:
    places = list(MAY_IMPORT)
    for here, allowed in MAY_IMPORT.items():
        assert allowed <= set(places[: places.index(here)])


@pytest.mark.parametrize("path", ["cancel_run/orchestrator.py", "cancel_run/job/orchestrator.py"])
def test_an_orchestrator_takes_nothing_from_the_sdk_but_retry_options(path: str) -> None:
    assert {name for name in imports(ROOT / path) if name.startswith("azure")} == {
        "azure.durable_functions.RetryOptions"
    }


def test_the_composition_root_imports_the_product_and_azure_alone() -> None:
    path = ROOT / "function_app.py"
    assert tops(path) - set(sys.stdlib_module_names) == {"azure", "cancel_run"}


@pytest.mark.parametrize("path", modules("local_host"), ids=module)
def test_the_local_host_drives_the_registered_functions_and_never_the_product(path: Path) -> None:
    assert not tops(path) & {"bench", "cancel_run", "tests"}


@pytest.mark.parametrize("path", modules("local_host/emulators"), ids=module)
def test_an_emulator_knows_nothing_of_the_client_that_it_is_to_find_out(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith("local_host.")}
    assert {name for name in ours if not name.startswith("local_host.emulators.")} <= {"local_host.background.LOOPBACK"}


@pytest.mark.parametrize("path", modules("local_host/engine"), ids=module)
def test_the_engine_knows_nothing_of_the_host_around_it_or_of_the_emulators(path: Path) -> None:
    ours = {name for name in imports(path) if name.startswith("local_host.")}
    assert {name for name in ours if not name.startswith("local_host.engine.")} <= {"local_host.background.LOOPBACK"}


@pytest.mark.parametrize("path", modules("cancel_run"), ids=module)
def test_the_product_knows_nothing_of_what_runs_measures_or_tests_it(path: Path) -> None:
    assert not tops(path) & {"bench", "function_app", "infra", "local_host", "tests"}


@pytest.mark.parametrize("path", modules("tests"), ids=module)
def test_what_tests_share_is_in_their_support_and_no_test_imports_another(path: Path) -> None:
    ours = {name for name in imports(path) if name.split(".")[0] == "tests"}
    assert {name for name in ours if not re.match(r"tests\.support\b(?!\.test_)", name)} == set()


@pytest.mark.parametrize("path", [*modules("bench"), *modules("infra")], ids=module)
def test_what_counts_and_measures_needs_no_test_and_the_count_no_measurement(path: Path) -> None:
    assert "tests" not in tops(path)
    assert "bench" not in tops(path) or path.is_relative_to(ROOT / "bench")
