"""One moment until which a call may last, whatever it is doing then."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from cancel_run.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK = SystemClock()  # sockets know no other time, so that a test's own clock would be of no use here


class Deadline:
    """Runs out ``seconds`` after it was made; the caller hands it to all that works for it."""

    def __init__(self, seconds: float) -> None:
        self._at = _CLOCK.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """True once it has run out."""
        return _CLOCK.monotonic() >= self._at

    def remaining(self) -> float:
        """The seconds that are left: more than none.

        Raises:
            TimeoutError: it has run out.
        """
        seconds = self._at - _CLOCK.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline of the call has passed")
        return seconds

    @contextmanager
    def governing(self) -> Iterator[None]:
        """Within this block the deadline holds for everything that this thread does on the sockets of ``sockets.py``.

        They are told so because between them and the caller stand libraries that hand no deadline on.
        """
        token = _GOVERNING.set(self)
        try:
            yield
        finally:
            _GOVERNING.reset(token)


_GOVERNING: ContextVar[Deadline | None] = ContextVar("governing", default=None)


def seconds_left() -> float | None:
    """What is left of the deadline that governs this thread; None where there is none.

    Raises:
        TimeoutError: it has run out.
    """
    deadline = _GOVERNING.get()
    return None if deadline is None else deadline.remaining()
