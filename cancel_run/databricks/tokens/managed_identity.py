"""``managedIdentity``: Microsoft Entra's token for Azure Databricks, for the app's own identity. There is no secret.

The identity's client id is added to the workspace as a service principal, with CAN MANAGE RUN on the jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cancel_run.databricks.tokens import azure_identity
from cancel_run.databricks.tokens.kept import KEPT_SECONDS, KeptToken
from cancel_run.databricks.tokens.token import Token
from cancel_run.databricks.transport.session import Session

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

    from cancel_run.clock import Clock
    from cancel_run.databricks.transport.deadline import Deadline
    from cancel_run.errors import TransientError

SCOPE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"  # Azure Databricks, in every cloud of Azure
SOON_SECONDS = 60.0  # a token that ends so soon is not kept: a workspace refuses one that has 30 seconds left


class IdentityTokens:
    """The identity's tokens for Databricks, which every workspace takes that knows the identity."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session = Session()
        self._credential: DefaultAzureCredential | None = None
        self.source = KeptToken(self._read, _unavailable, clock)

    def _read(self, _: Deadline, refused: bool) -> tuple[Token, float]:  # noqa: FBT001  # KeptToken's call
        if refused:
            self._forget()  # and with it the tokens that the library keeps
        try:
            if self._credential is None:
                self._credential = azure_identity.credential(self._session)
            found = self._credential.get_token(SCOPE)
            token = Token(found.token)
            left = found.expires_on - self._clock.now().timestamp() - SOON_SECONDS
        except Exception:  # noqa: BLE001  # Azure's clients raise whatever they trip over in a strange answer
            # one that has failed is dropped: it remembers some failures and gives them again for a minute
            self._forget()
            raise _unavailable() from None  # its request holds what the identity endpoint knows the app by
        return token, max(0.0, min(KEPT_SECONDS, left))  # the library keeps it for longer

    def _forget(self) -> None:
        if self._credential is not None:
            self._credential.close()
            self._credential = None


def _unavailable() -> TransientError:
    return azure_identity.unavailable("Databricks")
