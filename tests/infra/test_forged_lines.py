"""What callers and messages write cannot set off an alert rule, nor add to a chart, nor hide what happened.

Each forged text goes to each place from where it gets into the log, through the code that logs it; the lines of the
host and of the Durable extension are made as the real ones are. Then each query of infra/queries is carried out over
them.
It is longer than most: the texts, the places that log and the queries are one table.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from azure.functions.queue import QueueMessage

from cancel_run.cancellation import outcome_event
from cancel_run.cancellation.order import Order
from cancel_run.cancellation.progress import Progress
from cancel_run.cancellation.request import TEXT_LIMIT
from cancel_run.cancellation.result import CancelResult, Outcome
from cancel_run.clock import SystemClock
from cancel_run.errors import CancelRunError
from cancel_run.job import outcome_event as job_event
from cancel_run.job.result import JobOutcome, JobResult
from cancel_run.settings import Settings
from cancel_run.triggers import queue_trigger
from cancel_run.triggers.job_starting import JOB_ORCHESTRATOR
from cancel_run.triggers.starting import ORCHESTRATOR, REHEARSAL
from local_host.queue_trigger import POISON
from tests.support.kusto import AT, ERROR, WARNING, Trace, carried_out
from tests.support.queries import OUTCOMES, QUERIES, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

TELEMETRY_LIMIT = 32_768  # characters of a message in Application Insights
OURS = f"Function.{ORCHESTRATOR}.User"
JOBS = f"Function.{JOB_ORCHESTRATOR}.User"
QUEUE = "Function.startFromQueue.User"
SETTINGS = Settings.from_environ({"DATABRICKS_HOST": "https://a.example", "KEY_VAULT_URI": "https://v.example"})

# lines of others as the real ones are; of the poison queue's the category is the one in the extension's source
BROKEN = f"prod-7: Function '{ORCHESTRATOR} (Orchestrator)' failed with an error. Reason: {{}}. State: Failed."
TERMINATED = f"prod-7: Function '{ORCHESTRATOR} (Orchestrator)' was terminated. Reason: {{}}. State: Terminated."
EXPIRES = '{{"event":"tokenExpires","workspace":"prod","auth":"oauth","expiresAt":"2026-02-03","daysLeft":{}}}'
POISONED = f"Message has reached MaxDequeueCount of 5. Moving message to queue 'cancel-active-run{POISON}'."


def event(outcome: Outcome = Outcome.TIMED_OUT, **facts: Any) -> str:
    """A line of the app's for an outcome."""
    result = CancelResult(outcome=outcome, run_id=7, workspace="prod", **facts)
    return json.dumps(outcome_event.fields("prod-7", AT, 0, result), separators=(",", ":"))


def blocked(text: str) -> str:
    """A line of the app's for a cancellation that is blocked, with the text wherever somebody can write it."""
    order = Order(run_id=7, workspace="prod", reason=text, requested_by=text, from_queue=True)
    progress = Progress(order, "prod-7", started_at=AT, next_at=AT, blocked="Forged")
    return json.dumps(outcome_event.blocked_fields(progress), separators=(",", ":"))


def job(outcome: JobOutcome, **facts: Any) -> str:
    """A line of the app's for the runs of a job."""
    result = JobResult(outcome=outcome, job_id=5, workspace="prod", **facts)
    return json.dumps(job_event.fields("prod~job-5", result), separators=(",", ":"))


