"""What `cancel` shows on a terminal and writes into a pipe, run as a process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from local_host.display import Display
from local_host.emulators.run_life import Life, canceling
from tests.support import ROOT
from tests.support.serve_process import environment
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0
STYLE = re.compile(r"\x1b\[[\d;]*m")


def started(workspace: JobsApi, *arguments: str, stderr: int, **settings: str) -> subprocess.Popen[str]:
    named = {"DATABRICKS_HOST": workspace.url, "DATABRICKS_TOKEN": TOKEN, "TERM": "xterm-256color", **settings}
    return subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "local_host", "cancel", *arguments],
        cwd=ROOT,
        env=environment(named),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def piped(workspace: JobsApi, *arguments: str) -> tuple[int, dict[str, object], str]:
    """The exit code, the object on stdout and the text on stderr."""
    process = started(workspace, *arguments, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, json.loads(out), err


def on_a_terminal(workspace: JobsApi, *arguments: str, columns: int, **settings: str) -> str:
    """What is written to a terminal of that width, escape sequences and all."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = started(workspace, *arguments, stderr=theirs, **settings)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as screen:  # noqa: PTH123  # a descriptor; the error is its end
        while piece := screen.read(65536):
            shown += piece
    process.communicate(timeout=SECONDS)
    return shown.decode()


def test_stdout_has_the_result_alone_and_stderr_how_it_came_about(workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    code, result, told = piped(workspace, str(run_id))
    assert (code, result["outcome"]) == (0, "canceled")
    first, *others = told.splitlines()
    assert f"workspace default: {workspace.url} (on this machine, not emulated by this process)" in first
    assert "outcome: canceled" in others[-1]
    assert "\x1b" not in told
    assert piped(workspace, str(run_id), "--quiet")[2] == ""


def test_a_refusal_is_json_too(workspace: JobsApi) -> None:
    code, refusal, told = piped(workspace, "0")
    assert (code, refusal["status"]) == (2, 400)
    assert "runId must be" in told


def test_why_it_failed_stands_where_the_outcome_does(workspace: JobsApi) -> None:
    run_id = workspace.add_run(Life(may_manage=False))
    code, _, told = piped(workspace, str(run_id))
    assert code == 1
    assert re.search(r"outcome: rejected, PermissionDenied \(403\): .*CAN MANAGE RUN", told.splitlines()[-1])


@pytest.mark.parametrize("columns", [40, 100])
def test_the_line_that_moves_counts_down_and_fits_the_terminal(workspace: JobsApi, columns: int) -> None:
    run_id = workspace.add_run(canceling(3.0))
    waits = {"POLL_FIRST_SECONDS": "2.4"}
    shown = on_a_terminal(workspace, str(run_id), columns=columns, **waits)
    moving = re.findall(r"\d polls?, next look in \d s", shown)
    assert len(set(moving)) > 1, shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"
    for line in re.split(r"[\r\n]|\x1b\[\??\d*[A-GJKhl]", STYLE.sub("", shown)):
        assert len(line) <= columns or line.lstrip()[:1].isdigit(), "lines that stay are wrapped by the terminal"


def test_no_color_means_no_escape_sequence(workspace: JobsApi) -> None:
    shown = on_a_terminal(workspace, str(workspace.add_run()), columns=80, NO_COLOR="1")
    assert "outcome: canceled" in shown
    assert "\x1b" not in shown


def test_what_has_not_changed_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    running = {"lifeCycleState": "RUNNING", "cancels": 1, "polls": 1}
    away = {**running, "polls": 2, "problem": {"message": "No answer\x1b[2J."}}
    for status in (running, away, away, running, {**running, "polls": 4}):
        display.progress(status)
    display.timeline({"outcome": "timedOut", "stopped": False, "finalLifeCycleState": "RUNNING", "error": None})
    told = [line.partition(" s  ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["RUNNING  (1 cancel accepted)", "trying again: No answer [2J.", "outcome: timedOut"]
