"""A secret in any of the clothes that it could leave in: its text, its base64 and its URL-encoded forms."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable


def forms_of(secret: str) -> set[str]:
    """What to search for."""
    return {secret, *_url_encoded(secret), *_base64(secret.encode())}


def traces(secrets: Iterable[str], told: str) -> list[str]:
    """The forms that stand in the text."""
    return [form for secret in secrets for form in sorted(forms_of(secret)) if form in told]


def _url_encoded(secret: str) -> set[str]:
    once = {quote(secret), quote(secret, safe="")}
    once |= {re.sub("%..", lambda found: found[0].lower(), form) for form in once}
    return once | {quote(form, safe="") for form in once}


def _base64(raw: bytes) -> set[str]:
    """In base64 of a longer text a secret looks one of three ways, by how many bytes stand before it."""
    found = set()
    for before in range(3):
        # groups of three bytes become four characters; those that hold a neighbour's bytes too are left out
        whole = slice(4 if before else 0, (before + len(raw)) // 3 * 4)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * before + raw).decode()[whole])
    return found
