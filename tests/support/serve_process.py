"""``python -m local_host serve`` as a process of its own, to be stopped or killed at any moment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 30.0
FOLDER = ROOT / "docs"  # where it runs: not where a developer may have a local.settings.json
# what App Service tells a process about its identity; the tests' own identity endpoint is in these
IDENTITY = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_TOKEN_CREDENTIALS", "REQUESTS_CA_BUNDLE")
_NEEDED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT", *IDENTITY)


def environment(settings: dict[str, str]) -> dict[str, str]:
    """What a process of the local host is to find: these settings, and none that the shell may have."""
    return {key: os.environ[key] for key in _NEEDED if key in os.environ} | {"PYTHONPATH": str(ROOT)} | settings


def ended(command: list[str], settings: dict[str, str], folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """What came of the command, which finds these settings."""
    return subprocess.run(  # noqa: S603  # our own interpreter, or a shell that begins it
        command,
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class ServeProcess:
    """The process has begun; it is not yet listening.

    Attributes:
        url: where it listens; empty until it does.
        curl: the line that it prints for a person to try; empty until it listens.
        output: the lines that it has written so far.
    """

    def __init__(self, settings: dict[str, str], *arguments: str) -> None:
        self.url = ""
        self.curl = ""
        self.output: list[str] = []
        self._listening = threading.Event()
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-X", "faulthandler", "-m", "local_host", "serve", "--port", "0", *arguments],
            cwd=FOLDER,
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.output.append(line)
                if found := re.search(r"^listening on (\S+)|\"event\": \"listening\", \"url\": \"([^\"]+)", line):
                    self.url = found[1] or found[2]
                if line.startswith(("curl ", "{")) and "curl " in line:  # the last that it says of itself
                    self.curl = line
                    self._listening.set()
        self._listening.set()  # nobody waits for one that has gone

    def listens(self, timeout: float = SECONDS) -> bool:
        """True as soon as it listens; False when it does not within so many seconds."""
        if self._listening.wait(timeout):
            assert self.curl, "".join(self.output)
        return bool(self.curl)

    def kill(self) -> None:
        """SIGKILL; it had been alive until now."""
        assert self._process.poll() is None, "".join(self.output)
        self.end()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """It was told to stop, as Azure does it or by a person's Ctrl-C (SIGINT), and has ended well."""
        self._process.send_signal(by)
        try:
            ended = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # it tells where each of its threads is, and ends
            ended = self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert ended == 0, "".join(self.output)

    def end(self) -> None:
        """It is gone, whatever it was doing, and all that it wrote has been read."""
        self._process.kill()
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)


def pasted(line: str) -> subprocess.CompletedProcess[str]:
    """What comes of a line that is made to be pasted into a shell."""
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S602


@contextmanager
def serving(*arguments: str, **settings: str) -> Iterator[ServeProcess]:
    """A process that listens, until it is stopped as by a person."""
    process = ServeProcess(settings, *arguments)
    try:
        assert process.listens()
        yield process
        process.stop(signal.SIGINT)
    finally:
        process.end()
