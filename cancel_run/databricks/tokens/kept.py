"""A token that is kept until it is too old, and renewed by one caller for all who need it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.token import Token
    from cancel_run.databricks.transport.deadline import Deadline
    from cancel_run.errors import CallError

KEPT_SECONDS = 300.0


class KeptToken:
    """A :class:`~cancel_run.databricks.tokens.source.TokenSource` over a way to read a token.

    ``read`` is called by one thread at a time, with the deadline and with True when a token was refused: then no cache
    may answer. It gives the token and the seconds for which that may be kept. ``late`` is the error for who waited for
    another caller's reading until its own deadline.
    """

    def __init__(
        self, read: Callable[[Deadline, bool], tuple[Token, float]], late: Callable[[], CallError], clock: Clock
    ) -> None:
        self._read = read
        self._late = late
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[Token | None, float] = (None, 0.0)
        self._refused = False  # the token that was kept last: the next is to be read past every cache
        self._reading: Future[Token] | None = None

    def token(self, deadline: Deadline) -> Token:
        """The token that is kept, or one just read; see :class:`TokenSource`."""
        with self._lock:
            token, until = self._kept
            if token is not None and self._clock.monotonic() < until:
                return token
            mine = self._reading is None
            reading = self._reading = self._reading or Future()
        if mine:
            self._read_for_all(reading, deadline)
            return reading.result()
        # one read, and one failure, for all who need it at once: behind somebody who hangs no queue forms
        try:
            return reading.result(deadline.remaining())
        except TimeoutError:
            raise self._late() from None

    def newer_token(self, refused: Token, deadline: Deadline) -> Token | None:
        """Another token than the one that was refused, or None; see :class:`TokenSource`."""
        with self._lock:
            if self._kept[0] == refused:
                self._kept = (None, 0.0)
                self._refused = True
        token = self.token(deadline)
        return token if token != refused else None

    def _read_for_all(self, reading: Future[Token], deadline: Deadline) -> None:
        try:
            with deadline.governing():
                token, seconds = self._read(deadline, self._refused)
        except BaseException as error:  # noqa: BLE001  # whatever it was, nobody may wait for it for ever
            with self._lock:
                self._reading = None
            reading.set_exception(error)
        else:
            with self._lock:
                self._kept = (token, self._clock.monotonic() + seconds)
                self._reading, self._refused = None, False
            reading.set_result(token)
