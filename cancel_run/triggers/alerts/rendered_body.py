"""The facts in a body that a person wrote as a template and Databricks filled in.

It is JSON (an object, a list of them, or an object with a list of them), or text with ``runId=1 workspaceId=2`` in it.
Of text each line is a row, and what a line without a run says (``workspace: test``) holds for all rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import parse_json
from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.envelopes import ALERT_LIMIT
from cancel_run.triggers.alerts.lookup import fact, names_a_run, pairs

if TYPE_CHECKING:
    from cancel_run.triggers.alerts.lookup import Facts

_LINE_ENDS = re.compile(r"[\r\n]+|<br\s*/?>|</?(?:p|li|tr|div)>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")
_PAIR = re.compile(
    r"""(?<![\w-])["']?(?P<name>(?:run|workspace)[ _-]?(?:id|name)?(?:_[sdg])?)["']?\s*[:=]\s*"""
    r"""["']?(?P<value>[^\s,;|"'<>()\[\]{}]*)["']?(?P<more>\s*,\s*["']?[0-9]+\b(?!\s*[:=]))?""",
    re.IGNORECASE,
)


def facts_of(body: Any) -> tuple[list[Facts], Facts]:
    """The facts of each row, and those that hold for all rows."""
    if isinstance(body, str):
        try:
            body = parse_json(body.strip().encode("utf-8", "replace"), ALERT_LIMIT)
        except RequestError:
            return _in_text(body)
    if isinstance(body, dict):
        if names_a_run(pairs(body)):
            return [pairs(body)], []
        return [pairs(row) for value in body.values() if isinstance(value, list) for row in value], pairs(body)
    return [pairs(row) for row in body] if isinstance(body, list) else [], []


def _in_text(body: str) -> tuple[list[Facts], Facts]:
    found = [row for line in _LINE_ENDS.split(body) for row in _in_line(_TAG.sub(" ", line))]
    return [row for row in found if names_a_run(row)], [pair for row in found if not names_a_run(row) for pair in row]


def _in_line(line: str) -> list[Facts]:
    """One row, but for a line of nothing but pairs, whose names repeat in the same order: ``runId=1, runId=2``.

    In any other line a second run id contradicts the first: the name of a job may stand in it, which others choose.
    """
    found = [(match["name"], _value(match)) for match in _PAIR.finditer(line) if fact(match["name"])]
    names = [fact(name) for name, _ in found]
    size = len(set(names))
    if not size:
        return []
    if re.search(r"\w", _PAIR.sub("", line)) is None and names == names[:size] * (len(names) // size):
        return [found[start : start + size] for start in range(0, len(found), size)]
    return [found]


def _value(match: re.Match[str]) -> Any:
    """The value; a list, which is refused as one, where more numbers follow: nobody is to be left out in silence."""
    return [match["value"]] if match["more"] else match["value"].rstrip(".")
