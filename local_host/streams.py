"""stdout and stderr as whoever started the command left them: closed, full, or with nobody at the other end.

What is under way must not end because nobody can be told of it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

_NAMES = ("stdin", "stdout", "stderr")


class Unread(io.TextIOBase):
    """A text stream that never fails: what cannot be written is lost, and whoever wrote it goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class has an attribute
        """The stream's own."""
        return self._stream.encoding

    def writable(self) -> bool:
        """It takes whatever it is given."""
        return True

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """True when it is a terminal."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """The text is written, or lost."""
        with contextlib.suppress(OSError, ValueError):  # a stream that is closed gives the second
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """What was written is with the reader, or lost."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def settle() -> None:
    """stdin, stdout and stderr are there, and writing to stderr never fails.

    One that was closed is open for nothing: otherwise the next socket or file of this process would get its number, and
    what is printed would go into that.
    """
    for number, name in enumerate(_NAMES):
        try:
            os.fstat(number)
        except OSError:
            read = name == "stdin"
            os.open(os.devnull, os.O_WRONLY if read else os.O_RDONLY)  # it takes the lowest number that is free
            setattr(sys, name, os.fdopen(number, "r" if read else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever the terminal's alphabet is
    sys.stderr = Unread(sys.stderr)


def spare_stdout() -> None:
    """Writing to stdout never fails either: it is a log, which nobody has to read."""
    sys.stdout = Unread(sys.stdout)
