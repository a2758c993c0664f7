"""What keeps a command from starting is a sentence and exit code 2; wrong settings are told all at once."""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trustme

from local_host.engine.journal import Journal
from tests.support.serve_process import ended
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

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
    return ended([sys.executable, "-m", "local_host", *arguments], settings, folder)


def storage_at(port: int) -> str:
    return f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:{port}/a;"


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--port", "99999"], {}, "0 to 65535"),
        ([], {"AzureWebJobsStorage": "foo"}, "no connection string"),
        ([], {"AzureWebJobsStorage": storage_at(9) + " "}, "does not answer"),
        ([], {"REQUESTS_CA_BUNDLE": "/nonexistent.pem"}, "/nonexistent.pem"),
        ([], {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1MB"}, "number of bytes"),
        (["--state", "nowhere/journal"], {}, "nowhere/journal"),
        (["--state", "empty"], {}, "empty is empty"),
        (["--state", "/dev/null"], {}, "no file"),
        (["--state", "."], {}, "no file"),
        ([], {"REQUESTS_CA_BUNDLE": "empty"}, "no certificate"),
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


def test_in_a_log_of_objects_the_reason_is_one_too(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--log-format", "json", AzureWebJobsStorage="foo", WAIT_TIMEOUT_SECONDS="1h")
    told = json.loads(done.stderr)
    assert (done.returncode, told["event"], told["level"]) == (2, "notStarted", "error")
    assert "no connection string" in told["message"]
    assert "WAIT_TIMEOUT_SECONDS" in told["message"]


@pytest.mark.parametrize("taken", ["the port", "the storage", "a setting of the queue"])
def test_what_a_journal_holds_does_not_begin_again_where_serve_does_not_start(
    taken: str, workspace: JobsApi, tmp_path: Path
) -> None:
    settings = {"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN}
    with closing(Journal(tmp_path / "journal", {"default": workspace.url})) as journal:
        journal.begin("cancel-active-run", "default-7", {"runId": workspace.add_run()})
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        if taken == "the port":
            done = run(tmp_path, "serve", "--state", "journal", "--port", str(port), **settings)
        else:
            other.close()
            wrong = {"AzureWebJobsStorage": storage_at(port)}
            if taken == "a setting of the queue":
                wrong = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "a minute"}
            settings.update(wrong)
            done = run(tmp_path, "serve", "--state", "journal", "--port", "0", **settings)
    assert (done.returncode, workspace.calls) == (2, []), done.stderr


@pytest.mark.parametrize("beside", ["a private key", "nothing"])
def test_a_folder_of_authorities_may_hold_other_files_but_must_hold_one(beside: str, tmp_path: Path) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "of-others.bin").write_bytes(bytes(range(256)))
    (folder / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    if beside == "a private key":
        authority = trustme.CA()
        authority.private_key_pem.write_to_path(str(folder / "a.pem"), append=True)
        authority.cert_pem.write_to_path(str(folder / "a.pem"), append=True)
    done = run(tmp_path, "demo", REQUESTS_CA_BUNDLE=str(folder))
    assert done.returncode == (0 if beside == "a private key" else 2), done.stderr
    assert ("no certificate" in done.stderr) == (beside == "nothing")


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
