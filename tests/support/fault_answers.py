"""The answers that the fault table names."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from local_host.background import LOOPBACK
from local_host.emulators.faults import Fault, json_fault
from tests.support import fault_table
from tests.support.drips import DRIPS
from tests.support.the_token import SECRET, TOKEN

ACCESS_TOKEN = "an-access-token-in-a-strange-answer-~~~~~"

RUN_ID = 455_644_833  # that every scene is about

# the right answers, for faults in which only something else is wrong
_RIGHT: dict[str, dict[str, Any]] = {
    "identity endpoint": {"access_token": ACCESS_TOKEN, "expires_on": "4102444800", "token_type": "Bearer"},
    "Key Vault": {"value": TOKEN, "id": f"https://{LOOPBACK}/secrets/{SECRET}/1", "attributes": {"enabled": True}},
    "readRun": {"run_id": RUN_ID, "state": {"life_cycle_state": "RUNNING"}},
    "cancelRun": {},
    "pollRun": {"run_id": RUN_ID, "state": {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}},
}
_STRANGE: dict[str, dict[str, Any]] = {
    "identity endpoint": {**_RIGHT["identity endpoint"], "expires_on": "soon"},
    "Key Vault": {**_RIGHT["Key Vault"], "attributes": {"enabled": True, "recoveryLevel": "Eternal"}},
    "cancelRun": {"state": "HIBERNATING"},
}
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action='/login.do'></form></body></html>"
# those who refuse give back what they were sent
_SENT = f"Authorization: Bearer {TOKEN}"
_ECHO = f"<html><title>{base64.b64encode(_SENT.encode()).decode()}</title><pre>{_SENT}</pre></html>".encode()


def fault_of(name: str, call: str) -> Fault:
    """The answer that the table means by that name."""
    if name in fault_table.DRIPS:
        drip = DRIPS[fault_table.DRIPS[name]]
        return Fault(body=drip.at_once, drop=drip.drop)
    right = json.dumps(_RIGHT[call]).encode()
    said = f"A new release. {_SENT}"
    hibernating = {"run_id": RUN_ID, "state": {"life_cycle_state": "HIBERNATING", "state_message": said}}
    in_two_seconds = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    return {
        fault_table.RESET: Fault(body=right + b" " * 20, cut=5),
        fault_table.HANG: Fault(hang=True),
        fault_table.UNKNOWN_RUN: json_fault(
            400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Run 1 does not exist."}
        ),
        "401": json_fault(401, {"error_code": "UNAUTHENTICATED", "message": f"No credential in {_SENT}."}),
        "403": Fault(403, _ECHO, "text/html"),
        "404": Fault(404, f"nothing here for {quote(_SENT)}".encode(), "text/plain"),
        "429, `Retry-After` in seconds": json_fault(429, {"error_code": "BUSY"}, Retry_After="1"),
        "429, `Retry-After` as a date": json_fault(429, {"error_code": "BUSY"}, Retry_After=in_two_seconds),
        "429 without `Retry-After`": json_fault(429, {"error_code": "BUSY"}),
        fault_table.HUGE_RETRY_AFTER: json_fault(429, {"error_code": "BUSY"}, Retry_After="1000000000"),
        "500": json_fault(500, {"error_code": "INTERNAL_ERROR", "message": f"Something went wrong with {_SENT[:40]}"}),
        "502": Fault(502, b"<html><title>502 Bad Gateway</title></html>", "text/html"),
        "503": json_fault(503, {"error": "TEMPORARILY_UNAVAILABLE"}, Retry_After="1"),
        "504": Fault(504),
        "redirect to a sign-in page": Fault(302, _HTML, "text/html", {"Location": "/login.html?next=%2F"}),
        "200, HTML": Fault(200, _HTML, "text/html"),
        "200, empty": Fault(200),
        "200, JSON cut short": Fault(200, b'{"state": {"life_cycle_'),
        "200, JSON of another shape": json_fault(200, {"runs": [{"state": ["RUNNING"]}], "value": None}),
        "200, 10 MB": json_fault(200, {"padding": "x" * 10_000_000}),
        fault_table.WRONG_TYPE: Fault(200, right, "text/plain", after_effect=True),
        fault_table.UNKNOWN_WORD: json_fault(200, _STRANGE.get(call, hibernating)),
    }[name]
