"""What keeps a command from starting is a sentence and exit code 2; wrong settings are told all at once."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.serve_process import environment

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 30.0
KEY = "YWI="
EVERY_PROXY = {
    name: f"{scheme}://127.0.0.1:9"
    for scheme, names in {
        "http": ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"],
        "socks5": ["ALL_PROXY"],
    }.items()
    for name in names
}


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "local_host", *arguments],
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def storage_at(port: int) -> str:
    return f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:{port}/a;"


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--port", "99999"], {}, "0 to 65535"),
        (["--port", "-1"], {}, "0 to 65535"),
        ([], {"AzureWebJobsStorage": "foo"}, "no connection string"),
        ([], {"AzureWebJobsStorage": storage_at(9) + " "}, "does not answer"),
        ([], {"REQUESTS_CA_BUNDLE": "/nonexistent.pem"}, "/nonexistent.pem"),
        ([], {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1MB"}, "number of bytes"),
        (["--state", "nowhere/journal"], {}, "nowhere/journal"),
        (["--state", "empty"], {}, "empty is empty"),
    ],
)
def test_serve_says_in_one_sentence_why_it_does_not_start(
    arguments: list[str], settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    done = run(tmp_path, "serve", "--port", "0", *arguments, **settings)
    # which workspace it would have talked to is told before it tries
    told = [line for line in done.stdout.splitlines() if not line.startswith(("workspace ", "settings"))]
    assert (done.returncode, told) == (2, [])
    sentence = done.stderr.splitlines()[-1]
    assert said in sentence
    assert "--port" in arguments or done.stderr == f"{sentence}\n"  # argparse tells the usage first


def test_a_storage_that_is_silent_is_told_within_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        done = run(tmp_path, "serve", "--port", "0", AzureWebJobsStorage=storage_at(silent.getsockname()[1]))
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert time.monotonic() - started < 20


def test_wrong_settings_are_told_all_at_once_with_where_they_were_set_and_what_was_meant(tmp_path: Path) -> None:
    values = '{"Values": {"WAIT_TIMEOUT_SECONDS": "1h", "POLL_MAX_SECONDS": "2h"}}'
    (tmp_path / "local.settings.json").write_text(values, encoding="utf-8")
    wrong = {"DATABRIKS_HOST": "https://a.example", "POLL_MAX_SECONDS": "3h"}
    done = run(tmp_path, "cancel", "7", **wrong)
    assert (done.returncode, done.stdout) == (2, "")
    told = done.stderr.splitlines()[1:]
    assert [line.split()[0] for line in told] == [
        "Which",
        "POLL_MAX_SECONDS",
        "WAIT_TIMEOUT_SECONDS",
        "DATABRIKS_HOST",
    ]
    assert "'3h'" in told[1]
    assert told[2].endswith("(from local.settings.json)")
    assert "DATABRICKS_HOST" in told[3]


def test_a_proxy_in_the_shell_is_not_asked_for_what_is_here_and_nothing_is_left_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = run(tmp_path, "demo", TMPDIR=str(temporary), **EVERY_PROXY)
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
