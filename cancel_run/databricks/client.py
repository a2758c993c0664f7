"""The Jobs API: the only client of a workspace.

A call is one attempt, and no thread sleeps: whatever has to wait is told so and waits as a durable timer. A second
attempt follows at once only with a token that was just renewed (or, in ``transport/session.py``, for a connection that
was closed under the first). Before it is sent a call needs a place (``bulkhead.py``) and its turn (``pacing.py``).
Nothing is sent but to the host in the settings, so the token cannot leave for another.
"""

from __future__ import annotations

import platform
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from cancel_run import __version__
from cancel_run.cancellation.run import Run
from cancel_run.databricks.answers import error_of, good_answer, good_beginning, unreadable
from cancel_run.databricks.pacing import Pace
from cancel_run.databricks.run_page import RunPage
from cancel_run.databricks.tokens.hidden import Hidden
from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.databricks.transport.transport import NoAnswerError, Transport
from cancel_run.errors import AccessError, NotNowError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cancel_run.clock import Clock
    from cancel_run.databricks.bulkhead import Bulkhead
    from cancel_run.databricks.tokens.source import TokenSource
    from cancel_run.databricks.tokens.token import Token
    from cancel_run.workspaces import Workspace

USER_AGENT = (
    f"databricks-cancel-run/{__version__} python-requests/{requests.__version__} python/{platform.python_version()}"
)

PAGE_SIZE = 24  # "greater than 0 and less than 25", or up to 25: the API's pages differ


