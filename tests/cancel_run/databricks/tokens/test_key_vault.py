"""The token through the real azure-identity and azure-keyvault-secrets, against emulated endpoints.

It is longer than most: one class, and everything that can go wrong before it has a token.
"""

from __future__ import annotations

import pickle
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cancel_run.databricks.tokens.kept import KEPT_SECONDS
from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.databricks.tokens.token import LONGEST_TOKEN
from cancel_run.databricks.transport.deadline import Deadline
from cancel_run.errors import AccessError, CallError, TransientError
from local_host.emulators.faults import Fault, json_fault
from tests.support.drips import DRIPS
from tests.support.quick_clock import QuickClock
from tests.support.raw_server import DROP_SECONDS, RawConnection, RawServer
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from local_host.emulators.certificates import Certificates
    from local_host.emulators.key_vault import KeyVault, ManagedIdentity


SECONDS = 1.5  # for three requests on a machine under load


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def tokens(vault: KeyVault, clock: QuickClock) -> TokenVault:
    return TokenVault(vault.uri, clock, timeout=SECONDS)


def test_the_token_is_what_the_secret_holds(tokens: TokenVault) -> None:
    assert tokens.token(SECRET).reveal() == TOKEN


def test_a_token_is_kept_for_five_minutes_and_then_read_again(
    tokens: TokenVault, vault: KeyVault, clock: QuickClock
) -> None:
    tokens.token(SECRET)
    clock.sleep(KEPT_SECONDS - 10)
    tokens.token(SECRET)
    assert vault.reads == 1
    vault.set_secret(SECRET, "newer")
    clock.sleep(11)
    assert tokens.token(SECRET).reveal() == "newer"


def test_threads_that_need_it_at_once_read_it_once(tokens: TokenVault, vault: KeyVault) -> None:
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: tokens.token(SECRET).reveal(), range(32)))
    assert (set(read), vault.reads) == ({TOKEN}, 1)


def test_two_secrets_are_two_tokens(tokens: TokenVault, vault: KeyVault) -> None:
    vault.set_secret("another", "other")
    assert [tokens.token(name).reveal() for name in (SECRET, "another")] == [TOKEN, "other"]


def test_a_token_that_was_refused_is_dropped_only_once_for_all_who_were_refused(
    tokens: TokenVault, vault: KeyVault
) -> None:
    refused = tokens.token(SECRET)
    vault.set_secret(SECRET, "newer")
    newer = [tokens.newer_token(SECRET, refused) for _ in range(3)]
    assert [token and token.reveal() for token in newer] == ["newer"] * 3
    assert vault.reads == 2


def test_a_line_end_at_the_end_of_the_secret_is_no_part_of_the_token(tokens: TokenVault, vault: KeyVault) -> None:
    vault.set_secret(SECRET, f"  {TOKEN}\r\n")
    assert tokens.token(SECRET).reveal() == TOKEN


@pytest.mark.parametrize("value", ["", "   ", "two words", "with\nan end within", "schlüssel"])
def test_a_secret_that_no_header_can_hold_is_refused_without_being_shown(
    value: str, tokens: TokenVault, vault: KeyVault
) -> None:
    vault.set_secret(SECRET, value)
    with pytest.raises(AccessError) as caught:
        tokens.token(SECRET)
    assert caught.value.code == "TokenUnusable"
    assert not value.strip() or value not in str(caught.value)


def test_a_missing_secret_is_named_as_missing(tokens: TokenVault) -> None:
    with pytest.raises(AccessError, match="no such secret") as caught:
        tokens.token("not-there")
    assert (caught.value.code, caught.value.status_code) == ("SecretNotFound", 404)


def test_a_disabled_secret_is_a_final_no(tokens: TokenVault, vault: KeyVault) -> None:
    vault.disable(SECRET)
    with pytest.raises(AccessError, match="disabled"):
        tokens.token(SECRET)


def test_no_role_on_the_vault_is_a_final_no_that_names_the_role(tokens: TokenVault, vault: KeyVault) -> None:
    vault.forbidden = True
    with pytest.raises(AccessError, match="Key Vault Secrets User") as caught:
        tokens.token(SECRET)
    assert caught.value.code == "VaultDenied"


