"""A token, which exists as text inside :class:`Token` and in the header of a request, and nowhere else.

Not in messages, reprs, logs or exceptions.
"""

from __future__ import annotations

from typing import NoReturn

LONGEST_TOKEN = 25 * 1024  # characters: no secret of a vault is longer


class Token:
    """A secret that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @staticmethod
    def is_one(text: str) -> bool:
        """True for what a header can carry as a token."""
        return 0 < len(text) <= LONGEST_TOKEN and all("!" <= character <= "~" for character in text)

    def reveal(self) -> str:
        """The token's text, for the one header it belongs in."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Token(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not written anywhere")
