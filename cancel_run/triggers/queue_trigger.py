"""The queue trigger: one message, the cancellations in it.

A message that can never work, or a part of which cannot, is raised: the Functions host tries it again and then moves it
to the poison queue, where nothing is lost. One log line names the problem and the message, never the body: by its id
and, because the copy in the poison queue has another id, by what a hash makes of its text.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from cancel_run.errors import CancelRunError, RequestError, TaskHubError
from cancel_run.job.request import JobRequest
from cancel_run.text import fingerprint, one_line, quoted
from cancel_run.triggers.job_starting import start_or_join_job
from cancel_run.triggers.starting import start_or_join

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cancel_run.cancellation.request import CancelRequest
    from cancel_run.clock import Clock
    from cancel_run.settings import Settings
    from cancel_run.triggers.job_starting import StartedJob
    from cancel_run.triggers.starting import DurableClient, Started

REFUSED_LIMIT = 2000  # characters of what is told of a message that cannot be taken, or not as a whole

logger = logging.getLogger(__name__)


class QueueMessage(Protocol):
    """What is used of ``azure.functions.QueueMessage``."""

    @property
    def id(self) -> str | None: ...  # noqa: D102  # Azure's, and documented there

    @property
    def dequeue_count(self) -> int | None: ...  # noqa: D102

    @property
    def insertion_time(self) -> datetime | None: ...  # noqa: D102

    def get_body(self) -> bytes: ...  # noqa: D102


async def take(message: QueueMessage, client: DurableClient, settings: Callable[[], Settings], clock: Clock) -> None:
    """Every run that the message names is being canceled; what cannot be taken of it is told once, and is poison.

    A message that comes again begins nothing that its earlier delivery began: each request carries the identity of the
    event that asks for it, or else that of the message.

    Raises:
        RequestError, SettingsError: it, or a part of it, cannot work as it is.
        TaskHubError: it may work later.
    """
    # imported by the first message: a cancellation after a cold start does not wait for it
    from cancel_run.triggers.alerts.reading import read_alert  # noqa: PLC0415

    try:
        alert = read_alert(message.get_body(), settings())
        if alert.nothing:
            logger.info("Queue message %s asks for nothing: %s", _named(message), quoted(alert.nothing))
        for asked in alert.requests:
            dry_run = asked.request.dry_run or settings().alerts_dry_run
            begun = (client, settings(), replace(asked.request, dry_run=dry_run), message.insertion_time or clock.now())
            started = await _start_or_join(*begun, event=asked.event or _event(message))
            what = "finds done" if started.done else "joined" if started.joined else "began"
            logger.info("Queue message %s %s %s", _named(message), what, started.instance_id)
        if alert.refusals:
            raise RequestError([one_line(alert.refused(), REFUSED_LIMIT)])
    except TaskHubError:
        raise  # the host logs it, and the queue brings the message again
    except CancelRunError as error:
        if (message.dequeue_count or 1) == 1:  # the tries that follow have the same problem
            logger.error(  # noqa: TRY400  # the traceback is the host's to log
                "Queue message %s cannot be taken and goes to the poison queue after the last try: %s",
                _named(message),
                quoted(str(error), REFUSED_LIMIT),
            )
        raise


async def _start_or_join(
    client: DurableClient,
    settings: Settings,
    request: CancelRequest | JobRequest,
    asked_at: datetime,
    *,
    event: str,
) -> Started | StartedJob:
    if isinstance(request, JobRequest):
        return await start_or_join_job(client, settings, request, asked_at, event=event)
    return await start_or_join(client, settings, request, asked_at, event=event)


def _event(message: QueueMessage) -> str:
    inserted = message.insertion_time
    return f"message {message.id} {inserted.isoformat()}" if inserted else f"message {message.id}"


def _named(message: QueueMessage) -> str:
    """The message for a log line. No query looks for how the line begins, and the message cannot change that."""
    return f"{quoted(str(message.id))} (text {fingerprint(message.get_body())})"