@pytest.mark.parametrize("status_code", [429, 500, 503])
def test_a_throttled_or_failing_vault_may_pass(status_code: int, tokens: TokenVault, vault: KeyVault) -> None:
    vault.faults.fail("secret", json_fault(status_code, {"error": {"code": "Throttled", "message": "busy"}}), None)
    with pytest.raises(TransientError) as caught:
        tokens.token(SECRET)
    assert (caught.value.code, caught.value.status_code) == ("VaultUnavailable", status_code)
    vault.faults.heal("secret")
    assert tokens.token(SECRET).reveal() == TOKEN


FAULTS = {
    "cut": Fault(cut=0),
    "hang": Fault(hang=True),
    "html": Fault(body=b"<html>Sign in</html>", content_type="text/html"),
    "empty": Fault(body=b""),
    "truncated": Fault(body=b'{"value": "da'),
    "500": json_fault(500, {"error": "x"}),
    "503": Fault(503),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_whatever_is_wrong_with_the_vaults_answer_is_one_of_our_errors(
    fault: Fault, tokens: TokenVault, vault: KeyVault
) -> None:
    vault.faults.fail("secret", fault, times=None)
    with pytest.raises(CallError):
        tokens.token(SECRET)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_whatever_is_wrong_with_the_identity_endpoint_may_pass(
    fault: Fault, tokens: TokenVault, identity: ManagedIdentity
) -> None:
    identity.faults.fail("token", fault, times=None)
    with pytest.raises(TransientError):
        tokens.token(SECRET)
    identity.faults.heal("token")
    assert tokens.token(SECRET).reveal() == TOKEN


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"value": null}', b"7", b'"text"', b"{" * 9000])
def test_a_200_that_is_no_secret_may_pass(body: bytes, tokens: TokenVault, vault: KeyVault) -> None:
    vault.faults.fail("secret", Fault(body=body))
    with pytest.raises(TransientError) as caught:
        tokens.token(SECRET)
    assert caught.value.code == "VaultUnavailable"
    assert tokens.token(SECRET).reveal() == TOKEN


def test_a_secret_longer_than_any_is_no_token(tokens: TokenVault, vault: KeyVault) -> None:
    vault.faults.fail("secret", json_fault(200, {"value": "x" * (LONGEST_TOKEN + 1)}))
    with pytest.raises(AccessError):
        tokens.token(SECRET)


