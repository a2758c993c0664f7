"""What answers of the Jobs API mean, in all the shapes that its errors have been seen in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.databricks.answers import error_of
from cancel_run.errors import AccessError, CallError, RefusalError, RunNotFoundError, TransientError
from cancel_run.text import is_harmful

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def error(status_code: int, body: bytes = b"", **headers: str) -> CallError:
    return error_of("https://w", status_code, headers, body, run_id=5, now=NOW)


@pytest.mark.parametrize(
    ("status_code", "body", "kind", "code"),
    [
        (400, b'{"error_code": "INVALID", "message": "Run 5 does not exist."}', RunNotFoundError, "RunNotFound"),
        (400, b'{"message": "Run: 5 in job: 7 doesn\'t exist"}', RunNotFoundError, "RunNotFound"),
        (404, b'{"error_code": "RESOURCE", "message": "Run 5 does not exist."}', RunNotFoundError, "RunNotFound"),
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "run_id is required"}', RefusalError, "Refused"),
        (404, b"<html><title>Not found</title></html>", RefusalError, "Refused"),
        (401, b"<html><pre>Invalid token</pre></html>", AccessError, "TokenRejected"),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}', AccessError, "PermissionDenied"),
        (400, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}', RunNotFoundError, "RunNotFound"),
        (202, b"", TransientError, "UnreadableAnswer"),
        (206, b'{"error_code": "RESOURCE_EXHAUSTED"}', TransientError, "UnreadableAnswer"),
        (302, b"", RefusalError, "Redirected"),
        (408, b"", TransientError, "ServiceUnavailable"),
        (429, b'{"error": "slow down"}', TransientError, "Throttled"),
        (500, b"BAD: text", TransientError, "ServiceUnavailable"),
        (599, b"", TransientError, "ServiceUnavailable"),
    ],
)  # fmt: skip
def test_each_status_code_has_its_meaning(status_code: int, body: bytes, kind: type[CallError], code: str) -> None:
    found = error(status_code, body)
    assert (type(found), found.code, found.status_code, found.run_id) == (kind, code, status_code, 5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error_code": "CODE", "message": "the words", "details": []}', "CODE: the words"),
        (b'{"error": "the words"}', "the words"),
        (b'{"detail": "the words", "status": "401", "scimType": "SCIM"}', "SCIM: the words"),
        (b"CODE: the words", "CODE: the words"),
        (b"<html><body><pre>the\n words</pre>", "the words"),
        (b"<html><title>the words</title>", "the words"),
    ],
)
def test_the_words_are_found_in_every_shape_of_an_error(body: bytes, words: str) -> None:
    assert f"({words})" in error(500, body).message


@pytest.mark.parametrize("body", [b"", b"<html><body>nothing to say</body></html>", b"[]", b"null"])
def test_a_body_without_words_still_gives_a_message(body: bytes) -> None:
    assert error(500, body).message.startswith("https://w answered 500")


@given(st.integers(201, 599), st.binary(max_size=400) | st.text().map(lambda text: f"<pre>{text}</pre>".encode()))
def test_any_answer_gives_one_line_of_bounded_length(status_code: int, body: bytes) -> None:
    message = error(status_code, body).message
    assert not is_harmful(message)
    assert len(message) < 700