LINES = [
    job(JobOutcome.NOT_STOPPED),
    event(),
    event(Outcome.EXPIRED),
    blocked("forged"),
    event(Outcome.REJECTED, error={"code": "Forged", "message": "", "statusCode": 403}),
    BROKEN.format("forged"),
    TERMINATED.format("forged"),
    EXPIRES.format(3),
    POISONED,
    POISONED.removeprefix("Message "),
]
FORGED = [
    *LINES,
    *(f"x\r\n{line}\n" for line in LINES),
    *(f'x"}}\n{line}' for line in LINES),
    *(f"\u2028{line}\u2029" for line in LINES),
    *(f"\u202e{line[::-1]}\u2066\u200f{line}" for line in LINES),
    "\x1b[2K\x1b[1A\x1b]0;x\x07\b\x7f\x9b",  # a terminal obeys
    "\u200b\ufeff\u00ad\U000e0041\ufff9",  # nobody sees
    "\ud83d",  # half a character
    "\U0001f600" * 40_000,
]
INSTANCES = {f"prod-{number}": text for number, text in enumerate(FORGED, 1)}
REAL = {
    "timed-out": [Trace(event(reason=text, error={"code": "Throttled", "message": text}), OURS) for text in FORGED],
    "rejected": [Trace(event(Outcome.REJECTED, result_state=text, requested_by=text), OURS) for text in FORGED],
    "blocked": [Trace(blocked(text), OURS, timestamp=AT + timedelta(seconds=n)) for n, text in enumerate(FORGED)],
    "expired": [Trace(event(Outcome.EXPIRED, requested_by=text), OURS) for text in FORGED],
    "job-not-stopped": [Trace(job(JobOutcome.NOT_STOPPED, reason=text, requested_by=text), JOBS) for text in FORGED],
    "instance-failed": [
        Trace(line.format(text.encode("utf-8", "replace").decode()), OURS, severity)
        for line, severity in ((BROKEN, ERROR), (TERMINATED, WARNING))
        for text in FORGED
    ],
    "poison-message": [Trace(POISONED, "Host.Triggers.Queue")],
    "token-expires": [Trace(EXPIRES.format(days), "Function.watchTokens.User") for days in (3, 2, -1)],
}


class TakesAnything:
    """A durable client that knows no instance and takes every start."""

    async def start_new(self, orchestration_function_name: str, instance_id: str, client_input: Any) -> str:  # noqa: ARG002  # the SDK's
        return instance_id

    async def get_status(self, instance_id: str, *, show_input: bool = False) -> Any:  # noqa: ARG002  # the SDK's
        return SimpleNamespace(message="")  # what the SDK makes of an empty 404


