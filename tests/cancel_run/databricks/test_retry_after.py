"""``Retry-After``, as it comes and as nobody should write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.retry_after import LONGEST_SECONDS, retry_after_seconds

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("0", 0), ("120", 120), (" 7 ", 7), ("1.5", None), ("-1", None), ("soon", None),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30), ("Sat, 31 Jan 2026 11:00:00 GMT", 0), ("9" * 500, LONGEST_SECONDS),
        ("Sat, 31 Jan 2026 12:00:30 -0000", 30), ("Sat, 99 Foo 2026", None), ("²", None),
        ("Sat, 31 Jan 99999999999999999999 12:00:30 GMT", None), ("Sat, 31 Jan 9999 12:00:30 GMT", LONGEST_SECONDS),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_or_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


DATES = st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{1,25} (Jan|Dec) [0-9]{1,25} [0-9:]{1,9} (GMT|[+-][0-9]{1,25})\Z")


@pytest.mark.soak
@given(st.text() | DATES)
def test_any_retry_after_is_harmless(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS
