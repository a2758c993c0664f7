"""The fault matrix: every call that leaves the app, every fault, and what follows.

``python -m tests.support.fault_table`` prints it as docs/reliability.md has it; tests/test_fault_matrix.py runs each
cell and compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

CALLS = ("identity endpoint", "Key Vault", "readRun", "cancelRun", "pollRun")
NEVER, REFUSED, UNKNOWN, ACCEPTED = "never", "refused, or not sent", "sent, its fate unknown", "accepted"


@dataclass(frozen=True)
class Verdict:
    """What follows from a fault.

    Attributes:
        passes: the outcome when the fault passes.
        lasts: the outcome when it does not.
        cancel: what becomes of the cancel while it lasts.
        why: for the reader of the table.
    """

    passes: str
    lasts: str
    cancel: str
    why: str


VERDICTS = {
    "waits": Verdict(
        "canceled",
        "timedOut",
        NEVER,
        "It may pass, so it is asked again until the deadline. While nothing is known of the run, no cancel is sent.",
    ),
    "insists": Verdict(
        "canceled",
        "timedOut",
        REFUSED,
        "The cancel was certainly not taken: it is sent until it is accepted, and the run is read again before each.",
    ),
    "reads": Verdict(
        "canceled",
        "timedOut",
        UNKNOWN,
        "Whether the cancel was taken is not known, so a read follows. It is sent again only to a run seen untouched.",
    ),
    "polls on": Verdict(
        "canceled",
        "timedOut",
        ACCEPTED,
        "The run has been told to stop and could be read before: it is polled until the deadline.",
    ),
    "rejects": Verdict(
        "rejected",
        "rejected",
        NEVER,
        "Refused for good, and no cancel was sent: a request, a token or a role has to be mended, as the error says.",
    ),
    "looks once": Verdict(
        "rejected",
        "rejected",
        REFUSED,
        "A run that has just ended may refuse a cancel, so one poll decides. Here the run is still active.",
    ),
    "gone": Verdict(
        "canceled",
        "rejected",
        ACCEPTED,
        "The workspace says that it does not know the run any more: asked once more, it is believed.",
    ),
    "doubts": Verdict(
        "canceled",
        "timedOut",
        ACCEPTED,
        "A 200 is what the API promises for an accepted cancel. Only the polls tell: without effect it is sent again.",
    ),
    "reads it": Verdict("canceled", "canceled", ACCEPTED, "The answer is right in all that matters."),
}

REFUSED_CONNECTION = "refused"
RESET = "reset in mid-body"
HANG = "hangs past the timeout"
UNKNOWN_RUN = "400 no such run"
WRONG_TYPE = "wrong content type"
UNKNOWN_WORD = "a state that nobody knows"
DRIPS = {
    f"drips: {name}": name
    for name in (
        "status line",
        "header",
        "endless 100 Continue",
        "size of a chunk",
        "extension of a chunk",
        "trailers",
        "gzip of empty blocks",
        "file name in gzip",
    )
}
HUGE_RETRY_AFTER = "429, `Retry-After` of 30 years"

# a cell is a verdict and, where the fault lasts, the code in the result's `error`
_WAITS = ("waits IdentityUnavailable", "waits VaultUnavailable", "waits ", "reads ", "polls on ")
_NOT_TAKEN = ("waits IdentityUnavailable", "waits VaultUnavailable", "waits ", "insists ", "polls on ")
_FINAL = ("waits IdentityUnavailable", "rejects ", "rejects ", "looks once ", "polls on ")


def _row(pattern: tuple[str, ...], code: str, **other: str) -> dict[str, tuple[str, str]]:
    row = {}
    for call, cell in zip(CALLS, pattern, strict=True):
        text = other.get(call.replace(" ", "_"), cell + code if cell.endswith(" ") else cell)
        verdict = max((name for name in VERDICTS if text.startswith(name)), key=len)
        row[call] = (verdict, text.removeprefix(verdict).strip())
    return row


MATRIX: dict[str, dict[str, tuple[str, str]]] = {
    REFUSED_CONNECTION: _row(_NOT_TAKEN, "ConnectionFailed"),
    RESET: _row(_WAITS, "ConnectionFailed"),
    HANG: _row(_WAITS, "ConnectionFailed"),
    **{fault: _row(_WAITS, "ConnectionFailed") for fault in DRIPS},
    UNKNOWN_RUN: _row(_FINAL, "RunNotFound", Key_Vault="rejects VaultRefused", pollRun="gone RunNotFound"),
    "401": _row(_FINAL, "TokenRejected", Key_Vault="rejects VaultDenied"),
    "403": _row(_FINAL, "PermissionDenied", Key_Vault="rejects VaultDenied"),
    "404": _row(_FINAL, "Refused", Key_Vault="rejects SecretNotFound"),
    "429, `Retry-After` in seconds": _row(_NOT_TAKEN, "Throttled"),
    "429, `Retry-After` as a date": _row(_NOT_TAKEN, "Throttled"),
    "429 without `Retry-After`": _row(_NOT_TAKEN, "Throttled"),
    HUGE_RETRY_AFTER: _row(_NOT_TAKEN, "Throttled"),
    "500": _row(_WAITS, "ServiceUnavailable"),
    "502": _row(_WAITS, "ServiceUnavailable"),
    "503": _row(_WAITS, "ServiceUnavailable"),
    "504": _row(_WAITS, "ServiceUnavailable"),
    "redirect to a sign-in page": _row(_FINAL, "Redirected", Key_Vault="rejects VaultRefused"),
    "200, HTML": _row(_WAITS, "UnreadableAnswer"),
    "200, empty": _row(_WAITS, "UnreadableAnswer", cancelRun="doubts"),
    "200, JSON cut short": _row(_WAITS, "UnreadableAnswer"),
    "200, JSON of another shape": _row(_WAITS, "UnreadableAnswer", cancelRun="doubts"),
    "200, 10 MB": _row(_WAITS, "AnswerTooLarge"),
    WRONG_TYPE: _row(("reads it",) * 5, ""),
    UNKNOWN_WORD: _row(_WAITS, "", Key_Vault="reads it", readRun="reads it", cancelRun="doubts", pollRun="polls on"),
}


def markdown() -> str:
    """The table and its legend, as the docs have them."""
    lines = ["| fault | " + " | ".join(CALLS) + " |", "| --- |" + " --- |" * len(CALLS)]
    for fault, row in MATRIX.items():
        cells = (f"{verdict}: `{code}`" if code else verdict for verdict, code in row.values())
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    lines += ["", "| | it passes | it lasts | the cancel meanwhile | why |", "| --- | --- | --- | --- | --- |"]
    for name, verdict in VERDICTS.items():
        lines.append(f"| {name} | `{verdict.passes}` | `{verdict.lasts}` | {verdict.cancel} | {verdict.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown())  # noqa: T201  # what the command is for
