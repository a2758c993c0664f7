"""The one input format: what is taken, what is refused, and that every problem is told at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.request import BODY_LIMIT, LARGEST_RUN_ID, CancelRequest, parse_json
from cancel_run.errors import RequestError
from tests.support.json_values import JSON

KEYS = st.sampled_from(
    ["runId", "run_id", "workspace", "reason", "requestedBy", "waitTimeoutSeconds", "dryRun", "token", "x"]
)


def problems(data: Any) -> tuple[str, ...]:
    with pytest.raises(RequestError) as caught:
        CancelRequest.from_json(data)
    return caught.value.problems


@pytest.mark.parametrize("run_id", [1, 455644833, LARGEST_RUN_ID, "1", str(LARGEST_RUN_ID)])
@pytest.mark.parametrize("key", ["runId", "run_id"])
def test_a_run_id_is_a_whole_number_or_the_same_as_text(key: str, run_id: Any) -> None:
    assert CancelRequest.from_json({key: run_id}).run_id == int(run_id)


@pytest.mark.parametrize(
    "run_id",
    [True, False, 0, -1, 1.0, LARGEST_RUN_ID + 1, "0", "-1", "1.0", "1e3", " 1", "1 ", "1\n", "+1", "0x1", "01", "",
     "٣", "１", "9" * 5000, [], {}, [1], {"a": 1}, float("inf")],
)  # fmt: skip
def test_anything_else_is_no_run_id(run_id: Any) -> None:
    assert [problem.split()[0] for problem in problems({"runId": run_id})] == ["runId"]


@pytest.mark.parametrize("data", [None, [], "1", 1, True, [{"runId": 1}]])
def test_a_body_that_is_no_object_is_refused_with_an_example(data: Any) -> None:
    assert "runId" in problems(data)[0]


def test_every_problem_is_told_at_once() -> None:
    told = problems(
        {"workspace": "https://x", "reason": 1, "requestedBy": "a\nb", "waitTimeoutSeconds": 0, "token": "t", "huh": 1}
    )
    assert len(told) == 7
    for word in ("runId", "workspace", "reason", "requestedBy", "waitTimeoutSeconds", "token", "huh"):
        assert sum(word in problem.split(";")[0] for problem in told) == 1, word


def test_null_is_the_same_as_absent() -> None:
    keys = ("workspace", "reason", "requestedBy", "waitTimeoutSeconds", "dryRun", "run_id")
    assert CancelRequest.from_json({"runId": 1, **dict.fromkeys(keys)}) == CancelRequest(1)


def test_both_spellings_of_the_run_id_are_one_too_many() -> None:
    assert problems({"runId": 1, "run_id": 1}) == ("runId and run_id are both given; give one",)


@pytest.mark.parametrize("key", ["token", "Token", "ACCESS_TOKEN", "authorization", "pat"])
def test_a_secret_is_refused_with_the_reason_and_is_not_repeated(key: str) -> None:
    (told,) = problems({"runId": 1, key: "dapi-secret"})
    assert "secrets do not travel in requests" in told
    assert "dapi-secret" not in told


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x00b", "a\u202eb", "a\u2028b", "a\u2066b", "a\ud800b", "x" * 1001])
def test_text_that_could_forge_a_log_line_or_is_too_long_is_refused(text: str) -> None:
    assert len(problems({"runId": 1, "reason": text, "requestedBy": text})) == 2


@pytest.mark.parametrize("text", ["über Budget 予算 💸", "می‌خواهم", "👩‍💻", ""])
def test_text_in_any_language_is_taken(text: str) -> None:
    assert CancelRequest.from_json({"runId": 1, "reason": text}).reason == text


@pytest.mark.parametrize("seconds", [True, 0, -1, 1.5, "60", 604801, [], 10**400])
def test_a_wait_is_a_whole_number_of_seconds_up_to_seven_days(seconds: Any) -> None:
    assert "7 days" in problems({"runId": 1, "waitTimeoutSeconds": seconds})[0]


@pytest.mark.parametrize("wrong", ["true", "false", 1, 0, "", [], {}])
def test_a_rehearsal_is_asked_for_by_true_alone(wrong: Any) -> None:
    assert problems({"runId": 1, "dryRun": wrong}) == ("dryRun must be true or false",)
    assert CancelRequest.from_json({"runId": 1, "dryRun": True}).dry_run


def test_an_earlier_release_refuses_the_message_of_a_rehearsal_and_takes_every_other() -> None:
    assert CancelRequest(1, dry_run=True).to_json()["dryRun"] is True
    assert "dryRun" not in CancelRequest(1).to_json()


@pytest.mark.parametrize("workspace", ["https://evil.example", "a b", "", "-a", "a/b", "a" * 64, 1, ["prod"], "ü"])
def test_a_workspace_is_a_name_and_never_a_url(workspace: Any) -> None:
    assert "never a URL" in problems({"runId": 1, "workspace": workspace})[0]


@pytest.mark.soak
@given(st.dictionaries(KEYS | st.text(), JSON | st.integers(1, 10**6) | st.text(max_size=20), max_size=7) | JSON)
def test_any_json_is_a_request_that_survives_its_own_json_or_a_request_error(data: Any) -> None:
    try:
        request = CancelRequest.from_json(data)
    except RequestError as error:
        assert error.problems
        assert all("\n" not in problem for problem in error.problems)
    else:
        assert CancelRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nope", b"\xff", '{"a": 1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"{} {}", b"\x00", b"[" * 60_000,
     b'{"a": ' + b"9" * 60_000 + b"}", b'{"a": NaN}', b"[Infinity]", b"-Infinity", b'{"a": 1, "b": {"c": 1, "c": 2}}'],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError, match="not valid JSON"):
        parse_json(body)


def test_a_repeated_key_is_named() -> None:
    with pytest.raises(RequestError, match="'runId'"):
        parse_json(b'{"runId": 1, "runId": 2}')


def test_a_body_is_at_most_64_kib() -> None:
    assert parse_json(b" " * (BODY_LIMIT - 2) + b"{}") == {}
    with pytest.raises(RequestError, match=str(BODY_LIMIT)):
        parse_json(b" " * (BODY_LIMIT - 1) + b"{}")


@pytest.mark.soak
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_a_request_error(body: bytes) -> None:
    try:
        value = parse_json(body)
    except RequestError:
        return
    assert json.loads(body) == value


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({f"key {number:4}": 1 for number in range(3000)}).encode(),
        b"{" + b",".join(b'"%d":1,"%d":2' % (number, number) for number in range(3000)) + b"}",
    ],
    ids=["unknown", "repeated"],
)
def test_of_thousands_of_problems_the_exceptions_text_tells_the_first(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        CancelRequest.from_json(parse_json(body))
    assert len(str(caught.value)) < 4000
