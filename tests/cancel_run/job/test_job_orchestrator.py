"""The orchestrator ``cancel-active-runs`` under the SDK's replay: hundreds of runs, and every kind of answer.

It is longer than most: whatever may go wrong at each of its steps is here.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.cancellation.result import CancelResult, Outcome
from cancel_run.job.order import JobOrder, Plan
from cancel_run.job.progress import JobProgress
from cancel_run.job.request import JobRequest
from function_app import create_app
from tests.support.replay import Ended, Replay, orchestrator_of

if TYPE_CHECKING:
    from collections.abc import Iterable

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
CUSTOM_STATUS_LIMIT = 16 * 1024
PAGE = 24
BUSY = {"passing": {"code": "ServiceUnavailable", "message": "503", "statusCode": 503, "retryAfterSeconds": None}}
LATER = {"later": 0.3}
DENIED = {"error": {"code": "PermissionDenied", "message": "403", "statusCode": 403, "mendable": True}}
NO_JOB = {"error": {"code": "JobNotFound", "message": "no such job", "statusCode": 400, "mendable": False}}


class Hub:
    """What the three activities answer, of runs that end after so many looks; None never does.

    ``faults`` are answered in their order in place of what an activity would say.
    """

    def __init__(self, looks: dict[int, int | None], queued: Iterable[int] = (), joined: Iterable[int] = ()) -> None:
        self.looks, self.queued, self.joined = looks, set(queued), set(joined)
        self.faults: dict[str, deque[Any]] = {"listActiveRuns": deque(), "startCancellations": deque()}
        self.faults["readCancellations"] = deque()
        self.begun: list[int] = []
        self.open: set[int] = set()
        self.most_open = 0
        self.started_later: list[int] = []
        self.lost: set[int] = set()
        self.stopped: set[int] = set()

    def answer(self, name: str, question: Any) -> Any:
        if self.faults[name]:
            fault = self.faults[name].popleft()
            if isinstance(fault, Exception):
                raise fault
            if fault is not None:
                return fault(question) if callable(fault) else fault
        return {"listActiveRuns": self.page, "startCancellations": self.begin, "readCancellations": self.look}[name](
            question
        )

    def page(self, question: Any) -> Any:
        active = [run_id for run_id in self.looks if run_id not in self.stopped] + self.started_later
        first = int(question["pageToken"] or 0)
        runs = [
            {
                "runId": run_id,
                "state": "QUEUED" if run_id in self.queued else "RUNNING",
                "queued": run_id in self.queued,
            }
            for run_id in active[first : first + PAGE]
        ]
        return {"page": {"runs": runs, "next": str(first + PAGE) if first + PAGE < len(active) else None}}

    def begin(self, question: Any) -> Any:
        self.begun += question["runs"]
        self.open |= set(question["runs"])
        self.most_open = max(self.most_open, len(self.open))
        return {
            "begun": [{"runId": one, **({"joined": "x"} if one in self.joined else {})} for one in question["runs"]]
        }

    def look(self, question: Any) -> Any:
        ended = []
        for one in question["runs"]:
            run_id = one["runId"]
            assert one.get("joined") == ("x" if run_id in self.joined else None)
            if question.get("results"):
                assert run_id in self.stopped
            elif self.looks[run_id] is not None:
                self.looks[run_id] -= 1  # type: ignore[operator]  # it is not None
            if self.looks[run_id] is not None and self.looks[run_id] <= 0:  # type: ignore[operator]  # the same
                self.stopped.add(run_id)
                self.open.discard(run_id)
                result = CancelResult(outcome=Outcome.CANCELED, run_id=run_id).to_json()
                full = {"result": result} if question.get("results") else {}
                ended.append({"runId": run_id, "stopped": True, "outcome": "canceled", "state": "TERMINATED", **full})
        lost = [one["runId"] for one in question["runs"] if one["runId"] in self.lost]
        self.lost.clear()
        return {"ended": [one for one in ended if one["runId"] not in lost], "lost": lost}


def carried_out(hub: Hub, *, from_queue: bool = False, plan: Plan | None = None, **asked: Any) -> Ended:
    request = JobRequest(5, workspace="prod", **{"max_runs": 1000, **asked})
    order = JobOrder.of(request, asked_at=START, from_queue=from_queue, **({"plan": plan} if plan else {}))
    handle = orchestrator_of(create_app({}), "cancel-active-runs")
    few = len(hub.looks) < 10
    ended = Replay(handle, hub.answer, instance_id="prod~job-5", now=START, twice=few).run(order.to_json())
    assert ended.failure is None
    for status in ended.custom_statuses:
        assert len(json.dumps(status).encode("utf-16-le")) < CUSTOM_STATUS_LIMIT
    return ended


def test_the_steps_are_list_begin_look_and_list_again() -> None:
    ended = carried_out(Hub({1: 2, 2: 2}))
    begin, look = "startCancellations", "readCancellations"
    assert ended.steps == ["listActiveRuns", begin, look, look, "listActiveRuns", look]
    assert (ended.output["outcome"], [run["runId"] for run in ended.output["runs"]]) == ("stopped", [1, 2])


def test_500_runs_of_which_some_are_joined_and_two_never_stop() -> None:
    looks: dict[int, int | None] = {run_id: 1 + run_id % 4 for run_id in range(1, 501)}
    looks[77] = looks[400] = None
    hub = Hub(looks, joined=range(10, 20))
    ended = carried_out(hub, wait_timeout_seconds=3600)
    assert sorted(hub.begun) == sorted(looks)  # each once
    assert hub.most_open <= 102  # a hundred, and two that have given their places up
    stopped = [run["runId"] for run in ended.output["runs"] if run["stopped"]]
    assert len(stopped) == 498
    assert (ended.output["outcome"], ended.output["startedMeanwhile"]) == ("notStopped", [])
    assert {run["error"]["code"] for run in ended.output["runs"] if not run["stopped"]} == {"StillUnderWay"}
    assert timedelta(0) <= ended.ended_at - START - timedelta(seconds=3600) < timedelta(seconds=90)
    assert max(len(events) for events in ended.generations) < 200


def test_runs_that_do_not_stop_do_not_keep_others_from_being_begun() -> None:
    looks: dict[int, int | None] = {run_id: None if run_id <= 3 else 1 for run_id in range(1, 11)}
    hub = Hub(looks)
    carried_out(hub, plan=Plan(side_by_side=3), wait_timeout_seconds=600)
    assert sorted(hub.begun) == list(range(1, 11))


def test_running_runs_wait_until_the_queue_is_empty() -> None:
    hub = Hub(dict.fromkeys(range(1, 9), 3), queued=[5, 6, 7, 8])
    carried_out(hub)
    assert hub.begun == [5, 6, 7, 8, 1, 2, 3, 4]


def test_what_another_order_has_taken_over_is_begun_again() -> None:
    hub = Hub({1: 3, 2: 3})
    hub.lost = {2}
    ended = carried_out(hub)
    assert (hub.begun, ended.output["outcome"]) == ([1, 2, 2], "stopped")


def test_one_that_was_joined_and_ends_without_a_stop_is_begun_anew() -> None:
    def gives_up(_: Any) -> Any:
        hub.joined = set()
        return {"ended": [{"runId": 1, "stopped": False, "outcome": "timedOut", "state": "RUNNING"}], "lost": []}

    hub = Hub({1: 2}, joined=[1])
    hub.faults["readCancellations"].append(gives_up)
    ended = carried_out(hub)
    assert (hub.begun, ended.output["outcome"]) == ([1, 1], "stopped")


def test_a_run_that_started_meanwhile_is_told() -> None:
    hub = Hub({1: 1})
    hub.started_later = [9]
    hub.looks = {1: 1}
    hub.faults["listActiveRuns"].append({"page": {"runs": [{"runId": 1, "state": "RUNNING"}], "next": None}})
    ended = carried_out(hub)
    assert (ended.output["outcome"], ended.output["startedMeanwhile"]) == ("notStopped", [9])


def test_runs_beyond_the_most_did_not_start_meanwhile() -> None:
    hub = Hub(dict.fromkeys(range(1, 6), 1), queued=[5])
    ended = carried_out(hub, max_runs=2)
    assert (sorted(hub.begun), ended.output["found"], ended.output["truncated"]) == ([1, 5], 5, True)
    assert (ended.output["outcome"], ended.output["startedMeanwhile"]) == ("notStopped", [])


def test_two_messages_of_one_second_are_two_orders_to_the_runs() -> None:
    """A queue tells the time of a message in whole seconds."""

    def event_of(started_at: datetime) -> Any:
        order = JobOrder.of(JobRequest(5, workspace="prod"), asked_at=START, event=f"message {started_at}")
        progress = JobProgress.load(order.to_json(), "prod~job-5", started_at)
        later = JobProgress.load(progress.to_json(), "prod~job-5", started_at + timedelta(minutes=5))
        assert progress.ask_to_look()["event"] == later.ask_to_look()["event"]
        return later.ask_to_look()["event"]

    assert event_of(START + timedelta(seconds=1)) != event_of(START + timedelta(seconds=2))


@pytest.mark.parametrize(("outcome", "expected"), [("rejected", "notStopped"), ("alreadyEnded", "stopped")])
def test_a_rehearsal_that_would_cancel_nothing_says_so(outcome: str, expected: str) -> None:
    stopped = outcome == "alreadyEnded"
    hub = Hub({1: 1})
    seen = {"ended": [{"runId": 1, "stopped": stopped, "outcome": outcome, "state": "RUNNING"}], "lost": []}
    hub.faults["readCancellations"] += [seen] * 5
    assert carried_out(hub, dry_run=True).output["outcome"] == expected


def test_a_rehearsal_tells_that_its_list_may_lack_some_runs() -> None:
    hub = Hub(dict.fromkeys(range(1, 31), 1))
    hub.faults["listActiveRuns"] += [None, *[BUSY] * 5]
    wanted = {"ended": [{"runId": 1, "stopped": False, "outcome": "wouldCancel", "state": "RUNNING"}], "lost": []}
    hub.faults["readCancellations"].append(wanted)
    ended = carried_out(hub, dry_run=True)
    assert (ended.output["outcome"], len(ended.output["runs"])) == ("wouldCancel", 24)
    assert ended.output["error"]["code"] == "ServiceUnavailable"


def test_an_order_that_is_too_old_is_expired() -> None:
    order = JobOrder.of(JobRequest(5, workspace="prod"), asked_at=START - timedelta(days=2)).to_json()
    handle = orchestrator_of(create_app({}), "cancel-active-runs")
    ended = Replay(handle, Hub({1: 1}).answer, now=START).run(order)
    assert (ended.steps, ended.output["outcome"], ended.output["error"]["code"]) == ([], "expired", "OrderExpired")


def test_an_input_that_is_no_order_is_rejected() -> None:
    ended = Replay(orchestrator_of(create_app({}), "cancel-active-runs"), Hub({}).answer, now=START).run({"jobId": 0})
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("rejected", "InvalidRequest")


# -- what goes wrong while the job is listed: at the first page, in the middle, the second time ------------------------

PAGES = 3  # of the first listing
RUNS = dict.fromkeys(range(1, PAGES * PAGE), 1)


def loops(_: Any) -> Any:
    return {"page": {"runs": [{"runId": 1, "state": "RUNNING"}], "next": str(PAGE)}}


def empty_for_ever(question: Any) -> Any:
    return {"page": {"runs": [], "next": f"{question['pageToken']}x"}}


@pytest.mark.parametrize("place", [0, 1, 2], ids=["the first page", "the middle", "the last page"])
@pytest.mark.parametrize("fault", [BUSY, LATER, RuntimeError("a worker died")], ids=["busy", "later", "breaks"])
def test_a_page_that_fails_for_a_while_is_asked_for_again(fault: Any, place: int) -> None:
    hub = Hub(dict(RUNS))
    hub.faults["listActiveRuns"].extend([*[None] * place, fault, fault])
    ended = carried_out(hub)
    assert (ended.output["outcome"], len(hub.begun)) == ("stopped", len(RUNS))


@pytest.mark.parametrize("fault", [BUSY, DENIED, NO_JOB], ids=["busy", "denied", "gone"])
def test_a_page_in_the_middle_that_fails_for_ever_does_not_save_the_runs_that_were_found(fault: Any) -> None:
    hub = Hub(dict(RUNS))
    hub.faults["listActiveRuns"].extend([None, *[fault] * 5])
    ended = carried_out(hub)
    assert sorted(hub.begun) == list(range(1, PAGE + 1))
    assert ended.output["outcome"] == "notStopped"
    assert set(ended.output["startedMeanwhile"]) == set(RUNS) - set(hub.begun)


def test_a_page_token_that_leads_round_in_a_circle_ends_the_first_listing() -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([loops] * 2)
    ended = carried_out(hub)
    assert (hub.begun, ended.output["outcome"], ended.output["error"]) == ([1], "stopped", None)
    assert ended.steps.count("listActiveRuns") == 3


def test_a_listing_that_loops_at_the_end_leaves_in_doubt_whether_all_is_stopped() -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([None, loops, loops])
    hub.stopped = set()
    ended = carried_out(hub)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("notStopped", "ListingLoops")


def test_a_listing_without_an_end_is_left_after_so_many_pages() -> None:
    hub = Hub({})
    hub.faults["listActiveRuns"].extend([empty_for_ever] * 200)
    ended = carried_out(hub)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("notStopped", "ListingTooLong")
    assert max(len(events) for events in ended.generations) < 200


@pytest.mark.parametrize("fault", [BUSY, DENIED, LATER], ids=["busy", "denied", "later"])
def test_a_second_listing_that_never_succeeds_leaves_it_in_doubt(fault: Any) -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([None, *[fault] * 500])
    ended = carried_out(hub, wait_timeout_seconds=15)
    assert (ended.output["outcome"], ended.output["stopped"]) == ("notStopped", False)
    assert [run["outcome"] for run in ended.output["runs"]] == ["canceled"]
    assert ended.output["error"] is not None
    assert ended.ended_at - START < timedelta(seconds=90)


@pytest.mark.parametrize(
    ("fault", "from_queue", "outcome", "calls"),
    [(DENIED, False, "rejected", 1), (NO_JOB, False, "rejected", 1), (NO_JOB, True, "rejected", 2)],
)
def test_a_job_that_may_not_be_listed_is_rejected(fault: Any, from_queue: bool, outcome: str, calls: int) -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([fault] * 9)
    ended = carried_out(hub, from_queue=from_queue)
    assert (ended.output["outcome"], ended.steps) == (outcome, ["listActiveRuns"] * calls)
    assert ended.output["error"]["code"] == fault["error"]["code"]


def test_an_order_from_the_queue_waits_until_somebody_has_mended_the_permission() -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([DENIED] * 3)
    assert carried_out(hub, from_queue=True).output["outcome"] == "stopped"


def test_a_workspace_that_is_away_until_the_deadline_is_told() -> None:
    hub = Hub({1: 1})
    hub.faults["listActiveRuns"].extend([BUSY] * 500)
    ended = carried_out(hub, wait_timeout_seconds=60)
    assert (ended.output["outcome"], ended.output["error"]["code"]) == ("notStopped", "ServiceUnavailable")
    assert ended.ended_at - START < timedelta(seconds=130)


# -- what goes wrong afterwards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["startCancellations", "readCancellations"])
@pytest.mark.parametrize("fault", [RuntimeError("a worker died"), {"problem": {"code": "TaskHubUnavailable"}}, {}])
def test_a_task_hub_that_is_away_for_a_while_is_waited_for(name: str, fault: Any) -> None:
    hub = Hub({1: 2, 2: 2})
    hub.faults[name].extend([fault, fault])
    ended = carried_out(hub)
    assert (ended.output["outcome"], sorted(hub.begun)) == ("stopped", [1, 2])
    assert ended.output["retries"] == 2


def test_results_that_cannot_be_read_are_told_by_what_is_known_without_them() -> None:
    def unreadable(question: Any) -> Any:
        return {"ended": [], "lost": []} if question.get("results") else Hub.look(hub, question)

    hub = Hub({1: 1})
    hub.faults["readCancellations"].extend([unreadable] * 9)
    ended = carried_out(hub)
    (run,) = ended.output["runs"]
    assert (run["outcome"], run["stopped"], run["error"]["code"]) == ("canceled", True, "ResultNotFound")
    assert ended.output["stopped"] is True


def test_what_was_not_begun_at_the_deadline_is_told() -> None:
    hub = Hub({1: 1, 2: None})
    hub.faults["startCancellations"].extend([{"problem": {"code": "TaskHubUnavailable", "message": ""}}] * 100)
    ended = carried_out(hub, wait_timeout_seconds=30)
    assert {run["error"]["code"] for run in ended.output["runs"]} == {"NotBegun"}
    assert ended.output["outcome"] == "notStopped"