class JobsClient:
    """``runs/get``, ``runs/cancel`` and ``runs/list`` of one workspace; any number of threads may share it.

    Never ``runs/cancel-all``: it names no run, and without a job it empties the queue of the whole workspace.

    ``timeout`` bounds a whole call in seconds: the token, the connection and the answer to its last byte. ``hidden`` is
    what a text of the workspace never holds; the tokens that are sent are added to it.
    """

    def __init__(
        self,
        workspace: Workspace,
        tokens: TokenSource,
        clock: Clock,
        bulkhead: Bulkhead,
        *,
        api_version: str,
        timeout: float,
        hidden: Hidden | None = None,
    ) -> None:
        self._host = workspace.host
        self._tokens = tokens
        self._hidden = hidden or Hidden()
        self._clock = clock
        self._bulkhead = bulkhead
        self._pace = Pace(clock)
        self._base = f"{workspace.host}/api/{api_version}/jobs/runs"
        self._timeout = timeout
        self._transport = Transport(USER_AGENT)

    def get_run(
        self,
        run_id: int,
        *,
        repair_id: int | None = None,
        first_read_at: datetime | None = None,
        first: bool = False,
        follows: bool = False,
    ) -> Run:
        """The run as it is now (Jobs API ``GET runs/get``; Arazzo operation getJobRun).

        Or, when it has been repaired since its newest repair was ``repair_id``: how that attempt ended. Where
        ``repair_id`` does not tell the attempt, ``first_read_at`` does.
        ``first`` is for the first look of a cancellation, ``follows`` for one right after another.

        Raises:
            RunNotFoundError, AccessError, RefusalError: asking again as it is changes nothing.
            TransientError: no usable answer for now.
            NotNowError: nothing was sent.
        """
        # the history of repairs costs no second request, and both versions of the API take the parameter
        query = {"run_id": run_id, "include_history": "true"}
        answer, whole = self._call("GET", "get", run_id, first=first, follows=follows, params=query)
        try:
            attempt = Run.attempt_from_api(answer, run_id, repair_id, first_read_at) if whole else None
            return self._clean(attempt or Run.from_api(answer, run_id, whole=whole))
        except ValueError as error:
            raise unreadable(self._host, f"JSON in which {error}", run_id) from None

    def cancel_run(self, run_id: int, *, first: bool = False, follows: bool = False) -> None:
        """Databricks has accepted to cancel the run (Jobs API ``POST runs/cancel``; Arazzo operation cancelJobRun).

        Accepted is all it says: the run stops later, or does not. ``follows`` is for one right after a look.

        Raises:
            RunNotFoundError, AccessError, RefusalError: asking again as it is changes nothing.
            TransientError: no usable answer for now; ``unsure`` when the cancel may have been taken all the same.
            NotNowError: nothing was sent.
        """
        self._call("POST", "cancel", run_id, first=first, follows=follows, json={"run_id": run_id})

    def list_runs(self, job_id: int, page_token: str | None = None) -> RunPage:
        """One page of the job's active runs (Jobs API ``GET runs/list``); the first one for no token.

        Raises:
            AccessError, RefusalError: asking again as it is changes nothing.
            TransientError: no usable answer for now.
            NotNowError: nothing was sent.
        """
        query: dict[str, Any] = {"job_id": job_id, "active_only": "true", "limit": PAGE_SIZE}
        if page_token is not None:
            query["page_token"] = page_token
        answer, whole = self._call("GET", "list", None, first=True, params=query)
        try:
            page = RunPage.from_api(answer, job_id, whole=whole)
        except ValueError as error:
            raise unreadable(self._host, f"JSON in which {error}", None) from None
        runs = {run_id: self._clean(run) for run_id, run in page.runs.items()}
        return RunPage(runs, page.next_token and self._hidden.struck_out(page.next_token))

    def _clean(self, run: Run) -> Run:
        """The run with no token in its texts: they, cut short, are all that is kept of an answer."""
        texts = {name: value for name, value in vars(run).items() if isinstance(value, str)}
        cleaned: dict[str, Any] = {name: self._hidden.struck_out(text) for name, text in texts.items()}
        return replace(run, **cleaned)

    def _call(
        self, method: str, operation: str, run_id: int | None, *, first: bool, follows: bool = False, **data: Any
    ) -> tuple[dict[str, Any], bool]:
        """The JSON of the answer, and False when only its beginning was read."""
        with self._place(first=first):
            deadline = Deadline(self._timeout)
            token = self._tokens.token(deadline)
            if wait := self._pace.ask(first=first, follows=follows):
                raise NotNowError(wait)
            try:
                return self._once(method, operation, run_id, token, deadline, data)
            except TransientError as error:
                error.unsure = error.unsure and method == "POST"  # reading has no effect to be unsure of
                raise
            except AccessError:
                # there may be another by now, of a rotated secret: look once more before this is a refusal
                newer = self._tokens.newer_token(token, deadline)
                if newer is None:
                    raise
                return self._once(method, operation, run_id, newer, deadline, data)

    @contextmanager
    def _place(self, *, first: bool) -> Iterator[None]:
        """The call has one of the places that this workspace may hold."""
        if wait := self._bulkhead.enter(first=first):
            raise NotNowError(wait)
        began = self._clock.monotonic()
        answered = True
        try:
            yield
        except TransientError as error:
            answered = error.status_code is not None
            raise
        finally:
            self._bulkhead.leave(self._clock.monotonic() - began, answered=answered)

    def _once(
        self, method: str, operation: str, run_id: int | None, token: Token, deadline: Deadline, data: dict[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        self._hidden.add(token)
        sent_at = self._clock.monotonic()
        url = f"{self._base}/{operation}"
        try:
            answer = self._transport.send(method, url, deadline, authorize=_Bearer(token), **data)
        except NoAnswerError as error:
            raise TransientError(
                f"No answer from {self._host} ({error.reason}). "
                "If this lasts, check that the host is right and that this app may reach it.",
                code="ConnectionFailed",
                run_id=run_id,
                unsure=error.sent,
            ) from None
        if answer.status_code == HTTPStatus.OK:
            self._pace.note_taken()
            judge = good_beginning if answer.cut else good_answer
            return judge(self._host, answer.body, run_id), not answer.cut
        facts: dict[str, Any] = {"run_id": run_id, "now": self._clock.now(), "hidden": self._hidden}
        no = error_of(self._host, answer.status_code, answer.headers, answer.body, **facts)
        if isinstance(no, TransientError) and no.code == "Throttled":
            self._pace.note_throttled(sent_at, no.retry_after)
        else:
            self._pace.note_taken()
        raise no


class _Bearer:
    """Puts the token into the header at the last moment: it is in no argument of the call."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request