@pytest.mark.parametrize("written", ["3000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_long_retry_after_of_the_vault_is_handed_on_and_holds_no_thread(
    written: str, tokens: TokenVault, vault: KeyVault
) -> None:
    vault.faults.fail("secret", json_fault(429, {"error": {"code": "Throttled"}}, Retry_After=written))
    with pytest.raises(TransientError) as caught:  # as it would be if somebody slept for it: this test would hang
        tokens.token(SECRET)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 3000
    assert vault.faults.met["secret"] == 1


def test_a_long_retry_after_of_the_identity_endpoint_holds_no_thread(
    tokens: TokenVault, identity: ManagedIdentity
) -> None:
    identity.faults.fail("token", json_fault(429, {"error": "busy"}, Retry_After="3000"))
    with pytest.raises(TransientError):
        tokens.token(SECRET)
    assert identity.faults.met["token"] == 1


def test_a_vault_that_hangs_is_asked_once_for_all_who_wait_and_they_fail_together(
    tokens: TokenVault, vault: KeyVault
) -> None:
    vault.faults.fail("secret", Fault(hang=True), times=None)
    together = threading.Barrier(8)

    def ask(_: int) -> type[Exception]:
        together.wait()
        with pytest.raises(TransientError) as caught:
            tokens.token(SECRET)
        return caught.type

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {TransientError}
    assert (
        vault.faults.met["secret"] < 8
    )  # one, unless the machine is so slow that some came after the first had failed


@pytest.mark.parametrize("drip", ["status line", "header", "endless 100 Continue", "trailers"])
@pytest.mark.parametrize("who", ["vault", "identity"])
def test_a_vault_or_an_identity_endpoint_that_drips_is_given_up_at_the_deadline(
    who: str,
    drip: str,
    tokens: TokenVault,
    certificates: Certificates,
    clock: QuickClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tls = certificates.server_context() if who == "vault" else None
    with RawServer(DRIPS[drip].script(DROP_SECONDS), tls=tls) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", server.url)
        asked = TokenVault(server.url, clock, timeout=SECONDS) if who == "vault" else tokens
        started = time.monotonic()
        with pytest.raises(TransientError) as caught:
            asked.token(SECRET)
        assert time.monotonic() - started < SECONDS + 2
        assert len(server.requests) == 1
    assert caught.value.code == ("VaultUnavailable" if who == "vault" else "IdentityUnavailable")


def test_one_deadline_is_for_the_identity_endpoint_and_the_vault_together(
    tokens: TokenVault, vault: KeyVault, identity: ManagedIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(connection: RawConnection) -> None:
        connection.read_request()
        time.sleep(SECONDS)
        body = b'{"access_token": "x", "expires_on": "9999999999", "resource": "r", "token_type": "Bearer"}'
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body)

    vault.faults.fail("secret", Fault(hang=True), times=None)
    identity.issued.add("x")
    with RawServer(slowly) as slow_identity:
        monkeypatch.setenv("IDENTITY_ENDPOINT", slow_identity.url)
        started = time.monotonic()
        with pytest.raises(TransientError):
            tokens.token(SECRET, Deadline(SECONDS + 1))
        assert SECONDS + 1 <= time.monotonic() - started < 2 * SECONDS + 1
    assert vault.faults.met["secret"] == 1


def test_neither_the_vault_nor_the_identity_endpoint_of_this_machine_is_asked_through_a_proxy(
    tokens: TokenVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(key, raising=False)
    with RawServer(RawConnection.reset) as proxy:
        for key in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(key, proxy.url)
        assert tokens.token(SECRET).reveal() == TOKEN
        assert proxy.connections == 0


def test_a_netrc_file_puts_no_credential_in_the_place_of_the_vaults_bearer_or_before_the_identity_endpoint(
    tokens: TokenVault, identity: ManagedIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert tokens.token(SECRET).reveal() == TOKEN
    assert identity.authorizations == [None]


def test_who_waits_for_another_callers_reading_waits_no_longer_than_its_own_deadline(
    tokens: TokenVault, vault: KeyVault
) -> None:
    vault.faults.fail("secret", Fault(hang=True), times=None)
    with ThreadPoolExecutor(1) as other:
        reading = other.submit(tokens.token, SECRET, Deadline(60))
        while not vault.faults.met["secret"]:
            time.sleep(0.01)
        with pytest.raises(TransientError, match="another call") as caught:
            tokens.token(SECRET, Deadline(0.2))
        assert not reading.done()
        vault.faults.release()
        assert isinstance(reading.exception(), TransientError)
    assert caught.value.code == "VaultUnavailable"


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("who", ["vault", "identity"])
def test_neither_the_vaults_nor_the_identitys_redirect_is_followed(
    who: str, status_code: int, tokens: TokenVault, vault: KeyVault, identity: ManagedIdentity
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        fault = Fault(status_code, headers={"Location": f"https://127.0.0.1:{elsewhere.getsockname()[1]}/"})
        faults, operation = (vault.faults, "secret") if who == "vault" else (identity.faults, "token")
        faults.fail(operation, fault, times=None)
        with pytest.raises(CallError):
            tokens.token(SECRET)
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has connected
            elsewhere.accept()


def test_a_vault_that_nobody_serves_may_pass(identity: ManagedIdentity, clock: QuickClock) -> None:
    assert identity.header  # there is an identity to be had; it is the vault that is not
    with pytest.raises(TransientError, match="KEY_VAULT_URI"):
        TokenVault("https://127.0.0.1:9", clock, timeout=0.5).token(SECRET)


def test_a_token_shows_itself_to_nobody_who_does_not_ask(tokens: TokenVault) -> None:
    token = tokens.token(SECRET)
    assert TOKEN not in f"{token} {token!r} {vars(tokens)!r} {[token]}"
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(token)


def test_an_exception_about_the_token_leads_to_no_request_that_holds_one(tokens: TokenVault, vault: KeyVault) -> None:
    vault.faults.fail("secret", Fault(503), times=None)
    with pytest.raises(TransientError) as caught:
        tokens.token(SECRET)
    assert caught.value.__suppress_context__
    assert "Bearer" not in "".join(traceback.format_exception(caught.value))
