"""The beginning of an answer: what stands whole in it is told, and nothing else."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.databricks.answers import good_beginning
from cancel_run.databricks.leading_fields import leading_fields
from cancel_run.errors import TransientError

NAMES = st.sampled_from(["run_id", "state", "status", "tasks"]) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)


@given(OBJECTS, st.data(), st.booleans())
def test_the_fields_of_any_beginning_are_those_that_stand_whole_in_it(
    whole: dict[str, Any], data: st.DataObject, ascii_only: bool
) -> None:
    def text_of_first(count: int) -> bytes:
        return json.dumps(dict(islice(whole.items(), count)), ensure_ascii=ascii_only).encode()

    cut = data.draw(st.integers(0, len(text_of_first(len(whole)))), label="cut at")
    # the brace at the end of the first few stands where, in the whole, the comma does
    expected = max((count for count in range(len(whole) + 1) if len(text_of_first(count)) <= cut), default=0)
    fields = leading_fields(text_of_first(len(whole))[:cut])
    assert list(fields.items()) == list(islice(whole.items(), expected))


@given(OBJECTS)
def test_of_a_whole_object_all_fields_are_told(whole: dict[str, Any]) -> None:
    assert leading_fields(json.dumps(whole).encode()) == whole


@given(st.binary(max_size=60) | st.text("{}[]:,\"'\\ 019-+eE.truefalsn", max_size=60).map(str.encode))
def test_whatever_else_it_is_nothing_is_raised(body: bytes) -> None:
    fields = leading_fields(body)
    assert not fields or body.lstrip().startswith(b"{")


@pytest.mark.parametrize(
    ("beginning", "fields"),
    [
        (b'{"run_id": 45', {}),  # 455 may be meant
        (b'{"run_id": 45,', {"run_id": 45}),
        (b'{"tasks": [{"run_id": 7, "state": {"life_cycle_state": "RUNNING"}}, {"ru', {}),
        (b'{"a": {"state": {"b": 1}}, "state": {"b": ', {"a": {"state": {"b": 1}}}),
        (b' {\n "a" : 1\t,\r\n "b":2 \n', {"a": 1}),
        (b'[{"run_id": 45}, ', {}),
        (b'{"a": ' + b"[" * 200_000, {}),
    ],
)
def test_a_beginning_tells_no_more_than_stands_in_it(beginning: bytes, fields: dict[str, Any]) -> None:
    assert leading_fields(beginning) == fields


RUNNING = b'"state": {"life_cycle_state": "RUNNING"}'


@pytest.mark.parametrize("order", [(b'"run_id": 5', RUNNING), (RUNNING, b'"run_id": 5')])
def test_the_state_of_the_right_run_is_enough(order: tuple[bytes, bytes]) -> None:
    answer = good_beginning("https://w", b"{" + b", ".join(order) + b', "tasks": [{"run_id": 6', 5)
    assert answer["state"] == {"life_cycle_state": "RUNNING"}


@pytest.mark.parametrize(
    ("beginning", "code"),
    [
        (b'{"run_id": 6, ' + RUNNING + b', "tasks": [', "AnswerTooLarge"),
        (b'{"run_id": 5, "tasks": [{"run_id": 6, ' + RUNNING + b"}, ", "AnswerTooLarge"),
        (b'{"tasks": [], ' + RUNNING + b", ", "AnswerTooLarge"),
        (b"<html>", "UnreadableAnswer"),
    ],
)
def test_less_than_that_is_told_in_the_right_words(beginning: bytes, code: str) -> None:
    with pytest.raises(TransientError) as caught:
        good_beginning("https://w", beginning, 5)
    assert caught.value.code == code
    assert ("JOBS_API_VERSION to 2.2" in caught.value.message) is (code == "AnswerTooLarge")
