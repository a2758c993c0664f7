"""Once a day: which of the secrets that the app lives by expire soon, told in the log before anything is refused.

For each workspace whose secret in the vault has an expiry date that is near or past, a line of JSON at level WARNING:
``{"event":"tokenExpires","workspace","auth","expiresAt","daysLeft"}``, times in ISO 8601, days whole and negative once
it has expired. The secret's name is not in it: it could be a token.
"""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from cancel_run.databricks.tokens.sources import SOON_DAYS
from cancel_run.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.sources import TokenSources
    from cancel_run.settings import Settings

SCHEDULE = "0 0 4 * * *"  # every day at four, UTC
EVENT = "tokenExpires"

logger = logging.getLogger(__name__)


def watch(settings: Callable[[], Settings], sources: Callable[[], TokenSources], clock: Clock) -> None:
    """The log has a line for each workspace whose secret expires soon, and for each whose secret cannot be read.

    Twice is harmless: the lines are written twice.

    Raises:
        SettingsError: the settings do not say which workspaces there are.
    """
    for workspace in settings().workspaces.values():
        try:
            expires_at = sources().expires_at(workspace)
        except CallError as error:
            logger.warning("When the token of workspace '%s' expires is not known: %s", workspace.alias, error.code)
            continue
        if expires_at is None or expires_at - clock.now() > timedelta(days=SOON_DAYS):
            continue
        told = {
            "event": EVENT,
            "workspace": workspace.alias,
            "auth": workspace.auth.value,
            "expiresAt": expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "daysLeft": math.floor((expires_at - clock.now()) / timedelta(days=1)),
        }
        logger.warning(json.dumps(told, separators=(",", ":")))
