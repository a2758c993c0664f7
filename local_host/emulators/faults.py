"""Faults on demand, for every emulator: what an operation answers with instead of what it should."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DROP_SECONDS = 0.05  # between two drops


@dataclass(frozen=True)
class Fault:
    """One wrong answer.

    Attributes:
        status_code: of the answer.
        body: of the answer, in bytes.
        content_type: of the answer.
        headers: besides ``Content-Type``, such as ``Retry-After``.
        hang: no answer comes until the fault's :class:`Faults` are released.
        cut: the connection is cut: before the answer, or after this many bytes of the body.
        drip_seconds: the wait between each two bytes of the body.
        drop: what is sent on the connection again and again, after ``body`` as it stands: no answer of HTTP frames it.
        after_effect: the operation takes its effect first; only its answer is lost.
    """

    status_code: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: int | None = None
    drip_seconds: float = 0.0
    drop: bytes = b""
    after_effect: bool = False


class Faults:
    """What goes wrong and how often, by operation; set from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self.met: Counter[str] = Counter()  # how many calls of each operation did not go well
        self._queued: dict[str, deque[Fault]] = {}
        self._lasting: dict[str, Fault] = {}
        self._released = threading.Event()
        self._rate: float | None = None
        self._taken: deque[float] = deque()

    def fail(self, operation: str, fault: Fault, times: int | None = 1) -> None:
        """The next ``times`` calls of the operation, or all of them for None, meet the fault."""
        with self._lock:
            if times is None:
                self._lasting[operation] = fault
            else:
                self._queued.setdefault(operation, deque()).extend([fault] * times)

    def heal(self, operation: str) -> None:
        """Nothing goes wrong with the operation any more."""
        with self._lock:
            self._queued.pop(operation, None)
            self._lasting.pop(operation, None)

    def release(self) -> None:
        """Whatever hangs is let go."""
        self._released.set()

    def throttle(self, requests_per_second: float | None) -> None:
        """More requests than that within a second are answered 429 with ``Retry-After: 1``; None lifts it."""
        with self._lock:
            self._rate = requests_per_second

    def wait_for(self, operation: str, times: int, timeout: float = 10.0) -> None:
        """So many calls of the operation have met a fault.

        Raises:
            TimeoutError: not within ``timeout`` seconds.
        """
        with self._lock:
            if not self._changed.wait_for(lambda: self.met[operation] >= times, timeout):
                raise TimeoutError

    def take(self, *operations: str) -> Fault | None:
        """The fault that this one call meets, by any of the names that it goes by."""
        with self._lock:
            if self._rate is not None:
                now = time.monotonic()
                while self._taken and now - self._taken[0] > 1:
                    self._taken.popleft()
                if len(self._taken) >= self._rate:
                    body = b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too many requests."}'
                    return Fault(429, body, headers={"Retry-After": "1"})
                self._taken.append(now)
            for operation in operations:
                queued = self._queued.get(operation)
                fault = queued.popleft() if queued else self._lasting.get(operation)
                if fault is not None:
                    self.met[operation] += 1
                    self._changed.notify_all()
                    return fault
            return None

    async def answer(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        """The fault has happened to the request."""
        while fault.hang and not self._released.is_set():  # noqa: ASYNC110  # another thread releases: no asyncio event
            await asyncio.sleep(0.05)
        transport = request.transport
        if transport is None or fault.cut == 0 or fault.hang:
            if transport is not None:
                transport.abort()
            return web.Response()
        if fault.drop:
            await self._drop(transport, fault)
            return web.Response()
        headers = {"Content-Type": fault.content_type, **fault.headers}
        response = web.StreamResponse(status=fault.status_code, headers=headers)
        response.content_length = len(fault.body)
        await response.prepare(request)
        if fault.cut is not None:
            await response.write(fault.body[: fault.cut])
            transport.abort()
        elif fault.drip_seconds:
            await self._drip(response, fault)
        else:
            await response.write(fault.body)
        return response

    async def _drop(self, transport: asyncio.Transport, fault: Fault) -> None:
        """Until the client has gone, or is let go."""
        transport.write(fault.body)
        while not transport.is_closing() and not self._released.is_set():
            transport.write(fault.drop)
            await asyncio.sleep(DROP_SECONDS)
        transport.abort()

    async def _drip(self, response: web.StreamResponse, fault: Fault) -> None:
        for byte in fault.body:
            if self._released.is_set():
                break
            await response.write(bytes([byte]))
            await asyncio.sleep(fault.drip_seconds)


def json_fault(status_code: int, body: Any, **headers: str) -> Fault:
    """A wrong answer whose body is JSON; header names are written with underscores."""
    text = web.json_response(body).body
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Fault(status_code, text if isinstance(text, bytes) else b"", headers=named)
