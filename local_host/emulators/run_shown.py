"""What ``runs/get`` tells of an emulated run, in ``state``, in the newer ``status``, or in both; and of its repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_host.emulators.run_life import TERMINAL, Attempt

if TYPE_CHECKING:
    from local_host.emulators.run_life import Row, Run

# the newer `status` object has other words for some states
STATUS_OF = {"WAITING_FOR_RETRY": "WAITING", "SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED"}
# a run that has had its time is canceled by the platform, and a person's cancel is told apart from that
CODE_OF = {
    "CANCELED": "USER_CANCELED",
    "TIMEDOUT": "CANCELED",
    "FAILED": "RUN_EXECUTION_ERROR",
    None: "INTERNAL_ERROR",
}


def shown(run: Run, row: Row, tasks: dict[int, Row], home: str) -> dict[str, Any]:
    """The run in that row; ``tasks`` has the row of each of its task runs, and ``home`` is the workspace's page."""
    return {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "job_run_id": run.parent or run.run_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        **_states(run, row),
        "creator_user_name": "owner@example.com",
        "trigger": "PERIODIC",
        "start_time": run.began_ms,
        "end_time": run.since_ms if row.state in TERMINAL else 0,
        "run_name": "nightly",
        "run_page_url": f"{home}#job/{run.job_id}/run/{run.run_id}",
        "tasks": [
            {"run_id": task, "task_key": run.tasks[task], "state": _state(task_row)} for task, task_row in tasks.items()
        ],
        **run.life.facts,
    }


def history(run: Run, row: Row) -> list[dict[str, Any]]:
    """The run's attempts, as ``repair_history`` has them: the original one, and each repair."""
    newest = Attempt(run.repair_id, run.repaired_ms or run.began_ms, 0, row)
    return [
        {
            "type": "ORIGINAL" if attempt.repair_id is None else "REPAIR",
            **({} if attempt.repair_id is None else {"id": attempt.repair_id}),
            "start_time": attempt.began_ms,
            "end_time": attempt.ended_ms,
            **_states(run, attempt.last),
        }
        for attempt in (*run.ended, newest)
    ]


def _state(row: Row) -> dict[str, Any]:
    result = {"result_state": row.result} if row.state in TERMINAL and row.result is not None else {}
    return {"life_cycle_state": row.state, **result, "state_message": row.message}


def _states(run: Run, row: Row) -> dict[str, Any]:
    ended = row.state in TERMINAL
    state = _state(row)
    status: dict[str, Any] = {"state": STATUS_OF.get(row.state, row.state)}
    if ended:
        state["user_cancelled_or_timedout"] = row.result in {"CANCELED", "TIMEDOUT"}
        code = CODE_OF.get(row.result, row.result)
        status["termination_details"] = {"code": code, "type": "SUCCESS", "message": row.message}
    elif row.state == "QUEUED":
        state["queue_reason"] = "Queued due to reaching maximum concurrent runs."
        status["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": state["queue_reason"]}
    told = {"state": state, "status": status}
    return {key: told[key] for key in run.life.shows}
