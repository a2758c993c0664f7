"""What a ``Retry-After`` header says, whoever sent it."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

LONGEST_SECONDS = 10.0**9  # some thirty years: longer ones are no longer, and no number grows past what JSON can hold


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by the header, which is a number of seconds or a date (RFC 9110); None where it says neither."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(LONGEST_SECONDS, float(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the other one is what a year of twenty digits raises
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(LONGEST_SECONDS, max(0.0, (moment - now).total_seconds()))
