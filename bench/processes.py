"""A module of this folder in a process of its own, whose CPU and memory are nobody else's."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Process:
    """A running module, of that process id, that is talked to in lines of text."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self.pid = running.pid

    def read(self) -> str:
        """The next line that it prints; empty once it has ended."""
        assert self._running.stdout is not None  # noqa: S101  # it is a pipe
        return self._running.stdout.readline().strip()

    def ask(self, line: str) -> str:
        """Its answer to a line on its standard input."""
        assert self._running.stdin is not None  # noqa: S101  # it is a pipe
        print(line, file=self._running.stdin, flush=True)
        return self.read()


@contextmanager
def process(module: str, *arguments: str) -> Iterator[Process]:
    """The module runs, until its standard input ends with this context."""
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdin is not None  # noqa: S101  # it is a pipe
        try:
            yield Process(running)
        finally:
            running.stdin.close()
            running.wait()


def cpu_seconds() -> float:
    """What this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(before: float, stopped: int) -> float:
    """What this process has cost since its CPU seconds stood so is printed, as JSON; they stand so now."""
    now = cpu_seconds()
    print(json.dumps({"cpuSeconds": now - before, "peakBytes": peak_bytes(), "stopped": stopped}), flush=True)
    return now


def peak_bytes(pid: int | str = "self") -> int:
    """The most memory that a process has held; getrusage would tell of the process that it was forked from too."""
    return _told(pid, "VmHWM") * 1024


def threads(pid: int) -> int:
    """How many threads a process has now."""
    return _told(pid, "Threads")


def _told(pid: int | str, what: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition(f"{what}:")[2].split()[0])
