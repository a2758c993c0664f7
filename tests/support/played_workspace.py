"""A workspace that is played, and the app's own activities against it: no sockets, so that thousands of lives fit in.

It stands where the client of a workspace stands, and answers as the client does: with a run out of the API's JSON, or
with the errors of ``cancel_run.errors``.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cancel_run.activities import Activities
from cancel_run.cancellation.run import Run
from cancel_run.errors import AccessError, CallError, NotNowError, RefusalError, RunNotFoundError, TransientError
from cancel_run.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ACTIVE = ("PENDING", "QUEUED", "BLOCKED", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY", "HIBERNATING")
ENDS = (("TERMINATED", "CANCELED"), ("TERMINATED", "SUCCESS"), ("SKIPPED", None), ("INTERNAL_ERROR", "FAILED"))
TERMINAL = {state for state, _ in ENDS}

# what may be wrong with a call, and whether it has its effect all the same
FAULTS = (
    *("unavailable", "lost", "unsent", "throttled", "later", "denied", "gone", "strange", "another's", "ignored"),
    *("breaks", "breaks after its effect"),
)
_AFTER_EFFECT = {"", "lost", "breaks after its effect"}


class PlayedWorkspace:
    """One run, and the next faults in their order; ``on_read`` and ``on_cancel`` hear of what reaches the workspace."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.state: tuple[str, str | None] = ("RUNNING", None)
        self.repairs: list[tuple[str, str | None]] = []  # how each attempt ended that was repaired
        self.faults: deque[str] = deque()
        self.down = False
        self.on_read: Callable[[Run], None] = lambda _: None
        self.on_cancel: Callable[[], None] = lambda: None
        self.activities = _Played(self)

    @property
    def ended(self) -> bool:
        """The run has."""
        return self.state[0] in TERMINAL

    def repair(self) -> None:
        """The run is active again."""
        self.repairs.append(self.state)
        self.state = ("RUNNING", None)

    # -- the client's ------------------------------------------------------------------------------------------------

    def get_run(
        self,
        run_id: int,
        *,
        repair_id: int | None = None,
        first_read_at: datetime | None = None,
        first: bool = False,  # noqa: ARG002
    ) -> Run:
        """As ``JobsClient.get_run``."""
        fault = self._fault()
        if fault == "another's":
            answer = {"run_id": run_id + 1, "state": {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}}
        elif fault in {"", "ignored"}:
            answer = self._told(run_id)
        else:
            raise _error(fault, unsure=False)
        try:
            run = Run.attempt_from_api(answer, run_id, repair_id, first_read_at) or Run.from_api(answer, run_id)
        except ValueError as error:
            raise TransientError(str(error), code="UnreadableAnswer", status_code=200) from None
        self.on_read(run)
        return run

    def cancel_run(self, run_id: int, *, first: bool = False, follows: bool = False) -> None:  # noqa: ARG002
        """As ``JobsClient.cancel_run``."""
        fault = self._fault()
        if fault not in {"unsent", "later"}:
            self.on_cancel()
        if fault in _AFTER_EFFECT and not self.ended:
            self.state = ("TERMINATING", None)
        if fault not in {"", "ignored", "another's"}:
            raise _error(fault, unsure=True)

    def _fault(self) -> str:
        return "unavailable" if self.down else self.faults.popleft() if self.faults else ""

    def _told(self, run_id: int) -> dict[str, Any]:
        attempts = [*self.repairs, self.state]
        history = [
            {"type": "REPAIR", "id": 1000 - number, "start_time": number, "state": _state(*attempt)}
            for number, attempt in enumerate(attempts)
        ]
        history[0] = {"type": "ORIGINAL", "start_time": 0, "state": _state(*attempts[0])}
        return {"run_id": run_id, "state": _state(*self.state), "repair_history": history[::-1]}


def _state(life_cycle_state: str, result_state: str | None) -> dict[str, str]:
    result = {} if result_state is None else {"result_state": result_state}
    return {"life_cycle_state": life_cycle_state, **result}


def _error(fault: str, *, unsure: bool) -> Exception:
    errors: dict[str, CallError | NotNowError] = {
        "unavailable": TransientError("503", code="ServiceUnavailable", status_code=503, unsure=unsure),
        "lost": TransientError("503", code="ServiceUnavailable", status_code=503, unsure=unsure),
        "unsent": TransientError("no connection", code="ConnectionFailed"),
        "throttled": TransientError("429", code="Throttled", status_code=429, retry_after=1e9),
        "later": NotNowError(0.2),
        "denied": AccessError("403", code="PermissionDenied", status_code=403),
        "gone": RunNotFoundError("Run does not exist.", status_code=400),
        "strange": RefusalError("404", status_code=404),
    }
    return errors.get(fault, RuntimeError(fault))


class _Clock:
    """The workspace's time is the worker's."""

    def __init__(self, workspace: PlayedWorkspace) -> None:
        self._workspace = workspace

    def now(self) -> datetime:
        return self._workspace.now

    def monotonic(self) -> float:
        return self._workspace.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self._workspace.now += timedelta(seconds=seconds)


class _Played(Activities):
    """The app's activities, whose every workspace is the played one, as is their clock."""

    def __init__(self, workspace: PlayedWorkspace) -> None:
        super().__init__(lambda: _SETTINGS, _Clock(workspace))
        self._workspace = workspace

    def _client(self, alias: str | None) -> Any:  # noqa: ARG002
        return self._workspace


_SETTINGS = Settings.from_environ(
    {
        "KEY_VAULT_URI": "http://127.0.0.1:1",
        "DATABRICKS_WORKSPACES": '{"prod": {"host": "http://127.0.0.1:1", "tokenSecret": "a-secret"}}',
    }
)
