"""The steps that ask Databricks as activities: JSON in, JSON out.

Every activity runs at least once: each says why a second call is harmless. What can be foreseen comes back as data:

* ``{"run": {...}, "readAt": "..."}`` (``Run.to_json``, and when it was asked for in ISO 8601): the run as it is, or how
  the attempt ended that was to be canceled;
* ``{"accepted": true, "pollAfterSeconds": n}``: the cancel is accepted;
* ``{"error": {"code", "message", "statusCode", "mendable"}}``: refused, and asking again as it is changes nothing; with
  ``"seen": {...}``, a run, where it was looked at and the settings protect its job;
* ``{"passing": {"code", "message", "statusCode", "retryAfterSeconds"}, "unsure": true or false}``: it may pass. This is
  data too, because a raised exception reaches the orchestrator as text, and the wait that the service asks for would be
  lost in it. ``unsure``: a cancel may have been taken all the same;
* ``{"later": seconds}``: nothing was sent, so that others have their turn;
* ``{"page": {"runs": [{"runId", "state", "queued"}], "next": token or null}}``: some active runs of a job.

``run`` may stand beside ``accepted`` and ``later``, where cancelRun has looked first; ``tokenExpiresAt`` (ISO 8601)
stands beside any of them where the vault's secret for the workspace expires soon, or has expired.

Only what nobody foresaw is raised, and of a cancel that may have been sent not even that. A question or an answer of
another release may have further keys.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cancel_run.cancellation.result import error_json
from cancel_run.cancellation.stored import moment
from cancel_run.databricks.bulkhead import Bulkhead
from cancel_run.databricks.client import USER_AGENT, JobsClient
from cancel_run.databricks.crowd import Crowd
from cancel_run.databricks.run_page import is_queued
from cancel_run.databricks.tokens.hidden import Hidden
from cancel_run.databricks.tokens.sources import TokenSources
from cancel_run.errors import (
    CancelRunError,
    NoLongerQueuedError,
    NotNowError,
    ProtectedJobError,
    RefusalError,
    RunNotFoundError,
    SettingsError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.cancellation.run import Run
    from cancel_run.clock import Clock
    from cancel_run.job_lists import JobLists
    from cancel_run.settings import Settings

Answer = dict[str, Any]

logger = logging.getLogger(__name__)

FRESH_SECONDS = 10.0  # a cancel that was decided on an older sight of the run looks again before it is sent


class Question(TypedDict, total=False):
    """What every activity is asked with; ``workspace`` is null for the default one.

    ``repairId`` is the newest repair of the attempt that is to be canceled; where it is null or no longer told, the
    attempt is the one of ``firstReadAt`` (ISO 8601). ``seenActiveAt`` (ISO 8601) is when it was last seen active,
    ``again`` whether a cancel has been sent before, ``onlyQueued`` whether a run is to be left alone that has left its
    job's queue. ``dryRun`` is there for a rehearsal alone.
    """

    runId: int
    workspace: str | None
    repairId: int | None
    firstReadAt: str | None
    seenActiveAt: str | None
    again: bool
    dryRun: bool
    onlyQueued: bool


class JobQuestion(TypedDict, total=False):
    """What listActiveRuns is asked with; ``only`` is ``queued`` or null, ``pageToken`` null for the first page."""

    jobId: int
    workspace: str | None
    only: str | None
    pageToken: str | None


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
            run, seen = self._read(client, question, first=True)
            if not run.ended:
                self._refuse_protected(client, question, run)
                _refuse_begun(question, run)
                if not question.get("dryRun"):
                    self._crowd.waits(question.get("workspace"))
            return seen

        return self._answer(question, look)

    def cancel_run(self, question: Question) -> Answer:
        """cancelRun: Databricks has accepted to cancel the run.

        A second call is harmless: cancelling a run that is stopping changes nothing, and one that comes late looks
        first whether the run has ended meanwhile, or has been repaired, and then sends nothing. Where the settings
        protect jobs it always looks first: nothing is sent that they do not allow now, whoever decided it and when.
        """

        def cancel(client: JobsClient) -> Answer:
            if question.get("dryRun"):
                raise RefusalError("A rehearsal sends no cancel.", code="Rehearsal", run_id=question["runId"])
            again = question.get("again", False)
            seen: Answer = {}
            guarded = question.get("onlyQueued") or self._jobs(question)
            if guarded or not self._is_fresh(question.get("seenActiveAt")):
                run, seen = self._read(client, question, first=not again)
                if run.ended or (again and not run.untouched):
                    return seen
                self._refuse_protected(client, question, run)
                _refuse_begun(question, run)
            try:
                client.cancel_run(question["runId"], first=not again, follows=bool(seen))
            except NotNowError as error:
                return {"later": error.seconds, **seen}
            except CancelRunError:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it was: tried again as it is, it might hit a repaired run
                logger.error("cancelRun broke unforeseen: %s", _where(error))  # noqa: TRY400  # its text may be another's
                raise TransientError(
                    f"cancelRun broke unforeseen ({_where(error)}), and may have been taken.",
                    code="ActivityFailed",
                    unsure=True,
                ) from None
            poll_after = 0.0 if again else self._crowd.poll_after(question.get("workspace"))
            return {"accepted": True, "pollAfterSeconds": poll_after, **seen}

        return self._answer(question, cancel)

    def poll_run(self, question: Question) -> Answer:
        """pollRun: the run as it is now. Reading changes nothing, so a second call is harmless."""
        return self._answer(question, lambda client: self._read(client, question, first=False)[1])

    def list_active_runs(self, question: JobQuestion) -> Answer:
        """listActiveRuns: one page of the job's active runs. Reading changes nothing, so a second call is harmless."""

        def look(client: JobsClient) -> Answer:
            job_id = question["jobId"]
            if objection := self._settings().workspace(question.get("workspace")).jobs.objection([job_id]):
                raise RefusalError(f"No run of job {job_id} is canceled: {objection}.", code=ProtectedJobError.code)
            page = client.list_runs(job_id, question.get("pageToken"))
            runs = [
                {"runId": run_id, "state": run.life_cycle_state, "queued": is_queued(run)}
                for run_id, run in page.runs.items()
                if is_queued(run) or not question.get("only")
            ]
            return {"page": {"runs": runs, "next": page.next_token}}

        return self._answer(question, look)

    def _read(self, client: JobsClient, question: Question, *, first: bool) -> tuple[Run, Answer]:
        """The run, and the answer that tells it."""
        asked_at = self._clock.now()
        run = client.get_run(
            question["runId"],
            repair_id=question.get("repairId"),
            first_read_at=moment(question.get("firstReadAt")),
            first=first,
        )
        return run, {"run": run.to_json(), "readAt": asked_at.isoformat()}

    def _jobs(self, question: Question) -> JobLists:
        return self._settings().workspace(question.get("workspace")).jobs

    def _refuse_protected(self, client: JobsClient, question: Question, run: Run) -> None:
        """Nothing happens where the settings let the run be canceled.

        Raises:
            ProtectedJobError: they do not, by the job that it tells or, for a task's run, by that of the whole run.
        """
        jobs = self._jobs(question)
        if not jobs:
            return
        job_ids = [run.job_id]
        if run.part_of is not None:
            with suppress(RunNotFoundError):
                job_ids.append(client.get_run(run.part_of, follows=True).job_id)
            job_ids = job_ids if len(job_ids) > 1 else [None]
        if objection := jobs.objection(job_ids):
            raise ProtectedJobError(objection, run_id=question["runId"], seen=run.to_json())

    def _is_fresh(self, seen_active_at: str | None) -> bool:
        seen_at = moment(seen_active_at)
        if seen_at is None:
            return False
        age = (self._clock.now() - seen_at).total_seconds()
        return abs(age) <= FRESH_SECONDS  # a clock that is far behind tells nothing either

    def _answer(self, question: Question | JobQuestion, ask: Callable[[JobsClient], Answer]) -> Answer:
        return self._outcome(question, ask) | self._expiry(question)

    def _expiry(self, question: Question | JobQuestion) -> Answer:
        """``tokenExpiresAt``, where that is soon."""
        try:
            expires_at = self.sources().expires_soon_at(self._settings().workspace(question.get("workspace")))
        except (SettingsError, RefusalError):  # the answer tells it already
            return {}
        return {"tokenExpiresAt": expires_at.isoformat()} if expires_at else {}

    def _outcome(self, question: Question | JobQuestion, ask: Callable[[JobsClient], Answer]) -> Answer:
        try:
            return ask(self._client(question.get("workspace")))
        except (ProtectedJobError, NoLongerQueuedError) as error:
            return {"error": error.to_json(), "seen": error.seen}
        except RefusalError as error:
            return {"error": error.to_json()}
        except TransientError as error:
            return {"passing": error.to_json(), "unsure": error.unsure}
        except NotNowError as error:
            return {"later": error.seconds}
        except SettingsError as error:
            # a slip in the settings is mended and the app restarts: a wait that has begun outlives it
            return {"passing": error_json("InvalidSettings", str(error))}

    def sources(self) -> TokenSources:
        """Where the workspaces' tokens come from.

        Raises:
            SettingsError: the settings do not say.
        """
        # threads that race here build them twice, and one of the two is dropped: harmless
        if self._sources is None:
            settings = self._settings()
            self._sources = TokenSources(
                settings.key_vault_uri, self._clock, timeout=settings.http_timeout_seconds, user_agent=USER_AGENT
            )
        return self._sources

    def _client(self, alias: str | None) -> JobsClient:
        settings = self._settings()
        workspace = settings.workspace(alias)
        if workspace.alias not in self._clients:
            hidden = Hidden()
            # threads that race here build the same client twice, and one of the two is dropped: harmless
            self._clients.setdefault(
                workspace.alias,
                JobsClient(
                    workspace,
                    self.sources().of(workspace, hidden),
                    self._clock,
                    Bulkhead(settings.places_of_a_workspace, self._clock),
                    api_version=settings.jobs_api_version,
                    timeout=settings.http_timeout_seconds,
                    hidden=hidden,
                ),
            )
        return self._clients[workspace.alias]


def _where(error: Exception) -> str:
    """Its kind, and the line of the app that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


def _refuse_begun(question: Question, run: Run) -> None:
    """Nothing happens to a run that waits in its job's queue, is stopping, or may be canceled wherever it is.

    Raises:
        NoLongerQueuedError: it was to be canceled in the queue alone, and has left it.
    """
    if question.get("onlyQueued") and run.untouched and not is_queued(run):
        raise NoLongerQueuedError(question["runId"], run.life_cycle_state, seen=run.to_json())
