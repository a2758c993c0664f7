"""One request, one answer, until a deadline: all that this app asks of HTTP.

The deadline is for the whole call, from the name's resolution to the last byte of the body (``sockets.py``). The answer
is bounded too: what lies beyond the limit is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from cancel_run.databricks.transport.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cancel_run.databricks.transport.deadline import Deadline

ANSWER_LIMIT = 4 * 1024 * 1024  # bytes of a body, decompressed: a run of a hundred tasks has some hundred kilobytes
_PIECE = 64 * 1024


class NoAnswerError(Exception):
    """Nothing came that is an answer; whether a request that was sent took effect is unknown.

    It leads to no request: a request holds the token.

    Attributes:
        reason: the kind of failure, as a word.
        timed_out: True when the deadline had passed.
        sent: False when there was no connection to send anything on.
    """

    def __init__(self, reason: str, *, timed_out: bool, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status code.

    Attributes:
        headers: by name, in any case of letters.
        body: decompressed, at most :data:`ANSWER_LIMIT` bytes.
        cut: True when there was more of it.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


class Transport:
    """Sends requests and keeps connections open between them; any number of threads may share it."""

    def __init__(self, user_agent: str) -> None:
        self._session = Session()
        self._session.headers["User-Agent"] = user_agent
        self._session.headers["Accept-Encoding"] = "gzip, deflate"  # and nothing that this machine happens to know

    def send(
        self,
        method: str,
        url: str,
        deadline: Deadline,
        *,
        authorize: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request; ``authorize`` puts the credential into its header, ``data`` is a form.

        Raises:
            NoAnswerError: none came before the deadline, or what came is not HTTP.
        """
        # what went wrong is told after the except clause, so that the error does not carry the request in its context
        try:
            with deadline.governing():
                return self._sent(method, url, deadline, auth=authorize, params=params, json=json, data=data)
        # (ValueError: a name that no host can have, and what libraries trip over in an answer that nobody foresaw)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            reason, sent = type(error).__name__, _was_sent(error)
        raise NoAnswerError(reason, timed_out=deadline.passed, sent=sent)

    def _sent(self, method: str, url: str, deadline: Deadline, **options: Any) -> Answer:
        with self._session.request(
            method, url, timeout=deadline.remaining(), allow_redirects=False, stream=True, **options
        ) as response:
            if response.status_code < HTTPStatus.OK:
                raise HTTPException("an interim answer that http.client takes for the answer")
            body = bytearray()
            while len(body) <= ANSWER_LIMIT and (piece := response.raw.read1(_PIECE, decode_content=True)):
                body += piece
                deadline.remaining()  # a body that is at hand, and expands, is read without asking the socket
            return Answer(
                response.status_code, response.headers, bytes(body[:ANSWER_LIMIT]), cut=len(body) > ANSWER_LIMIT
            )


def _was_sent(error: BaseException) -> bool:
    """False when no connection came about; requests and urllib3 wrap the one error that says so in others."""
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return False
    inner = getattr(error, "reason", None) or next(iter(error.args), None)
    return _was_sent(inner) if isinstance(inner, BaseException) else True
