"""The commands on the pages, run as they stand there: all that need no account, and no host of Microsoft's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from local_host import command_line
from tests.support import ROOT
from tests.support.azurite import AZURITE, wait_until
from tests.support.page import PAGES, Page
from tests.support.serve_process import ServeProcess, environment, pasted
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0

# what a block begins with, or has in it, that is no command, or needs an account or the Functions host
NO_COMMAND = re.compile(r"\A(?:(?:POST|GET) /| +[0-9.]+ s |\{\{#|function_app\.py  |callers, |[a-z ]+\n? *->)")
ELSEWHERE = re.compile(r"(?:^|[|&$({;\"] ?)(?:az|azd|func) |^infra/smoke\.sh ", re.MULTILINE)

MAKE = re.compile(r"\A(?:\w+=\S+ )*make ([a-z-]+)\n\Z")
SOAK = re.compile(r"\A\.venv/bin/python -m pytest (\S+) --soak[^\n]*\n\Z")
CANCEL = re.compile(r"\.venv/bin/python -m local_host cancel [^\n]*\n\Z")
CURL = re.compile(r"\Acurl ")


def local_blocks(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """The blocks of commands that can be run here and match, each with its page."""
    found = [(path, block) for path in PAGES for block in Page(path).blocks("")]
    return [one for one in found if pattern.search(one[1]) and not ELSEWHERE.search(one[1])]


def test_there_is_no_command_on_a_page_that_no_test_runs() -> None:
    for path, block in local_blocks(re.compile("")):
        if not NO_COMMAND.search(block):
            assert any(kind.search(block) for kind in (MAKE, SOAK, CANCEL, CURL)), f"{path}: who runs\n{block}"


# -- curl, against serve -----------------------------------------------------------------------------------------------

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[ServeProcess]:
    """`make serve` as the pages have it: on an emulated workspace, and with a queue where there is one."""
    connection = {"AzureWebJobsStorage": request.getfixturevalue("storage")} if AZURITE.exists() else {}
    process = ServeProcess(connection)
    try:
        assert process.listens()
        yield process
        process.stop()
    finally:
        process.end()


def statuses(block: str, process: ServeProcess) -> list[str]:
    """The status line of each answer to the block's commands."""
    done = pasted(block.replace("http://127.0.0.1:7071", process.url))
    found = re.findall(r"HTTP/1\.1 (\d+)", done.stdout)
    assert len(found) == len(re.findall(r"^curl ", block, re.MULTILINE)), done.stdout + done.stderr
    return found


@needs_curl
@pytest.mark.parametrize(
    ("path", "block"), [one for one in local_blocks(CURL) if "/api/alerts" not in one[1]], ids=lambda one: one[:20]
)
def test_a_curl_line_of_a_page_begins_a_cancellation_or_looks_at_it(
    path: str, block: str, served: ServeProcess
) -> None:
    assert set(statuses(block, served)) <= {"202", "200"}, path


@needs_curl
@pytest.mark.skipif(not AZURITE.exists(), reason="Azurite is not installed (`make test` installs it where npm is)")
def test_every_alert_on_the_page_of_alerts_cancels_the_run_that_it_names(served: ServeProcess) -> None:
    blocks = [block for _, block in local_blocks(CURL) if "/api/alerts" in block]
    bodies = Page("docs/alerts.md").section("One body of each format")
    assert len(blocks) == 1 + len(re.findall(r"^\*\*", bodies, re.MULTILINE))
    first, *others = blocks
    # the look that follows the first alert may come before the message does
    assert statuses(first, served)[0] == "202"
    for block in others:
        assert statuses(block, served) == ["202"]
    for run_id in {run_id for block in blocks for run_id in re.findall(r"\b4556448\d\d\b", block)}:
        url = f"{served.url}/api/cancel-active-run/default-{run_id}"
        wait_until(lambda url=url: requests.get(url, timeout=SECONDS).status_code != 404)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    refused = [line for line in served.output if "cannot be taken" in line or "asks for nothing" in line]
    assert refused == []


# -- python -m local_host ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "block"), local_blocks(CANCEL), ids=lambda one: one[-40:])
def test_a_cancel_of_a_page_cancels_the_run(path: str, block: str, workspace: JobsApi, tmp_path: Path) -> None:
    run_id = workspace.add_run()
    profiles = tmp_path / "databrickscfg"
    profiles.write_text(f"[DEFAULT]\nhost = {workspace.url}\ntoken = {TOKEN}\n")
    typed = block.replace(".venv/bin/python", shlex.quote(sys.executable)).replace("455644833", str(run_id))
    typed = typed.replace("https://adb-1234567890123456.7.azuredatabricks.net", workspace.url)
    done = subprocess.run(  # noqa: S603  # what the page says
        ["bash", "-ec", typed],  # noqa: S607  # the one that a person has
        cwd=ROOT,
        env=environment({"DATABRICKS_CONFIG_FILE": str(profiles)}),
        input=f"{TOKEN}\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, path + done.stderr
    assert workspace.count("cancel", run_id) == 1


def test_the_command_line_takes_every_command_that_a_page_names_in_a_sentence_or_a_table() -> None:
    parser = command_line.parser(demo=_nothing, serve=_nothing, cancel=_nothing)
    named = {
        line
        for path in PAGES
        for line in re.findall(r"`(?:\w+=\S+ )*\.venv/bin/python -m local_host ([^`]*)`", Page(path).text)
        if line != "--version"
    }
    assert len(named) > 2
    for line in named:
        parser.parse_args(shlex.split(line.replace("SECONDS", "9")))


def _nothing(_: object) -> int:
    return 0


# -- make and pytest ---------------------------------------------------------------------------------------------------


def test_a_make_line_of_a_page_names_a_target_that_is_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for path, block in local_blocks(MAKE):
        assert MAKE.search(block)[1] in targets, path  # type: ignore[index]  # it is one of those that match


def test_a_test_that_a_page_has_run_at_full_size_is_there_and_has_two_sizes() -> None:
    for path, block in local_blocks(SOAK):
        test = ROOT / SOAK.search(block)[1]  # type: ignore[index]  # it is one of those that match
        assert "soak" in test.read_text(encoding="utf-8"), path
