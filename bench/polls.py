"""What a poll costs under the 1.x SDK's replay, early and late: ours, the least that could be written, and no cut."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df

from cancel_run.cancellation.order import Order
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN
from cancel_run.cancellation.run import Run
from cancel_run.cancellation.schedule import Schedule
from cancel_run.orchestrator import cancel_active_run
from local_host.emulators.one_pass import generations

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime

    from local_host.emulators.one_pass import Answers, Orchestrator

INSTANCE_ID = "prod-455644833"
RUN_ID = 455644833
ORDER = Order(RUN_ID, "prod", "over budget", "cost-guard", wait_timeout_seconds=604800)
QUESTION = {"runId": RUN_ID, "workspace": "prod", "repairId": 0}
AT = (10, 100, 1000, 5000)
MANY = 1000  # polls: a history that long takes a second to replay


@dataclass(frozen=True)
class Cost:
    """Of one poll: CPU seconds of each repetition, bytes of history that it adds, and bytes that its replays read."""

    cpu: tuple[float, ...]
    written: float
    read: float

    def to(self, floor: Cost) -> float:
        """The CPU as a ratio to the floor's, round by round, of which this is the median."""
        return median(mine / least for mine, least in zip(self.cpu, floor.cpu, strict=True))


def floor(context: Any) -> Generator[Any, Any, Any]:
    """The least that reads a run in a loop: a timer and a poll, cut as often as ours."""
    question = context.get_input()
    for _ in range(Schedule().calls_per_generation):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=60))
        answer = yield context.call_activity(POLL_RUN, question)
        if answer["run"]["lifeCycleState"] == "TERMINATED":
            return answer
    context.continue_as_new(question)
    return None


def endless(context: Any) -> Generator[Any, Any, Any]:
    """The same without ``continue_as_new``."""
    question = context.get_input()
    while True:
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=60))
        answer = yield context.call_activity(POLL_RUN, question)
        if answer["run"]["lifeCycleState"] == "TERMINATED":
            return answer


SUBJECTS: dict[str, tuple[Orchestrator, Any]] = {
    "ours": (cancel_active_run, ORDER.to_json()),
    "the floor": (floor, QUESTION),
    "no continue_as_new": (endless, QUESTION),
}


def answering(last: int | None = None) -> Answers:
    """A run that is TERMINATED at the last poll, or never."""
    polls = itertools.count(1)

    def answer(name: str, _: datetime) -> Any:
        if name == CANCEL_RUN:
            return {"accepted": True}
        state = "TERMINATED" if name == POLL_RUN and next(polls) == last else "TERMINATING"
        url = "https://adb-1234567890123456.7.azuredatabricks.net/?o=1234567890123456#job/11223344/run/455644833"
        told = {"life_cycle_state": state, "state_message": "Cancelling."}
        history = [{"type": "ORIGINAL", "start_time": 1_769_860_000_000}]  # of a run that nobody has repaired
        shown = {"run_id": RUN_ID, "run_page_url": url, "state": told, "repair_history": history}
        return {"run": Run.from_api(shown, RUN_ID).to_json()}

    return answer


@dataclass(frozen=True)
class _Subject:
    """The turns of the orchestrator that a poll takes, as the worker is given them."""

    handle: Callable[[str], str]
    contexts: list[str]
    polls: int
    written: float

    def cpu_seconds(self) -> float:
        """CPU seconds of one poll."""
        began = time.process_time()
        for context in self.contexts:
            self.handle(context)
        return (time.process_time() - began) / self.polls


def costs(at: tuple[int, ...], rounds: int) -> dict[str, dict[int, Cost]]:
    """What each of those polls costs, by subject and number.

    Where histories are cut it is the mean over all polls of the generation that has it, for a poll costs more at the
    end of a generation than at its beginning. The subjects take turns, so that the machine's moods strike all alike.
    """
    seen: dict[str, dict[int, Cost]] = {name: {} for name in SUBJECTS}
    for number in at:
        subjects = {name: _subject(name, number) for name in SUBJECTS}
        times: dict[str, list[float]] = {name: [] for name in SUBJECTS}
        for _ in range(rounds * 3 if number < MANY else rounds):
            for name, subject in subjects.items():
                times[name].append(subject.cpu_seconds())
        for name, subject in subjects.items():
            read = sum(map(len, subject.contexts)) / subject.polls
            seen[name][number] = Cost(tuple(times[name]), subject.written, read)
    return seen


def _subject(name: str, at: int) -> _Subject:
    orchestrator, input_ = SUBJECTS[name]
    whole = orchestrator is endless
    reached = 0
    for generation in generations(orchestrator, input_, answering(at if whole else None), INSTANCE_ID):
        polls = generation.calls.count(POLL_RUN)
        reached += polls
        if reached >= at:
            break
    turns = range(len(generation.turns))
    others = len(generation.calls) - polls  # the read and the cancel, which are not polls, come first
    contexts = [generation.context(INSTANCE_ID, turn) for turn in (turns[-2:] if whole else turns[others:])]
    return _Subject(df.Orchestrator.create(orchestrator), contexts, 1 if whole else polls, generation.size / polls)
