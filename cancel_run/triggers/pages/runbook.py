"""What to do next, by outcome and by code of an error: the one place of these words.

docs/operations.md has the same in its tables, and a test holds the two together. They are written as in Markdown: what
stands in backticks is a name, and a link is for the page in docs/ alone.
"""

from __future__ import annotations

SHUTTING_DOWN = "its cluster is shutting down, ask again with a longer `waitTimeoutSeconds`"
GOES_ON = "look at the run's page, and terminate its cluster"

OUTCOMES = {
    "canceled": "nothing",
    "alreadyEnded": "nothing",
    "endedFirst": "nothing",
    "expired": "ask again if the run is still to stop",
    "wouldCancel": "ask without `dryRun`, or take the setting out",
    "failed": "its exception is in `exceptions` of Application Insights; ask again to start afresh",
}

_BY_CODES: dict[tuple[str, ...], str] = {
    ("RunNotFound",): ("is it a run id (not a job id), and of this workspace? Databricks forgets runs after 60 days"),
    ("ProtectedJob",): (
        "the settings protect the run's job: nothing was sent, or no further cancel. If the run is to stop "
        "all the same, cancel it in the workspace; to let the app do it, change [the "
        "lists](settings.md#protected-jobs)"
    ),
    ("Rehearsal",): "a rehearsal was made to cancel, past the app's triggers: nothing was sent",
    ("PermissionDenied",): "give the token's principal CAN MANAGE RUN on the job",
    ("TokenRejected",): (
        "the token has expired, was revoked, is for another audience or tenant, or personal access tokens "
        "are switched off: the message says which. Rotate it, or take another `auth` "
        "([settings](settings.md#where-a-token-comes-from))"
    ),
    ("PrincipalNotInWorkspace",): (
        "the token is valid, its identity is unknown in the workspace: add it there as a service principal"
    ),
    ("NetworkBlocked",): (
        "an IP access list or switched-off public access: let in the app's outbound address, or use a private network"
    ),
    ("ClientRejected",): (
        "with `oauth`: check `clientId`, and put a valid OAuth secret of that service principal into the vault"
    ),
    (
        "TokenEndpointRefused",
        "TokenEndpointUnavailable",
    ): "with `oauth`: check the host and `scope`; the second is asked again",
    ("ApiVersionNotFound",): ("the workspace has no such version of the Jobs API: set `JOBS_API_VERSION` to the other"),
    ("UnknownAnswer", "Unknown"): (
        "another release of the app answered, or wrote it: see [upgrading.md](upgrading.md); the wait goes on"
    ),
    ("TokenUnusable",): "the secret is empty or holds more than the token: put the token in, and nothing else",
    ("SecretNotFound",): "the vault has no secret of the name in the settings: put the token in",
    ("VaultDenied",): (
        "the identity lacks Key Vault Secrets User, the secret is disabled, or the vault is closed to the app"
    ),
    (
        "VaultRefused",
        "VaultUnavailable",
    ): "check `KEY_VAULT_URI`, and that the app reaches it; the second is asked again",
    ("IdentityUnavailable",): (
        "check `AZURE_CLIENT_ID`, and that the identity is assigned to the app; it is asked again"
    ),
    ("UnknownWorkspace",): "the request names a workspace that the settings do not",
    (
        "PrivateLinkRequired",
        "Redirected",
    ): "the workspace lets in private connections alone, or `DATABRICKS_HOST` is not its URL",
    (
        "Throttled",
        "ServiceUnavailable",
        "ConnectionFailed",
        "UnreadableAnswer",
    ): "the workspace's side; it is asked again until the deadline",
    ("AnswerTooLarge",): (
        "a run of very many tasks, whose state is not among the first 4 MiB of the answer: set "
        "`JOBS_API_VERSION` to `2.2`"
    ),
    ("OrderExpired",): (
        "what held the order so long, a drained app or an outage? Ask again if the run is still to stop"
    ),
    ("AccessDenied", "Refused", "Unavailable"): "the message has the workspace's own words",
    ("InvalidSettings",): "the message names each wrong setting; what is under way goes on when they are mended",
    ("InvalidRequest",): (
        "somebody began the orchestration without one of the triggers; the message says what is wrong"
    ),
    ("ActivityFailed",): "a defect: the exception is in `exceptions` of Application Insights; the wait goes on",
}

CODES = {code: text for codes, text in _BY_CODES.items() for code in codes}
