"""The Jobs API over ``requests``: the only HTTP client of this app.

Short failures are tried again here (at most three times in at most twenty seconds, ``Retry-After`` honoured); what
takes longer is raised as TransientError and is the orchestrator's to wait for. A workspace that throttles is asked at
the pace that it takes (``pacing.py``). No redirect is followed and nothing is sent but to the host in the settings, so
the token cannot leave for another.
"""

from __future__ import annotations

import platform
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from cancel_run import __version__
from cancel_run.cancellation.run import Run
from cancel_run.databricks.answers import UNREADABLE, error_of, good_answer, unreadable
from cancel_run.databricks.pacing import Pace
from cancel_run.errors import AccessError, TransientError

if TYPE_CHECKING:
    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.key_vault import Token, TokenVault
    from cancel_run.workspaces import Workspace

TRIES = 3
PATIENCE_SECONDS = 20.0  # no further try begins later than this
ANSWER_LIMIT = 4 * 1024 * 1024  # bytes: a run of a hundred tasks has some hundred kilobytes
CONNECTIONS = 32  # kept open, as many as a worker has threads: of requests' own ten, the others would connect anew
USER_AGENT = (
    f"databricks-cancel-run/{__version__} python-requests/{requests.__version__} python/{platform.python_version()}"
)


class JobsClient:
    """``runs/get`` and ``runs/cancel`` of one workspace; any number of threads may share it."""

    def __init__(
        self, workspace: Workspace, vault: TokenVault, clock: Clock, *, api_version: str, timeout: float
    ) -> None:
        self._host = workspace.host
        self._secret = workspace.token_secret
        self._vault = vault
        self._clock = clock
        self._pace = Pace(clock)
        self._base = f"{workspace.host}/api/{api_version}/jobs/runs"
        self._timeout = timeout
        self._session = requests.Session()
        self._session.mount(workspace.host, HTTPAdapter(pool_maxsize=CONNECTIONS))
        self._session.headers["User-Agent"] = USER_AGENT
        if workspace.host.startswith("http:"):
            self._session.trust_env = False  # plain http is for this machine: a proxy would read the token

    def get_run(self, run_id: int) -> Run:
        """The run as it is now (Jobs API ``GET runs/get``; Arazzo operation getJobRun).

        Raises:
            RunNotFoundError, AccessError, RefusalError: a final no.
            TransientError: no usable answer for now.
        """
        answer = self._call("GET", "get", run_id)
        try:
            return Run.from_api(answer)
        except ValueError as error:
            raise unreadable(self._host, f"JSON in which {error}", run_id) from None

    def cancel_run(self, run_id: int) -> None:
        """Databricks has accepted to cancel the run (Jobs API ``POST runs/cancel``; Arazzo operation cancelJobRun).

        Accepted is all it says: the run stops later, or does not.

        Raises:
            RunNotFoundError, AccessError, RefusalError: a final no.
            TransientError: no usable answer for now; the cancel may have been taken all the same.
        """
        self._call("POST", "cancel", run_id)

    def _call(self, method: str, operation: str, run_id: int) -> dict[str, Any]:
        token = self._vault.token(self._secret)
        try:
            return self._patiently(method, operation, run_id, token)
        except AccessError:
            # the secret may have been rotated since it was cached: look once more before this is a final no
            newer = self._vault.newer_token(self._secret, token)
            if newer is None:
                raise
            return self._patiently(method, operation, run_id, newer)

    def _patiently(self, method: str, operation: str, run_id: int, token: Token) -> dict[str, Any]:
        started = self._clock.monotonic()
        tried = 0
        while True:
            tried += 1
            if later := self._pace.wait(PATIENCE_SECONDS - (self._clock.monotonic() - started)):
                raise TransientError(
                    f"{self._host} asks for fewer requests: this one waits until it may be sent.",
                    code="Throttled",
                    retry_after=later,
                    run_id=run_id,
                )
            try:
                return self._once(method, operation, run_id, token)
            except TransientError as error:
                wait = max(2.0 ** (tried - 1), error.retry_after or 0.0)
                spent = self._clock.monotonic() - started
                # an unreadable answer is not a hiccup of the line: a sign-in page stays for a while
                if tried == TRIES or error.code == UNREADABLE or spent + wait > PATIENCE_SECONDS:
                    raise
                self._clock.sleep(wait)

    def _once(self, method: str, operation: str, run_id: int, token: Token) -> dict[str, Any]:
        data = {"run_id": run_id}
        sent_at = self._clock.monotonic()
        try:
            with self._session.request(
                method,
                f"{self._base}/{operation}",
                params=data if method == "GET" else None,
                json=data if method == "POST" else None,
                auth=_Bearer(token),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._body(response, run_id)
        except (requests.RequestException, HTTPError) as error:
            # `from None`: the exception holds the request, and the request holds the token
            raise TransientError(
                f"No answer from {self._host} ({type(error).__name__}). "
                "If this lasts, check that the host is right and that this app may reach it.",
                code="ConnectionFailed",
                run_id=run_id,
            ) from None
        if response.status_code == HTTPStatus.OK:
            self._pace.note_taken()
            return good_answer(self._host, body, run_id)
        no = error_of(self._host, response.status_code, response.headers, body, run_id=run_id, now=self._clock.now())
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and isinstance(no, TransientError):
            self._pace.note_throttled(sent_at, no.retry_after)
        else:
            self._pace.note_taken()
        raise no

    def _body(self, response: requests.Response, run_id: int) -> bytes:
        """The whole body, bounded in bytes and in time: a socket's timeout alone lets a body drip for ever."""
        give_up = self._clock.monotonic() + self._timeout
        body = bytearray()
        while piece := response.raw.read1(64 * 1024, decode_content=True):
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise unreadable(self._host, f"more than {ANSWER_LIMIT} bytes", run_id)
            if self._clock.monotonic() > give_up:
                raise requests.exceptions.ReadTimeout
        return bytes(body)


class _Bearer(AuthBase):
    """Sets the header itself, so that a .netrc file of the machine cannot put another in its place."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request
