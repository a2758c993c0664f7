"""The one input format, the same at every trigger: parsed and validated once, every problem told at once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.text import is_harmful, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_LIMIT = 64 * 1024  # bytes
TEXT_LIMIT = 1000  # characters
LARGEST_RUN_ID = 2**63 - 1
LONGEST_WAIT_SECONDS = 7 * 24 * 3600

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")  # with a run id it makes an instance id of at most 83 characters
_RUN_ID_TEXT = re.compile(r"[1-9][0-9]{0,18}")

_KEYS = ("runId", "workspace", "reason", "requestedBy", "waitTimeoutSeconds")
_SECRET_KEYS = frozenset({"token", "accesstoken", "access_token", "authorization", "pat"})


@dataclass(frozen=True)
class CancelRequest:
    """Cancel this run, there, because of that, and wait so long (seconds) for it to stop."""

    run_id: int
    workspace: str | None = None
    reason: str | None = None
    requested_by: str | None = None
    wait_timeout_seconds: int | None = None

    @classmethod
    def from_json(cls, data: object) -> CancelRequest:
        """The request in ``data``.

        ``{"runId": 1, "workspace": "prod", "reason": "...", "requestedBy": "...", "waitTimeoutSeconds": 3600}``;
        only ``runId`` (or ``run_id``) is required, null is the same as absent.

        Raises:
            RequestError: with every problem that ``data`` has.
        """
        if not isinstance(data, dict):
            raise RequestError(['the body must be a JSON object such as {"runId": 455644833}'])
        problems: list[str] = []
        given = {key: value for key, value in data.items() if value is not None}

        def take(key: str, read: Callable[[Any], Any]) -> Any:
            if key not in given:
                return None
            try:
                return read(given[key])
            except ValueError as error:
                problems.append(f"{key} {error}")
                return None

        run_id = take("runId", _run_id)
        if "run_id" in given:
            if "runId" in given:
                problems.append("runId and run_id are both given; give one")
            else:
                run_id = take("run_id", _run_id)
        elif "runId" not in given:
            problems.append("runId is missing")
        request = cls(
            run_id=run_id or 0,
            workspace=take("workspace", _alias),
            reason=take("reason", _text),
            requested_by=take("requestedBy", _text),
            wait_timeout_seconds=take("waitTimeoutSeconds", _wait_timeout),
        )
        problems += [_unknown(key) for key in data if key not in (*_KEYS, "run_id")]
        if problems:
            raise RequestError(problems)
        return request

    def to_json(self) -> dict[str, Any]:
        """The canonical request; :meth:`from_json` takes it."""
        return {
            "runId": self.run_id,
            "workspace": self.workspace,
            "reason": self.reason,
            "requestedBy": self.requested_by,
            "waitTimeoutSeconds": self.wait_timeout_seconds,
        }


def parse_json(body: bytes) -> Any:
    """The JSON value in ``body``, read strictly: UTF-8, no key twice, no NaN.

    Raises:
        RequestError: it is too large (over 64 KiB) or not such JSON.
    """
    if len(body) > BODY_LIMIT:
        raise RequestError([f"the body has {len(body)} bytes; at most {BODY_LIMIT} are taken"])
    try:
        # a NUL byte or a byte order mark is not JSON, and json.loads would guess at other encodings
        return json.loads(body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        known = isinstance(error, _StrictJsonError)
        detail = str(error) if known else "it cannot be read as JSON in UTF-8"
        raise RequestError([f"the body is not valid JSON: {detail}"]) from None


class _StrictJsonError(ValueError):
    """JSON that Python's parser would let pass."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        raise _StrictJsonError(f"key given twice: {', '.join(_shown(key) for key in repeated)}")
    return data


def _refuse_constant(name: str) -> Any:
    raise _StrictJsonError(f"{name} is not JSON")


def _run_id(value: Any) -> int:
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _RUN_ID_TEXT.fullmatch(text) or int(text) > LARGEST_RUN_ID:
        raise ValueError(f"must be a whole number from 1 to {LARGEST_RUN_ID}, as a number or a decimal string")
    return int(text)


def _alias(value: Any) -> str:
    if not isinstance(value, str) or not ALIAS.fullmatch(value):
        raise ValueError("must be the name of a workspace in the app settings (never a URL)")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004  # one kind of error for every wrong value
    if len(value) > TEXT_LIMIT:
        raise ValueError(f"has {len(value)} characters; at most {TEXT_LIMIT} are taken")
    if is_harmful(value):
        raise ValueError("must be one line of text, without control characters or marks that reorder it")
    return value


def _wait_timeout(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= LONGEST_WAIT_SECONDS:
        raise ValueError(f"must be a whole number of seconds from 1 to {LONGEST_WAIT_SECONDS} (7 days)")
    return value


def _unknown(key: str) -> str:
    if key.lower() in _SECRET_KEYS:
        return f"{_shown(key)} is refused: secrets do not travel in requests, the app takes its token from Key Vault"
    return f"{_shown(key)} is not a known key; known are {', '.join(_KEYS)}"


def _shown(key: str) -> str:
    return f"'{one_line(key, 60)}'"
