"""A workspace, or a proxy before it, that gives back what it was sent: no form of a token gets out, whole or cut."""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local_host.emulators.faults import Fault, json_fault
from local_host.engine.instance import ENDED
from tests.support.caller import cancel
from tests.support.secrets_sought import traces
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from local_host.emulators.key_vault import KeyVault
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

CLIENT_ID = "11112222-3333-4444-5555-666677778888"
OAUTH_SECRET = "dose5f1e7ab2c0ffee5f1e7ab2c0ffee"  # of an emulated principal


def dressed(secret: str) -> dict[str, str]:
    """A header with the secret in it, as those write it who give it back."""
    header = f"Authorization: Bearer {secret}"
    return {
        "as it is": header,
        "base64": f"GET / {base64.b64encode(f'token:{secret}'.encode()).decode()}",
        "base64 of more": base64.urlsafe_b64encode(f"x{header}\r\n".encode()).decode(),
        "URL-encoded": f"https://login.example/?next={quote(header, safe='')}",
        "cut short": header[: len("Authorization: Bearer ") + 12],
        "cut by our own limit": "." * (300 - 12 - len(header) + len(secret)) + header,
        "cut in front": header[-20:],
    }


def answers(text: str) -> list[Fault]:
    """The text in each place of an answer that becomes a text of ours."""
    state = {"life_cycle_state": "TERMINATED", "result_state": "FAILED", "state_message": text}
    run = {"run_id": 7, "state": state, "run_page_url": text, "run_name": text, "trigger": text}
    newer = {"state": "TERMINATED", "termination_details": {"code": text, "message": text}}
    return [
        json_fault(403, {"error_code": "PERMISSION_DENIED", "message": text}),
        json_fault(403, {"error_code": text, "message": "no"}),
        json_fault(400, {"detail": text, "scimType": text}),
        json_fault(404, {"error": text}),
        Fault(401, f"<html><title>{text}</title></html>".encode(), "text/html"),
        Fault(403, f"<html><pre>\n{text}\n</pre></html>".encode(), "text/html"),
        Fault(400, text.encode(), "text/plain"),
        Fault(400, json.dumps({"message": text}).replace("d", r"\u0064").encode()),
        Fault(302, headers={"Location": quote(text)}),
        json_fault(200, run),
        json_fault(200, {"run_id": 7, "status": newer, "creator_user_name": text}),
        json_fault(200, {"run_id": 7, "state": {"life_cycle_state": text}}),
    ]


def pieces(secret: str, length: int = 10) -> list[str]:
    return [secret[at : at + length] for at in range(len(secret) - length + 1)]


def told_by(host: LocalHost, results: list[Any], caplog: pytest.LogCaptureFixture) -> str:
    told = [json.dumps(results), caplog.text]
    for instance in host.engine.instances():
        assert instance.runtime_status in ENDED
        told += [str(instance), host.engine.history(instance.instance_id)]
    return "\n".join(told)


def test_what_a_workspace_gives_back_has_no_token_in_any_form(
    host: LocalHost, workspace: JobsApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cancel_run")
    results = []
    for text in dressed(TOKEN).values():
        for fault in answers(text):
            workspace.add_run(run_id=7)
            workspace.faults.fail("get", fault)
            results.append(cancel(host, 7, waitTimeoutSeconds=1))
    told = told_by(host, results, caplog)
    assert traces([TOKEN], told) == []
    assert [piece for piece in pieces(TOKEN) if piece in told] == []
    assert "[struck out]" in told  # or nothing was given back


def test_what_a_token_endpoint_gives_back_has_neither_the_secret_nor_a_token(
    start_host: Callable[..., LocalHost],
    environ: dict[str, str],
    workspace: JobsApi,
    vault: KeyVault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "cancel_run")
    workspace.principals.add_service_principal(CLIENT_ID, OAUTH_SECRET)
    vault.set_secret(SECRET, OAUTH_SECRET)
    entry = {"host": workspace.url, "auth": "oauth", "clientId": CLIENT_ID}
    host = start_host({**environ, "DATABRICKS_WORKSPACES": json.dumps({"prod": entry})})
    results = []
    for text in dressed(OAUTH_SECRET).values():
        for status_code in (400, 401, 302):
            said = {"error": text, "error_description": text}
            workspace.principals.faults.fail("token", json_fault(status_code, said))
            results.append(cancel(host, workspace.add_run(), waitTimeoutSeconds=1))
    results.append(cancel(host, workspace.add_run()))
    (token,) = workspace.principals.granted
    workspace.faults.fail("get", json_fault(403, {"message": f"{token} and {OAUTH_SECRET}"}), times=2)
    results.append(cancel(host, workspace.add_run()))
    told = told_by(host, results, caplog)
    assert traces([OAUTH_SECRET, *workspace.principals.granted], told) == []
    assert results[-1]["error"]["message"].count("[struck out]") == 2
