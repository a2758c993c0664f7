"""JSON for what the app has written itself and reads again: an order, progress, a run. It is read kindly.

Another release may have written it, an older or a newer one, because a wait outlives a deployment and old and new
workers serve the same instances while one goes on. So a key that this release does not know is kept in ``unknown`` and
written back, a key that is missing has its default, and a value of another kind than expected counts as missing. What
callers send is read strictly instead, in ``request.py``.

A field's key is its name in camelCase. A field with ``metadata=NOT_STORED`` is not written.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

NOT_STORED = {"stored": False}
_KINDS = (bool, str, int, float, list, dict)


def read(kind: Callable[..., T], data: object, **given: Any) -> T:
    """A ``kind``, a dataclass with an ``unknown`` field, out of the JSON object that :func:`written` made.

    ``given`` are fields that are not stored, or defaults for stored ones.
    """
    stored: Mapping[str, Any] = data if isinstance(data, dict) else {}
    fields = _fields(kind)
    values, unknown = dict(given), {}
    for key, value in stored.items():
        if key not in fields:
            unknown[key] = value
            continue
        name, type_ = fields[key]
        known = _value(type_, value)
        if known is not None:
            values[name] = known
    return kind(**values, unknown=unknown)


def written(value: Any) -> dict[str, Any]:
    """The JSON object of a dataclass's stored fields, with what was unknown when it was read; None is left out."""
    kind: Any = type(value)
    unknown: dict[str, Any] = value.unknown
    fields = ((key, getattr(value, name)) for key, (name, _) in _fields(kind).items())
    return unknown | {key: _json(one) for key, one in fields if one is not None}


@functools.cache  # of classes, of which there are few
def _fields(kind: Any) -> dict[str, tuple[str, type]]:
    """Key in JSON -> name and type of the field; ``X | None`` counts as ``X``."""
    hints = typing.get_type_hints(kind)
    return {
        key_of(field.name): (field.name, _plain(hints[field.name]))
        for field in dataclasses.fields(kind)
        if field.name != "unknown" and field.metadata.get("stored", True)
    }


def key_of(name: str) -> str:
    """The JSON key of a field of that name: ``run_id`` is ``runId``."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _plain(hint: Any) -> type:
    candidates = [one for one in typing.get_args(hint) if one is not type(None)] if _is_union(hint) else [hint]
    plain = typing.get_origin(candidates[0]) or candidates[0]
    return plain if isinstance(plain, type) else object


def _is_union(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _value(type_: type, value: Any) -> Any:
    """The value as the field has it, or None where there is none that the field could have."""
    if type_ is str:  # most are
        return value if isinstance(value, str) else None
    if type_ is datetime:
        return moment(value)
    if dataclasses.is_dataclass(type_):
        return read(type_, value) if isinstance(value, dict) else None
    if type_ in {int, float} and isinstance(value, bool):
        return None
    if type_ is float and isinstance(value, int):
        return float(value)
    return value if type_ not in _KINDS or isinstance(value, type_) else None


def moment(text: Any) -> datetime | None:
    """The instant in an ISO 8601 text, UTC where it names no zone; None where it is none."""
    try:
        read_ = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return read_ if read_.tzinfo else read_.replace(tzinfo=UTC)


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return written(value) if dataclasses.is_dataclass(value) else value
