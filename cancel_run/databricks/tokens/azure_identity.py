"""The app's own identity in Azure, through azure-identity: Key Vault and Databricks take its access tokens.

Azure's clients are imported when a token is first needed, because they double the cold start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cancel_run.errors import TransientError

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

    from cancel_run.databricks.transport.session import Session


def bounds(session: Session) -> dict[str, Any]:
    """Options for Azure's clients, so that they ask once, on the session's sockets.

    Azure's own retry sleeps for any Retry-After, hours too, in this thread; its redirect goes to any host. Whatever
    does not answer at once is the orchestrator's to wait for, without a thread.
    """
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415  # see the module's first lines

    return {
        "retry_total": 0,
        "permit_redirects": False,
        # the deadline is kept by the session, whose cookies, proxies and redirects are those of every call
        "transport": RequestsTransport(session=session, session_owner=False),
    }


def credential(session: Session) -> DefaultAzureCredential:
    """The managed identity in Azure; on a laptop whoever is signed in with ``az login``."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415  # see the module's first lines

    # both write strange answers down as they came, at DEBUG and at WARNING; what matters of them our error says
    for library in ("azure.identity", "msal"):
        logging.getLogger(library).setLevel(logging.ERROR)
    return DefaultAzureCredential(**bounds(session))


def unavailable(whom: str) -> TransientError:
    """The error where the identity has no access token for ``whom``."""
    return TransientError(
        f"No access token for {whom}: the managed identity endpoint gave none, or nobody is signed in (on a laptop: "
        "az login).",
        code="IdentityUnavailable",
    )
