"""Scripts: what the three activities answer, one call after the other, to the orchestrator of an order."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from cancel_run.cancellation.run import Run
from function_app import create_app
from tests.support.replay import Answers, Ended, Replay, orchestrator_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN_ID = 455644833
ORDER = {"runId": RUN_ID, "workspace": "prod", "reason": "over budget", "requestedBy": "cost-guard"}
ACTIVE = ["PENDING", "QUEUED", "BLOCKED", "RUNNING", "TERMINATING", "WAITING_FOR_RETRY"]

accepted = {"accepted": True}
NOT_FOUND = {"error": {"code": "RunNotFound", "message": "Run 1 does not exist.", "statusCode": 400}}
DENIED = {"error": {"code": "PermissionDenied", "message": "no CAN MANAGE RUN", "statusCode": 403, "mendable": True}}
BUSY = {
    "passing": {"code": "ServiceUnavailable", "message": "503", "statusCode": 503, "retryAfterSeconds": None},
    "unsure": True,
}


def run(state: str, result: str | None = None, message: str | None = None) -> dict[str, Any]:
    """What a read answers, as the activities do."""
    told = {"life_cycle_state": state, "result_state": result, "state_message": message}
    return {"run": Run.from_api({"run_id": RUN_ID, "run_page_url": "https://x", "state": told}, RUN_ID).to_json()}


CANCELED = run("TERMINATED", "CANCELED", "Run cancelled.")


def busy_for(seconds: float) -> dict[str, Any]:
    return {
        "passing": {"code": "Throttled", "message": "429", "statusCode": 429, "retryAfterSeconds": seconds},
    }


def script(
    reads: Iterable[Any] = (run("RUNNING"),), cancels: Iterable[Any] = repeat(accepted), polls: Iterable[Any] = ()
) -> Answers:
    """Answers in the order given for each activity; an exception among them is raised; the last of polls repeats."""
    last: Any = None
    iterators: dict[str, Iterator[Any]] = {"readRun": iter(reads), "cancelRun": iter(cancels), "pollRun": iter(polls)}

    def answer(name: str, question: Any) -> Any:
        nonlocal last
        assert (question["runId"], question["workspace"]) == (RUN_ID, "prod")
        said = next(iterators[name], last) if name == "pollRun" else next(iterators[name])
        if name == "pollRun":
            last = said
        if isinstance(said, Exception):
            raise said
        return said

    return answer


def cancellation(answers: Answers, order: dict[str, Any] | None = None, **replay: Any) -> Ended:
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    return Replay(handle, answers, now=START, **replay).run(ORDER if order is None else order)


ANSWERS = st.one_of(
    st.sampled_from([run(state) for state in [*ACTIVE, "NEW_STATE"]]),
    st.just(BUSY),
    st.just(DENIED),
    st.floats(0, 1e9).map(busy_for),
    st.just(RuntimeError("unforeseen")),
)
