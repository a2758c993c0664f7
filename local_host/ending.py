"""How the process ends: at once, whatever its threads are waiting for.

SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is closed) come to a thread of their own, because the main one may be
in an import, in a call, or in the retries of a library, and would hear of them late. Nor does the end wait for calls
under way: what must be done before it is told to this module.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNALED = 128  # and the signal's number: the exit code of what a signal ended
GENTLE_SECONDS = 1.0  # from a signal to the end where something is to be closed first
LAST_SECONDS = 1.0  # for what is done at the very end: a terminal may take no output, a disk no write
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class _Ending:
    """What is to happen at the end of this process; there is one."""

    def __init__(self) -> None:
        self.last: list[Callable[[], object]] = []
        self.said = "Stopped."
        self.say: Callable[[str], object] = _print
        self.gentle: threading.Event | None = None
        self.leaving = threading.Lock()

    def wait(self) -> None:
        number = signal.sigwait(_SIGNALS)
        if self.gentle is None:
            self.leave(SIGNALED + number, self.said)
        else:
            _after(GENTLE_SECONDS, lambda: leave(0))
            self.say(self.said)
            self.gentle.set()
            signal.sigwait(_SIGNALS)
            self.leave(0)

    def leave(self, exit_code: int, said: str = "") -> None:
        if not self.leaving.acquire(blocking=False):
            threading.Event().wait()  # another thread is at it
        _after(LAST_SECONDS, lambda: os._exit(exit_code))
        for callback in reversed(self.last):
            with contextlib.suppress(Exception):
                callback()
        if said:
            self.say(said)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                stream.flush()
        os._exit(exit_code)


_ending = _Ending()


def listen() -> None:
    """From now on a signal ends the process at once. Every other thread must begin after this."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        _SIGNALS.add(signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.Thread(target=_ending.wait, name="local-host-signals", daemon=True).start()


def before_the_end(callback: Callable[[], object]) -> None:
    """``callback``, which must be quick, is called when the process leaves, before those that were named earlier."""
    _ending.last.append(callback)


def say(goodbye: str, by: Callable[[str], object] | None = None) -> None:
    """This is what a signal makes the process say, ``by`` whatever says it; if left out, in one line on stderr."""
    _ending.said = goodbye
    if by is not None:
        _ending.say = by


def gently() -> threading.Event:
    """Set by the first signal, so that what is open can be closed; a second later the process ends anyway, with 0."""
    _ending.gentle = threading.Event()
    return _ending.gentle


def leave(exit_code: int) -> None:
    """The process has ended."""
    _ending.leave(exit_code)


def _after(seconds: float, callback: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, callback)
    timer.daemon = True
    timer.start()
