"""What must not come out, searched for in whatever others say, and struck out.

A workspace, or what stands before it, may give back what it was sent: in an error page, in a state's message, in a URL;
as it is, in base64 or URL-encoded, whole, in lines or cut short by a limit.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cancel_run.databricks.tokens.token import Token

STRUCK_OUT = "[struck out]"
PIECE = 10  # characters of a secret, in any form, that are as good as the secret
SHORTEST = 8  # characters: no token is shorter, and a short text may be a word
KEPT = 4  # secrets that are searched for: the newest, and those that were just replaced
ROUNDS = 3  # of undoing what others escape: URLs in pages in JSON
_STEP = PIECE // 2  # among so many characters of a piece one is looked at: it begins a run of as many
_BLANK = re.compile(r"\s+|(?:\\[rnt])+")  # also as JSON escapes it
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2}))")


class Hidden:
    """Secrets in use; any number of threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: deque[tuple[Token, _Forms]] = deque(maxlen=KEPT)

    def add(self, token: Token) -> None:
        """It is searched for from now on."""
        with self._lock:
            if all(token != known for known, _ in self._secrets):
                self._secrets.append((token, _Forms(token.reveal())))

    def struck_out(self, text: str) -> str:
        """``text`` without any of the secrets."""
        with self._lock:
            forms = [one for _, one in self._secrets]
        for one in forms:
            text = one.struck_out(text)
        # in a text that has one in an escaped form, or in lines, nobody knows where it begins
        told = not forms or all(one.struck_out(plain) == plain for plain in _plainer(text) for one in forms)
        return text if told else STRUCK_OUT

    def __repr__(self) -> str:
        return "Hidden()"


class _Forms:
    """One secret in each of its forms, and where in them each run of a few characters stands."""

    def __init__(self, text: str) -> None:
        self.forms = sorted(_forms(text), key=len, reverse=True)
        self.runs: dict[str, list[tuple[int, int]]] = {}
        for number, form in enumerate(self.forms):
            for at in range(max(1, len(form) - _STEP + 1)):
                self.runs.setdefault(form[at : at + _STEP], []).append((number, at))

    def __repr__(self) -> str:
        return "_Forms()"

    def struck_out(self, text: str) -> str:
        for form in self.forms:
            if len(form) <= PIECE and form in text:
                text = text.replace(form, STRUCK_OUT)
        kept, begin, at = [], 0, 0
        while at <= len(text) - _STEP:
            first, last = self._longest(text, at, begin)
            if last - first >= PIECE:
                kept += [text[begin:first], STRUCK_OUT]
                begin = at = last
            else:
                at += _STEP
        return "".join([*kept, text[begin:]]) if kept else text

    def _longest(self, text: str, at: int, least: int) -> tuple[int, int]:
        """Where the longest piece of a form begins and ends that holds the run at ``at``, from ``least`` on."""
        found = (at, at)
        for number, place in self.runs.get(text[at : at + _STEP], ()):
            form = self.forms[number]
            first, last, begin, end = at, at + _STEP, place, place + _STEP
            while first > least and begin > 0 and text[first - 1] == form[begin - 1]:
                first, begin = first - 1, begin - 1
            while last < len(text) and end < len(form) and text[last] == form[end]:
                last, end = last + 1, end + 1
            found = max(found, (first, last), key=lambda piece: piece[1] - piece[0])
        return found


def _plainer(text: str) -> Iterator[str]:
    """The text on one line without a blank; and as it is when what is escaped in it is undone again and again."""
    for _ in range(ROUNDS):
        yield _BLANK.sub("", text)
        before = text
        text = _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), html.unescape(unquote(text)))
        if text == before:
            return
        yield text


def _forms(text: str) -> set[str]:
    """The secret as it is, as a URL, a page, JSON or a dump has it, and in the three alignments of base64."""
    once = {quote(text, safe=safe) for safe in ("/", "")}
    once |= {re.sub("%..", lambda found: found[0].lower(), form) for form in once}
    raw = text.encode()
    forms = (
        once
        | {text, text.upper(), text.lower(), html.escape(text), json.dumps(text)[1:-1], raw.hex(), raw.hex().upper()}
        | {quote(form, safe="") for form in once}
    )
    for before in range(3):
        # three bytes become four characters; those that hold a bit of a neighbour are left out
        whole = slice(4 if before else 0, (before + len(raw)) // 3 * 4)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + raw).decode()[whole]
            forms |= {encoded, quote(encoded, safe="")}
    return {form for form in forms if len(form) >= SHORTEST}
