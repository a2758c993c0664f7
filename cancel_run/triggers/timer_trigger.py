"""The history of cancellations does not grow for ever: what ended long ago is forgotten.

Durable keeps an instance's history until somebody purges it; no setting of the host does that with Azure Storage.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from azure.durable_functions import OrchestrationRuntimeStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.settings import Settings

SCHEDULE = "0 30 3 * * *"  # every night at half past three, UTC

# the query wants a beginning; nothing of this app is older
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
# Canceled is left out: no instance of Durable Functions ends so, and 2.x of the SDK refuses to ask for it
_ENDED = [
    OrchestrationRuntimeStatus.Completed,
    OrchestrationRuntimeStatus.Failed,
    OrchestrationRuntimeStatus.Terminated,
]

logger = logging.getLogger(__name__)


class PurgingClient(Protocol):
    """What is used of the SDK's client."""

    async def purge_instance_history_by(  # noqa: D102  # the SDK's, and documented there
        self, created_time_from: datetime, created_time_to: datetime, runtime_status: list[OrchestrationRuntimeStatus]
    ) -> Any: ...


async def purge(client: PurgingClient, settings: Callable[[], Settings], clock: Clock) -> None:
    """No instance that has ended and was begun over ``HISTORY_RETENTION_DAYS`` days ago is kept.

    Twice is harmless, and what one night could not finish the next one does.

    Raises:
        SettingsError: the settings do not say how long to keep it.
    """
    days = settings().history_retention_days
    purged = await client.purge_instance_history_by(_EPOCH, clock.now() - timedelta(days=days), _ENDED)
    logger.info("Purged %d cancellations begun over %d days ago", purged.instances_deleted, days)
