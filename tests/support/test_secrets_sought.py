"""The search for secrets finds what it is to find: without this, "no trace of it" would mean nothing."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus, urlencode

from hypothesis import given
from hypothesis import strategies as st

from tests.support.secrets_sought import traces
from tests.support.the_token import TOKEN


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_a_secret_in_base64_is_found_wherever_in_it_it_stands(before: bytes, after: bytes) -> None:
    told = before + TOKEN.encode() + after
    assert traces([TOKEN], base64.b64encode(told).decode())
    assert traces([TOKEN], base64.urlsafe_b64encode(told).decode())


@given(before=st.text(max_size=9), after=st.text(max_size=9))
def test_a_secret_in_a_text_a_url_or_json_is_found(before: str, after: str) -> None:
    told = before + TOKEN + after
    for written in (told, json.dumps(told), quote(told), quote_plus(told), urlencode({"token": told})):
        assert traces([TOKEN], written), written
    assert traces([TOKEN], re.sub("%..", lambda found: found[0].lower(), quote(told)))


def test_the_tokens_forms_differ_so_that_each_is_a_search_of_its_own() -> None:
    assert len({quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()), base64.urlsafe_b64encode(TOKEN.encode())}) == 3
    assert quote(TOKEN) != TOKEN


@given(st.text(max_size=200))
def test_what_holds_no_secret_is_not_accused(told: str) -> None:
    assert traces([TOKEN], told) == []
