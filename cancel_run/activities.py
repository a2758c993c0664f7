"""The seed's three steps as activities: JSON in, JSON out.

Every activity runs at least once: each says why a second call is harmless. What can be foreseen comes back as data:

* ``{"run": {...}}`` or ``{"accepted": true}``: the step succeeded;
* ``{"error": {"code", "message", "statusCode"}}``: a final no;
* ``{"passing": {"code", "message", "statusCode", "retryAfterSeconds"}}``: it may pass. This is data too, because a
  raised exception reaches the orchestrator as text, and the wait that the service asks for would be lost in it.

Only what nobody foresaw is raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from cancel_run.cancellation.result import error_json
from cancel_run.databricks.client import JobsClient
from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.errors import RefusalError, SettingsError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings

Answer = dict[str, Any]


class Question(TypedDict):
    """What every activity is asked with; ``workspace`` is null for the default one."""

    runId: int
    workspace: str | None


class Activities:
    """The steps against the workspaces of the settings, which are read when first needed."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._vault: TokenVault | None = None
        self._clients: dict[str, JobsClient] = {}

    def read_run(self, question: Question) -> Answer:
        """readRun: the run as it is now. Reading changes nothing, so a second call is harmless."""
        return self._answer(question, lambda client: {"run": client.get_run(question["runId"]).to_json()})

    def cancel_run(self, question: Question) -> Answer:
        """cancelRun: Databricks has accepted to cancel the run.

        A second call is harmless: cancelling a run that is stopping or has stopped changes nothing.
        """

        def cancel(client: JobsClient) -> Answer:
            client.cancel_run(question["runId"])
            return {"accepted": True}

        return self._answer(question, cancel)

    def poll_run(self, question: Question) -> Answer:
        """pollRun: the run as it is now. Reading changes nothing, so a second call is harmless."""
        return self.read_run(question)

    def _answer(self, question: Question, ask: Callable[[JobsClient], Answer]) -> Answer:
        try:
            return ask(self._client(question["workspace"]))
        except RefusalError as error:
            return {"error": error.to_json()}
        except TransientError as error:
            return {"passing": error.to_json()}
        except SettingsError as error:
            # a slip in the settings is mended and the app restarts: a wait that has begun outlives it
            return {"passing": error_json("InvalidSettings", str(error))}

    def _client(self, alias: str | None) -> JobsClient:
        settings = self._settings()
        workspace = settings.workspace(alias)
        # threads that race here build the same client twice, and one of the two is dropped: harmless
        if self._vault is None:
            self._vault = TokenVault(settings.key_vault_uri, self._clock, timeout=settings.http_timeout_seconds)
        if workspace.alias not in self._clients:
            self._clients[workspace.alias] = JobsClient(
                workspace,
                self._vault,
                self._clock,
                api_version=settings.jobs_api_version,
                timeout=settings.http_timeout_seconds,
            )
        return self._clients[workspace.alias]
