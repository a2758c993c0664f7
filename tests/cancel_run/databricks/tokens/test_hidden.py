"""A token that somebody gives back is found in every form, whole or cut short, and struck out."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.databricks.tokens.hidden import PIECE, STRUCK_OUT, Hidden
from cancel_run.databricks.tokens.token import Token
from tests.support.secrets_sought import traces
from tests.support.the_token import TOKEN

PAT = "dapi0123456789abcdef0123456789abcdef-3"
JWT = f"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{'aXNzIjoiaHR0cHM6Ly9zdHMud2luZG93cy5uZXQv' * 20}.c2lnbmF0dXJl_-A"


def hiding(*texts: str) -> Hidden:
    hidden = Hidden()
    for text in texts:
        hidden.add(Token(text))
    return hidden


@pytest.mark.parametrize("secret", [TOKEN, PAT, JWT])
@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_in_base64_is_struck_out_wherever_in_it_it_stands(secret: str, before: bytes, after: bytes) -> None:
    told = before + secret.encode() + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert traces([secret], hiding(secret).struck_out(f"Basic {encode(told).decode()} was sent")) == []


@pytest.mark.parametrize("secret", [TOKEN, PAT, JWT])
@given(before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_secret_in_a_text_or_a_url_is_struck_out(secret: str, before: str, after: str) -> None:
    told = before + secret + after
    for written in (
        told,
        quote(told, safe=""),
        quote_plus(told),
        re.sub("%..", lambda one: one[0].lower(), quote(told)),
    ):
        assert traces([secret], hiding(secret).struck_out(written)) == []


@pytest.mark.parametrize("secret", [TOKEN, PAT, JWT])
@given(data=st.data())
def test_a_piece_of_a_secret_is_struck_out_wherever_it_was_cut(secret: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(secret) - PIECE))
    piece = secret[first : data.draw(st.integers(first + PIECE, len(secret)))]
    told = hiding(secret).struck_out(f"<<{piece}>>")
    assert told == f"<<{STRUCK_OUT}>>"


@pytest.mark.parametrize("length", [4, 8, 9, 64])
@pytest.mark.parametrize("between", ["\n", "\r\n ", " ", r"\n", "%0A"])
@pytest.mark.parametrize("secret", [TOKEN, PAT, JWT])
def test_a_secret_in_lines_is_struck_out_however_short_they_are(secret: str, between: str, length: int) -> None:
    for written in (secret, base64.encodebytes(f"Bearer {secret}".encode()).decode().replace("\n", "")):
        lines = between.join(written[at : at + length] for at in range(0, len(written), length))
        told = hiding(secret).struck_out(f"Authorization: {lines}")
        assert STRUCK_OUT in told
        assert traces([secret], "".join(told.replace(between, "").split())) == []


@pytest.mark.parametrize("secret", [TOKEN, PAT, JWT])
@pytest.mark.parametrize(
    "every", ["%{:02X}", "%{:02x}", "&#{};", "&#x{:x};", r"\u{:04x}", r"\x{:02X}", "%25{:02x}", "%26%23{}%3B"]
)
def test_a_secret_of_which_every_character_is_escaped_takes_the_text_with_it(secret: str, every: str) -> None:
    escaped = "".join(every.format(ord(character)) for character in secret[3:20])
    assert hiding(secret).struck_out(f"Bearer {escaped} was sent") == STRUCK_OUT
    assert hiding(secret).struck_out(f"Bearer {every.format(33)} was sent") == f"Bearer {every.format(33)} was sent"


@pytest.mark.parametrize("secret", [PAT, JWT])
def test_a_secret_in_other_letters_or_as_a_dump_is_struck_out(secret: str) -> None:
    for written in (secret.upper(), secret.lower(), secret.encode().hex(), secret.encode().hex().upper()):
        assert hiding(secret).struck_out(f"<{written}>") == f"<{STRUCK_OUT}>"


def test_two_secrets_and_two_places_are_struck_out() -> None:
    assert hiding(PAT, TOKEN).struck_out(f"{PAT} {TOKEN} {PAT}{PAT}").count(STRUCK_OUT) == 4


@given(st.text(max_size=300))
def test_what_holds_no_secret_stays_as_it_is(told: str) -> None:
    assert hiding(PAT, JWT).struck_out(told) == told


def test_what_hides_secrets_does_not_show_them() -> None:
    hidden = hiding(PAT)
    assert traces([PAT], f"{hidden!r} {vars(hidden)!r}") == []
