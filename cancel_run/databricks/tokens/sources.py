"""Which way to a token a workspace's settings name: the only place that knows them all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.databricks.tokens.managed_identity import IdentityTokens
from cancel_run.databricks.tokens.oauth import OAuthTokens
from cancel_run.workspaces import Auth

if TYPE_CHECKING:
    from cancel_run.clock import Clock
    from cancel_run.databricks.tokens.hidden import Hidden
    from cancel_run.databricks.tokens.source import TokenSource
    from cancel_run.workspaces import Workspace


class TokenSources:
    """The tokens of every workspace; one vault's secrets and one identity's tokens are shared between workspaces."""

    def __init__(self, vault_uri: str, clock: Clock, *, timeout: float, user_agent: str) -> None:
        self._clock = clock
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
