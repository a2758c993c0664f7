"""One version number: the command, the user agent, the OpenAPI document and the changelog tell the same."""

from __future__ import annotations

import re

import pytest

from cancel_run import __version__
from cancel_run.databricks.client import USER_AGENT
from cancel_run.triggers import openapi
from local_host.__main__ import main
from tests.support import ROOT


def test_the_command_the_user_agent_and_the_openapi_document_tell_one_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    told = {
        capsys.readouterr().out.split()[1],
        USER_AGENT.split()[0].partition("/")[2],
        openapi.document("")["info"]["version"],
    }
    assert told == {__version__}


def test_the_newest_release_in_the_changelog_is_that_version() -> None:
    titles = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert titles[1] == __version__
