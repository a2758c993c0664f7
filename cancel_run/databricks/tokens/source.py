"""What every way to a token looks like: all that the rest of the app knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cancel_run.databricks.tokens.token import Token
    from cancel_run.databricks.transport.deadline import Deadline


class TokenSource(Protocol):
    """Tokens for one workspace; any number of threads may share it."""

    def token(self, deadline: Deadline) -> Token:
        """A token that is valid as far as is known; whatever has to be asked for it answers before the deadline.

        Raises:
            RefusalError, AccessError: asking again as it is changes nothing.
            TransientError: there is none for now.
        """

    def newer_token(self, refused: Token, deadline: Deadline) -> Token | None:
        """Another token than the one that was ``refused``, past every cache; None where there is no other.

        Raises:
            As :meth:`token`.
        """
