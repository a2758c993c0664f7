"""Ctrl-C in a real terminal: one line of goodbye, the cursor is back, and the process is gone at once."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.raw_server import RawConnection, RawServer
from tests.support.serve_process import environment
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local_host.emulators.workspace import JobsApi

SECONDS = 30.0
AT_ONCE = 2.0  # seconds, on a machine that does much else
CTRL_C = b"\x03"
HIDES, SHOWS = b"\x1b[?25l", b"\x1b[?25h"
# the process's terminal is the one that it was given, so that a Ctrl-C there reaches it; and it is not under the nohup
# under which the tests may be
TAKES_THE_TERMINAL = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, '-m', 'local_host', *sys.argv[1:]])"
)


class Terminal:
    """A command in a terminal of its own, and what that shows."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self._screen, inner = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", TAKES_THE_TERMINAL, *arguments],
            cwd=folder,
            env=environment({"TERM": "xterm-256color", **settings}),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self._watch = select.poll()
        self._watch.register(self._screen, select.POLLIN)

    def look(self, until: Callable[[bytes], bool], seconds: float = SECONDS) -> None:
        """What it shows is as is waited for, or it shows nothing any more."""
        end = time.monotonic() + seconds
        while not until(self.shown):
            assert self._watch.poll(1000 * max(end - time.monotonic(), 0)), self.shown
            try:
                self.shown += os.read(self._screen, 65536)
            except OSError:  # nobody has the other end any more
                return

    def press(self, key: bytes) -> None:
        os.write(self._screen, key)

    def ends(self, seconds: float) -> int:
        """The exit code, soon; all that it showed has been read."""
        started = time.monotonic()
        self.look(lambda _: False, seconds)
        code = self.process.wait(seconds)
        assert time.monotonic() - started < seconds
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        os.close(self._screen)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    with contextlib.ExitStack() as opened:
        yield lambda *arguments, **settings: opened.enter_context(
            contextlib.closing(Terminal(tmp_path, *arguments, **{"TMPDIR": str(tmp_path), **settings}))
        )


def test_ctrl_c_in_a_demo_brings_the_cursor_back(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    demo = terminal("demo")
    demo.look(lambda shown: HIDES in shown)
    demo.press(CTRL_C)
    assert demo.ends(AT_ONCE) == 130
    assert demo.shown.rfind(SHOWS) > demo.shown.rfind(HIDES)
    assert demo.shown.rstrip().endswith(b"stays sent.")
    assert demo.shown.count(b"Stopped.") == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_a_cancel_does_not_wait_for_the_workspace(terminal: Callable[..., Terminal]) -> None:
    with RawServer(RawConnection.hang) as workspace:
        cancel = terminal("cancel", "7", DATABRICKS_HOST=workspace.url, LOCAL_DATABRICKS_TOKEN=TOKEN)
        assert workspace.connected.wait(SECONDS)
        cancel.press(CTRL_C)
        assert cancel.ends(AT_ONCE) == 130
    assert cancel.shown.count(b"Stopped.") == 1
    assert b"Traceback" not in cancel.shown


def test_ctrl_c_while_serve_waits_for_a_storage_that_is_silent(terminal: Callable[..., Terminal]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        connection = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YWI=;QueueEndpoint={storage};"
        serve = terminal("serve", "--port", "0", AzureWebJobsStorage=connection)
        silent.settimeout(SECONDS)
        with silent.accept()[0]:
            serve.press(CTRL_C)
            assert serve.ends(AT_ONCE) == 130
    assert serve.shown.count(b"Stopped.") == 1
    assert b"Traceback" not in serve.shown


def test_a_cancel_ends_with_its_result(workspace: JobsApi, tmp_path: Path) -> None:
    settings = environment({"DATABRICKS_HOST": workspace.url, "LOCAL_DATABRICKS_TOKEN": TOKEN})
    command = [sys.executable, "-m", "local_host", "cancel", str(workspace.add_run())]
    with subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.PIPE, text=True) as cancel:  # noqa: S603  # our own interpreter
        assert cancel.stdout is not None
        for line in cancel.stdout:
            if line == "}\n":
                break
        told = time.monotonic()
        assert cancel.wait(SECONDS) == 0
        assert time.monotonic() - told < AT_ONCE / 2


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_says_goodbye_once_and_ends_well(
    by: signal.Signals, terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    serve = terminal("serve", "--port", "0")
    serve.look(lambda shown: b"curl -i" in shown)
    serve.process.send_signal(by)
    assert serve.ends(AT_ONCE + 1) == 0
    assert serve.shown.count(b"Stopped.") == 1
    assert list(tmp_path.iterdir()) == []
