"""The three ways to a token, whole cancellations each: emulated services, real sockets, the real azure-identity.

It is longer than most: each source has the same cases, and they are read side by side.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cancel_run.databricks.tokens.hidden import Hidden
from cancel_run.databricks.tokens.managed_identity import IdentityTokens
from cancel_run.databricks.tokens.oauth import OAuthTokens
from cancel_run.databricks.tokens.sources import TokenSources
from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.errors import AccessError, RefusalError, TransientError
from cancel_run.workspaces import Auth, Workspace
from local_host.emulators.faults import Fault, json_fault
from tests.support.caller import cancel
from tests.support.quick_clock import QuickClock
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from cancel_run.databricks.tokens.source import TokenSource
    from local_host.emulators.key_vault import KeyVault, ManagedIdentity
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

CLIENT_ID = "11112222-3333-4444-5555-666677778888"
OAUTH_SECRET = "dose-a-secret-of-a-service-principal"  # of an emulated one
SECONDS = 5.0


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def start(
    start_host: Callable[..., LocalHost], environ: dict[str, str], workspace: JobsApi
) -> Callable[..., LocalHost]:
    """The app with one workspace, whose entry in the settings has these keys besides its host."""

    def started(**entry: str) -> LocalHost:
        table = json.dumps({"prod": {"host": workspace.url, **entry}})
        return start_host({**environ, "DATABRICKS_WORKSPACES": table, "HTTP_TIMEOUT_SECONDS": "10"})

    return started


@pytest.fixture
def oauth(workspace: JobsApi, vault: KeyVault, clock: QuickClock) -> TokenSource:
    workspace.principals.add_service_principal(CLIENT_ID, OAUTH_SECRET)
    vault.set_secret(SECRET, OAUTH_SECRET)
    one = Workspace("prod", workspace.url, SECRET, auth=Auth.OAUTH, client_id=CLIENT_ID)
    return TokenSources(vault.uri, clock, timeout=SECONDS, user_agent="a test").of(one, Hidden())


def token_of(source: TokenSource) -> str:
    return source.token(Deadline(SECONDS)).reveal()


# -- whole cancellations ---------------------------------------------------------------------------------------------


def test_a_token_out_of_the_vault_cancels(start: Callable[..., LocalHost], workspace: JobsApi) -> None:
    assert cancel(start(auth="keyVault"), workspace.add_run())["outcome"] == "canceled"


def test_the_apps_own_identity_cancels_and_no_secret_is_read(
    start: Callable[..., LocalHost], workspace: JobsApi, vault: KeyVault, identity: ManagedIdentity
) -> None:
    workspace.tokens = set()
    workspace.principals.trust(identity, member=True)
    assert cancel(start(auth="managedIdentity"), workspace.add_run())["outcome"] == "canceled"
    assert vault.reads == 0
    assert set(identity.resources.values()) == {"2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"}


def test_an_identity_that_is_not_in_the_workspace_is_told_so(
    start: Callable[..., LocalHost], workspace: JobsApi, identity: ManagedIdentity
) -> None:
    workspace.principals.trust(identity, member=False)
    result = cancel(start(auth="managedIdentity"), workspace.add_run())
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "PrincipalNotInWorkspace")


def test_a_service_principal_cancels_by_its_secret(
    start: Callable[..., LocalHost], workspace: JobsApi, vault: KeyVault
) -> None:
    workspace.tokens = set()
    workspace.principals.add_service_principal(CLIENT_ID, OAUTH_SECRET)
    vault.set_secret("oauth-secret", OAUTH_SECRET)
    host = start(auth="oauth", clientId=CLIENT_ID, tokenSecret="oauth-secret")  # the secret's name
    assert cancel(host, workspace.add_run())["outcome"] == "canceled"
    assert len(workspace.principals.granted) == 1


def test_a_service_principal_that_the_workspace_does_not_know_is_told_so(
    start: Callable[..., LocalHost], workspace: JobsApi, vault: KeyVault
) -> None:
    vault.set_secret("oauth-secret", OAUTH_SECRET)
    host = start(auth="oauth", clientId=CLIENT_ID, tokenSecret="oauth-secret")  # the secret's name
    result = cancel(host, workspace.add_run())
    assert (result["outcome"], result["error"]["code"]) == ("rejected", "ClientRejected")
    assert OAUTH_SECRET not in json.dumps(result)


# -- the app's own identity ------------------------------------------------------------------------------------------


def test_an_identitys_refused_token_is_asked_for_past_the_librarys_cache(
    identity: ManagedIdentity, clock: QuickClock
) -> None:
    source = IdentityTokens(clock).source
    refused = source.token(Deadline(SECONDS))
    clock.sleep(600)
    assert source.token(Deadline(SECONDS)) == refused  # the library's
    assert len(identity.issued) == 1
    newer = source.newer_token(refused, Deadline(SECONDS))
    assert newer is not None
    assert newer != refused
    assert len(identity.issued) == 2


@pytest.mark.parametrize("fault", [Fault(500), Fault(403), Fault(body=b"<html>"), Fault(cut=0)])
def test_an_identity_endpoint_that_gives_no_token_may_pass(
    fault: Fault, identity: ManagedIdentity, clock: QuickClock
) -> None:
    source = IdentityTokens(clock).source
    identity.faults.fail("token", fault, times=None)
    with pytest.raises(TransientError) as caught:
        source.token(Deadline(SECONDS))
    assert caught.value.code == "IdentityUnavailable"
    identity.faults.heal("token")
    assert token_of(source) in identity.issued


# -- OAuth -----------------------------------------------------------------------------------------------------------


def test_many_who_need_a_token_ask_for_it_once(oauth: TokenSource, workspace: JobsApi) -> None:
    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(lambda _: token_of(oauth), range(32)))
    assert tokens == set(workspace.principals.granted)
    assert len(tokens) == 1
    assert workspace.principals.scopes == ["all-apis"]


def test_an_oauth_token_is_kept_until_shortly_before_its_end(oauth: TokenSource, clock: QuickClock) -> None:
    first = token_of(oauth)
    clock.sleep(3500)
    assert token_of(oauth) == first
    clock.sleep(60)
    assert token_of(oauth) != first


@pytest.mark.parametrize("lasts", ["0", "-5", "NaN", "-1e999", "1e999", "1" + 400 * "0"])
def test_an_oauth_token_with_no_lifetime_that_can_be_is_kept_for_a_while_and_not_for_ever(
    lasts: str, oauth: TokenSource, workspace: JobsApi, clock: QuickClock
) -> None:
    told = f'{{"access_token": "tok-abcdefghijkl", "expires_in": {lasts}}}'
    workspace.principals.faults.fail("token", Fault(200, told.encode()))
    for _ in range(2):
        assert token_of(oauth) == "tok-abcdefghijkl"
        clock.sleep(200)
    clock.sleep(86_400)
    assert token_of(oauth) in workspace.principals.granted


def test_a_refused_oauth_token_is_replaced(oauth: TokenSource, workspace: JobsApi) -> None:
    refused = oauth.token(Deadline(SECONDS))
    newer = [oauth.newer_token(refused, Deadline(SECONDS)) for _ in range(3)]
    assert [token and token.reveal() for token in newer] == [workspace.principals.granted[1]] * 3


def test_a_rotated_oauth_secret_is_read_again(
    oauth: TokenSource, workspace: JobsApi, vault: KeyVault, clock: QuickClock
) -> None:
    token_of(oauth)
    workspace.principals.add_service_principal(CLIENT_ID, "another-secret")
    vault.set_secret(SECRET, "another-secret")
    clock.sleep(250)  # the vault's secret is still cached
    refused = oauth.token(Deadline(SECONDS))
    assert oauth.newer_token(refused, Deadline(SECONDS)) is not None


def test_a_scope_that_is_not_granted_is_a_refusal(workspace: JobsApi, vault: KeyVault, clock: QuickClock) -> None:
    workspace.principals.add_service_principal(CLIENT_ID, OAUTH_SECRET)
    vault.set_secret(SECRET, OAUTH_SECRET)
    one = Workspace("prod", workspace.url, SECRET, auth=Auth.OAUTH, client_id=CLIENT_ID, scope="none")
    source = TokenSources(vault.uri, clock, timeout=SECONDS, user_agent="a test").of(one, Hidden())
    with pytest.raises(RefusalError) as caught:
        token_of(source)
    assert caught.value.code == "TokenEndpointRefused"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (json_fault(503, {}, Retry_After="7"), TransientError, "TokenEndpointUnavailable"),
        (json_fault(429, {}, Retry_After="7"), TransientError, "TokenEndpointUnavailable"),
        (Fault(cut=0), TransientError, "TokenEndpointUnavailable"),
        (json_fault(200, {"access_token": "two words"}), TransientError, "TokenEndpointUnavailable"),
        (json_fault(200, {"access_token": "x", "expires_in": "soon"}), TransientError, "TokenEndpointUnavailable"),
        (Fault(200, b"<html>Sign in</html>", "text/html"), TransientError, "TokenEndpointUnavailable"),
        (Fault(302, headers={"Location": "https://127.0.0.1:9/"}), RefusalError, "TokenEndpointRefused"),
        (Fault(404, b"Bad Target"), RefusalError, "TokenEndpointRefused"),
        (json_fault(400, {"error": "invalid_client"}), AccessError, "ClientRejected"),
    ],
)
def test_whatever_the_token_endpoint_answers_is_one_of_our_errors(
    fault: Fault, error: type[Exception], code: str, oauth: TokenSource, workspace: JobsApi
) -> None:
    workspace.principals.faults.fail("token", fault, times=None)
    with pytest.raises(error) as caught:
        token_of(oauth)
    known: Any = caught.value
    assert known.code == code
    if fault.headers.get("Retry-After"):
        assert known.retry_after == 7
    workspace.principals.faults.heal("token")
    assert token_of(oauth) in workspace.principals.granted


def test_a_token_endpoint_that_hangs_is_given_up_at_the_deadline_by_all_who_wait(
    oauth: TokenSource, workspace: JobsApi
) -> None:
    workspace.principals.faults.fail("token", Fault(hang=True), times=None)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(oauth.token, Deadline(1.0)) for _ in range(4)]
        assert {type(one.exception(timeout=SECONDS)) for one in asked} == {TransientError}
    workspace.principals.faults.release()


def test_neither_the_secret_nor_the_token_is_seen_in_what_holds_them(oauth: TokenSource, workspace: JobsApi) -> None:
    token = token_of(oauth)
    one = Workspace("prod", workspace.url, SECRET, auth=Auth.OAUTH, client_id=CLIENT_ID)
    holder = OAuthTokens(one, oauth, Hidden(), QuickClock(), user_agent="a test")
    for told in (repr(oauth), repr(vars(oauth)), repr(vars(holder))):
        assert token not in told
        assert OAUTH_SECRET not in told
    assert TOKEN not in repr(vars(oauth))
