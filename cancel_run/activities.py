"""The workflow's three steps as activities: JSON in, JSON out.

Every activity runs at least once: each says why a second call is harmless. What can be foreseen comes back as data:

* ``{"run": {...}, "readAt": "..."}`` (``Run.to_json``, and when it was asked for in ISO 8601): the run as it is, or how
  the attempt ended that was to be canceled;
* ``{"accepted": true, "pollAfterSeconds": n}``: the cancel is accepted;
* ``{"error": {"code", "message", "statusCode", "mendable"}}``: refused, and asking again as it is changes nothing;
* ``{"passing": {"code", "message", "statusCode", "retryAfterSeconds"}, "unsure": true or false}``: it may pass. This is
  data too, because a raised exception reaches the orchestrator as text, and the wait that the service asks for would be
  lost in it. ``unsure``: a cancel may have been taken all the same;
* ``{"later": seconds}``: nothing was sent, so that others have their turn.

``run`` may stand beside ``accepted`` and ``later``, where cancelRun has looked first.

Only what nobody foresaw is raised. A question or an answer of another release may have further keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from cancel_run.cancellation.result import error_json
from cancel_run.cancellation.states import Means
from cancel_run.cancellation.stored import moment
from cancel_run.databricks.bulkhead import Bulkhead
from cancel_run.databricks.client import USER_AGENT, JobsClient
from cancel_run.databricks.crowd import Crowd
from cancel_run.databricks.tokens.hidden import Hidden
from cancel_run.databricks.tokens.sources import TokenSources
from cancel_run.errors import NotNowError, RefusalError, SettingsError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings

Answer = dict[str, Any]

FRESH_SECONDS = 10.0  # a cancel that was decided on an older sight of the run looks again before it is sent


class Question(TypedDict, total=False):
    """What every activity is asked with; ``workspace`` is null for the default one.

    ``repairId`` is the newest repair of the attempt that is to be canceled, ``seenActiveAt`` (ISO 8601) when it was
    last seen active, ``again`` whether a cancel has been sent before.
    """

    runId: int
    workspace: str | None
    repairId: int | None
    seenActiveAt: str | None
    again: bool


class Activities:
    """The steps against the workspaces of the settings, which are read when first needed."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._sources: TokenSources | None = None
        self._clients: dict[str, JobsClient] = {}
        self._crowd = Crowd(clock)

    def read_run(self, question: Question) -> Answer:
        """readRun: the run as it is now. Reading changes nothing, so a second call is harmless."""

        def look(client: JobsClient) -> Answer:
            seen = self._read(client, question, first=True)
            if seen["run"]["means"] != Means.ENDED:
                self._crowd.waits(question.get("workspace"))
            return seen

        return self._answer(question, look)

    def cancel_run(self, question: Question) -> Answer:
        """cancelRun: Databricks has accepted to cancel the run.

        A second call is harmless: cancelling a run that is stopping changes nothing, and one that comes late looks
        first whether the run has ended meanwhile, or has been repaired, and then sends nothing.
        """

        def cancel(client: JobsClient) -> Answer:
            again, seen = question.get("again", False), {}
            if not self._is_fresh(question.get("seenActiveAt")):
                seen = self._read(client, question, first=not again)
                if seen["run"]["means"] == Means.ENDED or (again and seen["run"]["means"] != Means.UNTOUCHED):
                    return seen
            try:
                client.cancel_run(question["runId"], first=not again)
            except NotNowError as error:
                return {"later": error.seconds, **seen}
            poll_after = 0.0 if again else self._crowd.poll_after(question.get("workspace"))
            return {"accepted": True, "pollAfterSeconds": poll_after, **seen}

        return self._answer(question, cancel)

    def poll_run(self, question: Question) -> Answer:
        """pollRun: the run as it is now. Reading changes nothing, so a second call is harmless."""
        return self._answer(question, lambda client: self._read(client, question, first=False))

    def _read(self, client: JobsClient, question: Question, *, first: bool) -> Answer:
        asked_at = self._clock.now()
        run = client.get_run(question["runId"], repair_id=question.get("repairId"), first=first)
        return {"run": run.to_json(), "readAt": asked_at.isoformat()}

    def _is_fresh(self, seen_active_at: str | None) -> bool:
        seen_at = moment(seen_active_at)
        if seen_at is None:
            return False
        age = (self._clock.now() - seen_at).total_seconds()
        return abs(age) <= FRESH_SECONDS  # a clock that is far behind tells nothing either

    def _answer(self, question: Question, ask: Callable[[JobsClient], Answer]) -> Answer:
        try:
            return ask(self._client(question.get("workspace")))
        except RefusalError as error:
            return {"error": error.to_json()}
        except TransientError as error:
            return {"passing": error.to_json(), "unsure": error.unsure}
        except NotNowError as error:
            return {"later": error.seconds}
        except SettingsError as error:
            # a slip in the settings is mended and the app restarts: a wait that has begun outlives it
            return {"passing": error_json("InvalidSettings", str(error))}

    def _client(self, alias: str | None) -> JobsClient:
        settings = self._settings()
        workspace = settings.workspace(alias)
        # threads that race here build the same client twice, and one of the two is dropped: harmless
        if self._sources is None:
            self._sources = TokenSources(
                settings.key_vault_uri, self._clock, timeout=settings.http_timeout_seconds, user_agent=USER_AGENT
            )
        if workspace.alias not in self._clients:
            hidden = Hidden()
            self._clients.setdefault(
                workspace.alias,
                JobsClient(
                    workspace,
                    self._sources.of(workspace, hidden),
                    self._clock,
                    Bulkhead(settings.places_of_a_workspace, self._clock),
                    api_version=settings.jobs_api_version,
                    timeout=settings.http_timeout_seconds,
                    hidden=hidden,
                ),
            )
        return self._clients[workspace.alias]
