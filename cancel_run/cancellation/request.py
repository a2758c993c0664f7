"""The one input format, the same at every trigger: parsed and validated once, every problem told at once.

It is longer than most: the one declaration of the contract stands beside what judges by it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.run_page import LARGEST_ID, RUN_PAGE, said_by_page
from cancel_run.errors import TOLD, RequestError
from cancel_run.text import HARMFUL_CLASS, is_harmful, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cancel_run.cancellation.run_page import AliasesOf

BODY_LIMIT = 64 * 1024  # bytes
TEXT_LIMIT = 1000  # characters
LARGEST_RUN_ID = LARGEST_ID
LONGEST_WAIT_SECONDS = 7 * 24 * 3600

ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")  # the instance ids of its runs have at most 100 characters
_RUN_ID_TEXT = re.compile(r"[1-9][0-9]{0,18}")

_SECRET_KEYS = frozenset({"token", "accesstoken", "access_token", "authorization", "pat"})


@dataclass(frozen=True)
class CancelRequest:
    """Cancel this run, there, because of that, and wait so long (seconds) for it to stop.

    ``dry_run``: say what that would do, and do nothing.
    """

    run_id: int
    workspace: str | None = None
    reason: str | None = None
    requested_by: str | None = None
    wait_timeout_seconds: int | None = None
    dry_run: bool = False

    @classmethod
    def from_json(cls, data: object, aliases_of: AliasesOf | None = None) -> CancelRequest:
        """The request in ``data``; ``aliases_of`` gives the names of the workspace that a run's page is in.

        ``{"runId": 1, "workspace": "prod", "reason": "...", "requestedBy": "...", "waitTimeoutSeconds": 3600,
        "dryRun": false}``; only ``runId`` (or ``run_id``) is required, or ``runPageUrl`` in the place of it and of
        ``workspace``. Null is the same as absent.

        Raises:
            RequestError: with every problem that ``data`` has.
        """
        by_page = {RUN_PAGE: lambda url, values: said_by_page(url, values, aliases_of)}
        return cls(**judged(data, FIELDS, "runId", by_page))

    def to_json(self) -> dict[str, Any]:
        """The canonical request; :meth:`from_json` takes it.

        An earlier release takes it too, if it is no rehearsal: one that does not know ``dryRun`` refuses the key.
        """
        told = {key: getattr(self, declared.name) for key, declared in FIELDS.items()}
        return {key: value for key, value in told.items() if value or key != "dryRun"}


def judged(
    data: object,
    fields: Mapping[str, Field],
    required: str,
    instead: Mapping[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The values in ``data`` by the names of their attributes; a key with null counts as absent.

    The ``required`` key may be spelled as its attribute is, too. ``instead`` has the keys that may stand in its place:
    what each says, its value and what is said beside it given.

    Raises:
        RequestError: with every problem that ``data`` has.
    """
    if not isinstance(data, dict):
        raise RequestError([f'the body must be a JSON object such as {{"{required}": 455644833}}'])
    problems: list[str] = []
    too = fields[required].name
    given = _given(data, required, too, instead, problems)
    values: dict[str, Any] = {}
    for key, declared in fields.items():
        if key in given:
            try:
                values[declared.name] = declared.read(given[key])
            except ValueError as error:
                problems.append(f"{key} {error}")
    for key in given.keys() & instead.keys():
        try:
            values |= instead[key](given[key], values)
        except RequestError as error:
            problems += error.problems
    known = [*fields, *instead]
    problems += [_unknown(key, known) for key in data if key not in known and key != too]
    if problems:
        raise RequestError(problems)
    return values


def _given(
    data: Mapping[str, Any], required: str, too: str, instead: Iterable[str], problems: list[str]
) -> dict[str, Any]:
    """What is not null, the required key in the one spelling."""
    given = {key: value for key, value in data.items() if value is not None}
    if too in given:
        if required in given:
            problems.append(f"{required} and {too} are both given; give one")
        given[required] = given.pop(too)
    elif not given.keys() & {required, *instead}:
        problems.append(f"{required} is missing" + "".join(f"; it, or {key}, says which run" for key in instead))
    return given


def parse_json(body: bytes, limit: int = BODY_LIMIT) -> Any:
    """The JSON value in ``body``, read strictly: UTF-8, no key twice, no NaN.

    Raises:
        RequestError: it is too large (over ``limit`` bytes) or not such JSON.
    """
    if len(body) > limit:
        raise RequestError([f"the body has {len(body)} bytes; at most {limit} are taken"])
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
        repeated = sorted(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _StrictJsonError(f"key given twice: {', '.join(_shown(key) for key in repeated[:TOLD])}")
    return data


def _refuse_constant(name: str) -> Any:
    raise _StrictJsonError(f"{name} is not JSON")


def identifier(value: Any) -> int:
    """A run's or a job's id.

    Raises:
        ValueError: it is none.
    """
    text = str(value) if type(value) is int else value
    if isinstance(text, str) and "://" in text:
        raise ValueError(f"must be a whole number; the URL of a run's page is given as {RUN_PAGE}")
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


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


@dataclass(frozen=True)
class Field:
    """One key of a request: the attribute that it becomes, how it is judged, and its schema in OpenAPI 3.0."""

    name: str
    read: Callable[[Any], Any]
    schema: dict[str, Any]


_LINE = {"type": "string", "maxLength": TEXT_LIMIT, "pattern": f"^[^{HARMFUL_CLASS}]*$", "nullable": True}

# the one declaration of the contract: validation, the OpenAPI schema and, by a test, the table in docs/http.md
FIELDS = {
    "runId": Field(
        "run_id",
        identifier,
        {
            "oneOf": [
                {"type": "integer", "format": "int64", "minimum": 1, "maximum": LARGEST_RUN_ID},
                # every text of 18 digits is in range; a run id of 19 digits may be sent as text too, or as a number
                {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
            ]
        },
    ),
    "workspace": Field("workspace", _alias, {"type": "string", "pattern": f"^{ALIAS.pattern}$", "nullable": True}),
    "reason": Field("reason", _text, _LINE),
    "requestedBy": Field("requested_by", _text, _LINE),
    "waitTimeoutSeconds": Field(
        "wait_timeout_seconds",
        _wait_timeout,
        {"type": "integer", "minimum": 1, "maximum": LONGEST_WAIT_SECONDS, "nullable": True},
    ),
    "dryRun": Field("dry_run", _flag, {"type": "boolean", "nullable": True}),
}


def _unknown(key: str, fields: Iterable[str]) -> str:
    if key.lower() in _SECRET_KEYS:
        return f"{_shown(key)} is refused: secrets do not travel in requests, the app takes its token from Key Vault"
    return f"{_shown(key)} is not a known key; known are {', '.join(fields)}"


def _shown(key: str) -> str:
    return f"'{one_line(key, 60)}'"