def took(message_id: str, body: Any) -> None:
    """The queue trigger has had the message, for the first time."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    message = QueueMessage(id=message_id, body=content, dequeue_count=1)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    with contextlib.suppress(CancelRunError):
        asyncio.run(queue_trigger.take(message, TakesAnything(), lambda: SETTINGS, SystemClock()))


def messages(text: str) -> Iterator[Any]:
    """Messages with the text at every place that is read."""
    yield {"runId": 7, "reason": text[:TEXT_LIMIT]}
    yield {"runId": text, "workspace": text}
    yield {"runId": 7, text: text}
    yield {"event_type": text}
    yield {"event_type": "jobs.on_duration_warning_threshold_exceeded", "run": {"run_id": 7}, "workspace_id": text}
    yield [{"event_type": text}, {"event_type": f"{text}{text}"}]
    yield {"schemaId": text}
    yield {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"monitorCondition": text}}}
    yield text.encode("utf-8", "surrogatepass")
    twice = json.dumps(text)
    yield f"{{{twice}: 1, {twice}: 2}}".encode()


def ended(text: str, instance_id: str) -> None:
    """A cancellation of which everything that others can write is the text has ended well."""
    result = CancelResult(
        outcome=Outcome.CANCELED,
        run_id=7,
        workspace="prod",
        final_life_cycle_state=text,
        result_state=text,
        state_message=text,
        run_page_url=text,
        reason=text,
        requested_by=text,
        cancel_requested_at="2026-01-31T12:00:00.000Z",
        ended_at="2026-01-31T12:00:04.000Z",
        error={"code": "Forged", "message": text, "statusCode": 400},
    )
    outcome_event.write(instance_id, AT, 0, result)
    told: dict[str, Any] = {
        "workspace": "prod",
        "reason": text,
        "requested_by": text,
        "error": {"code": "Forged", "message": text},
    }
    job_event.write("prod~job-5", JobResult(job_id=5, outcome=JobOutcome.STOPPED, **told))


def by_others(text: str) -> list[Trace]:
    """Lines of the host and of the extension that repeat what somebody wrote, as it came."""
    told = text.encode("utf-8", "replace").decode()
    return [
        Trace(f"prod-7: Function '{ORCHESTRATOR} (Orchestrator)' was suspended. Reason: {told}", OURS),
        Trace(f"prod-7: Function 'readRun (Activity)' failed with an error. Reason: {told}", "Function.readRun.User"),
        Trace(f"Executed 'Functions.startFromQueue' (Failed, Id=1): {told}", "Function.startFromQueue", ERROR),
        Trace(told, QUEUE),
    ]


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture(scope="module")
def lines() -> list[Trace]:
    """What the app has logged when each text has been written wherever somebody can write it."""
    logger, records = logging.getLogger("cancel_run"), Records()
    level = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    try:
        for instance_id, text in INSTANCES.items():
            for body in messages(text):
                took("c5a1e0de", body)
                took(text, body)
            ended(text, instance_id)
    finally:
        logger.setLevel(level)
        logger.removeHandler(records)
    categories = {queue_trigger.__name__: QUEUE, outcome_event.__name__: OURS, job_event.__name__: JOBS}
    return [Trace(record.getMessage(), categories[record.name]) for record in records.kept]


@pytest.fixture(scope="module")
def traces(lines: list[Trace]) -> list[Trace]:
    """All that stands in the table then."""
    return [*lines, *(trace for text in FORGED for trace in by_others(text))]


def test_a_line_of_the_apps_is_one_whole_line_in_which_nothing_hides(lines: list[Trace]) -> None:
    told = [line.message for line in lines]
    assert len(told) >= len(FORGED) * (2 * len(list(messages(""))) + 1)
    assert [line for line in told if not (line.isascii() and line.isprintable())] == []
    assert max(map(len, told)) < TELEMETRY_LIMIT


@pytest.mark.parametrize("rule", REAL)
def test_no_text_sets_off_a_rule(rule: str, traces: list[Trace]) -> None:
    assert carried_out(QUERIES[rule], traces) == []


@pytest.mark.parametrize("rule", REAL)
def test_no_text_hides_what_sets_off_a_rule(rule: str, traces: list[Trace]) -> None:
    assert len(carried_out(QUERIES[rule], [*traces, *REAL[rule]])) == len(REAL[rule])


def test_the_rules_that_read_what_somebody_can_write_into_are_all_tried() -> None:
    others = {"no-heartbeat", "request-failed", "queue-not-read"}  # names of functions, status codes, one own category
    assert set(RULES) == set(REAL) | others


def test_no_text_is_a_heartbeat(traces: list[Trace]) -> None:
    now = [replace(trace, timestamp=datetime.now(UTC)) for trace in traces]
    assert len(carried_out(QUERIES["no-heartbeat"], now)) == 1


def test_no_text_is_a_cancellation_or_changes_one(traces: list[Trace]) -> None:
    found = {row["instanceId"]: row for row in carried_out(f"{OUTCOMES}outcomes", traces)}
    assert sorted(found) == sorted(INSTANCES)
    assert {(row["workspace"], row["outcome"], row["stopped"]) for row in found.values()} == {
        ("prod", "canceled", True)
    }
    (counted,) = carried_out(QUERIES["Outcomes, by workspace"], traces)
    assert counted["cancellations"] == len(INSTANCES)
    assert carried_out(QUERIES["Runs that have not stopped"], traces) == []


def test_an_instance_that_ended_badly_is_named() -> None:
    line = BROKEN.replace(ORCHESTRATOR, JOB_ORCHESTRATOR).replace("prod-7", "prod~job-5").format("x")
    found = carried_out(QUERIES["instance-failed"], [*REAL["instance-failed"], Trace(line, JOBS, ERROR)])
    assert {row["instanceId"] for row in found} == {"prod-7", "prod~job-5"}


def test_the_rehearsal_of_a_jobs_runs_sets_off_no_rule() -> None:
    traces = [Trace(job(outcome, dry_run=True), JOBS) for outcome in JobOutcome]
    assert carried_out(QUERIES["job-not-stopped"], traces) == []


def test_a_rehearsal_sets_off_no_rule_and_is_told_apart_in_the_workbook() -> None:
    category = f"Function.{REHEARSAL}.User"
    lines = [event(outcome, dry_run=True) for outcome in Outcome]
    old = event(Outcome.TIMED_OUT).replace('"dryRun":false,', "")  # as an earlier release wrote it
    traces = [*(Trace(line, category) for line in lines), Trace(old, OURS)]
    assert {rule: len(carried_out(QUERIES[rule], traces)) for rule in REAL} == {
        **dict.fromkeys(REAL, 0),
        "timed-out": 1,
    }
    assert len(carried_out(QUERIES["Runs that have not stopped"], traces)) == 1
    told = {row["outcome"] for row in carried_out(QUERIES["Rehearsals, and what each would have done"], traces)}
    assert told == {f"rehearsal: {outcome.value}" for outcome in Outcome}


def test_the_same_event_twice_is_one_cancellation() -> None:
    later = Trace(event(), OURS, timestamp=AT + timedelta(seconds=1))
    (only,) = carried_out(f"{OUTCOMES}outcomes", [later, Trace(event(), OURS)])
    assert only["timestamp"] == AT.replace(tzinfo=None)
