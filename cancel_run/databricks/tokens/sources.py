"""Which way to a token a workspace's settings name: the only place that knows them all."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING

from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.databricks.tokens.managed_identity import IdentityTokens
from cancel_run.databricks.tokens.oauth import OAuthTokens
from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.workspaces import Auth

if TYPE_CHECKING:
    from datetime import datetime

    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.hidden import Hidden
    from cancel_run.databricks.tokens.source import TokenSource
    from cancel_run.workspaces import Workspace

SOON_DAYS = 14  # before a secret expires it is told that it will


class TokenSources:
    """The tokens of every workspace; one vault's secrets and one identity's tokens are shared between workspaces."""

    def __init__(self, vault_uri: str, clock: Clock, *, timeout: float, user_agent: str) -> None:
        self._clock = clock
        self._timeout = timeout
        self._vault = TokenVault(vault_uri, clock, timeout=timeout)
        self._identity = functools.cache(lambda: IdentityTokens(clock))
        self._user_agent = user_agent

    def of(self, workspace: Workspace, hidden: Hidden) -> TokenSource:
        """Where the workspace's token comes from; ``hidden`` is told what else must not come out."""
        if workspace.auth is Auth.MANAGED_IDENTITY:
            return self._identity().source
        secrets = self._vault.of(workspace.token_secret)
        if workspace.auth is Auth.OAUTH:
            return OAuthTokens(workspace, secrets, hidden, self._clock, user_agent=self._user_agent).source
        return secrets

    def expires_at(self, workspace: Workspace) -> datetime | None:
        """When the workspace's secret in the vault expires, by the secret's own date; None where it has none.

        Raises:
            RefusalError, AccessError, TransientError: the secret cannot be read.
        """
        if workspace.auth is not Auth.MANAGED_IDENTITY:
            self._vault.token(workspace.token_secret, Deadline(self._timeout))
        return self._known_expiry(workspace)

    def expires_soon_at(self, workspace: Workspace) -> datetime | None:
        """The same without asking anybody, and None where it is far off, or not known."""
        expires_at = self._known_expiry(workspace)
        soon = expires_at is not None and expires_at - self._clock.now() <= timedelta(days=SOON_DAYS)
        return expires_at if soon else None

    def _known_expiry(self, workspace: Workspace) -> datetime | None:
        return None if workspace.auth is Auth.MANAGED_IDENTITY else self._vault.expires_at(workspace.token_secret)
