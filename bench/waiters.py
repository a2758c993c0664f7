"""Who waits for a run to stop, each on the simulated clock: ours and what users have instead.

Ours is ``Progress`` itself, fed with answers. The SDK's is its own code with our clock in place of ``time``. The CLI's
(the Go SDK's backoff) and Airflow's are a line each, read in their sources, because neither can be driven from here.
No answer takes any time: what is compared is the schedule alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from types import FunctionType, SimpleNamespace
from typing import Any

from databricks.sdk.service import jobs

from bench.simulation import FOREVER, Clock, Noticed, Stopping
from cancel_run.cancellation.conclusions import note
from cancel_run.cancellation.order import Order
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN, Progress
from cancel_run.cancellation.run import Run
from cancel_run.cancellation.schedule import Schedule

START = datetime(2026, 1, 31, 12, tzinfo=UTC)

Waiter = Callable[[Stopping, Random], Noticed]


def ours(run: Stopping, chance: Random, schedule: Schedule | None = None) -> Noticed:
    """This app: ``Progress`` asks and draws its conclusions, as in the orchestrator."""
    order = Order(
        chance.randrange(1, 10**15), "default", wait_timeout_seconds=int(FOREVER), schedule=schedule or Schedule()
    )
    progress = Progress(order, f"default-{order.run_id}", started_at=START, next_at=START)
    now, canceled_at, calls = START, None, 0
    while progress.outcome is None:
        now, step = max(now, progress.next_at), progress.next_step
        if step == CANCEL_RUN:
            canceled_at = canceled_at or now
            answer: dict[str, Any] = {"accepted": True}
        else:
            state = run.state((now - canceled_at).total_seconds()) if step == POLL_RUN and canceled_at else "RUNNING"
            told = {"run_id": order.run_id, "state": {"life_cycle_state": state}}
            answer = {"run": Run.from_api(told, order.run_id).to_json()}
        note(progress, step, answer, now)
        calls += 1
    assert canceled_at is not None  # noqa: S101  # it was RUNNING when first read
    return Noticed((now - canceled_at).total_seconds(), progress.polls, calls)


def databricks_sdk(run: Stopping, chance: Random) -> Noticed:
    """``cancel_run_and_wait`` of databricks-sdk, its limit of 20 minutes raised: it would not see the long ones."""
    clock, polls = Clock(), 0

    def get_run(run_id: int) -> jobs.Run:  # noqa: ARG001  # the SDK names it
        nonlocal polls
        polls += 1
        state = jobs.RunLifeCycleState(run.state(clock.now))
        return jobs.Run(state=jobs.RunState(life_cycle_state=state))

    code = jobs.JobsAPI.wait_get_run_job_terminated_or_skipped.__code__
    wait = FunctionType(code, {**vars(jobs), "time": clock, "random": chance})
    wait(SimpleNamespace(get_run=get_run), 1, timeout=timedelta(seconds=FOREVER), callback=None)
    return Noticed(clock.now, polls, polls + 1)


def databricks_cli(run: Stopping, chance: Random) -> Noticed:
    """The backoff of databricks-sdk-go: n seconds, at most 10, and 50 to 750 ms of chance."""
    return _looking(run, lambda number: min(number, 10) + chance.uniform(0.05, 0.75))


def airflow(run: Stopping, chance: Random) -> Noticed:  # noqa: ARG001  # a waiter among others
    """Airflow's Databricks operators: every 30 seconds (``polling_period_seconds``)."""
    return _looking(run, lambda _: 30.0)


def _looking(run: Stopping, wait: Callable[[int], float]) -> Noticed:
    """At once, and then after each wait, the first being number 1."""
    now, polls = 0.0, 1
    while run.state(now) != "TERMINATED":
        now += wait(polls)
        polls += 1
    return Noticed(now, polls, polls + 1)


WAITERS: dict[str, Waiter] = {
    "ours": ours,
    "databricks-sdk": databricks_sdk,
    "Databricks CLI": databricks_cli,
    "Airflow, 30 s": airflow,
}
