"""The facts in a body that a person wrote as a template and Databricks filled in.

It is JSON (an object, a list of them, or an object with a list of them), or text with ``runId=1 workspaceId=2`` in it.
Of text each line is a row, and what a line without a run says (``workspace: test``) holds for all rows. What could mean
another run than the one that is read, or one more, makes its row one that is refused: nobody is to be left out in
silence, and no number is to be taken out of a longer one, or out of a sentence.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import parse_json
from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.limits import ALERT_LIMIT
from cancel_run.triggers.alerts.lookup import fact, names_a_run, pairs

if TYPE_CHECKING:
    from cancel_run.triggers.alerts.lookup import Facts

_LINE_ENDS = re.compile(r"[\r\n]+|<br\s*/?>|</?(?:p|li|tr|div)>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")
_NAME = r"(?:run|workspace) (?:id|name|url|host)(?:_[sdg])?|[^\W\d][\w.-]*"
_KEY = re.compile(rf"""(?<![\w.-])["']?(?P<name>{_NAME})["'*`]*\s*[:=](?!//)""", re.IGNORECASE)
_VALUE = re.compile(r"""\s*["']?(?P<value>[^\s,;&|"'<>()\[\]{}]*)(?P<rest>.*)""", re.DOTALL)
_NUMBER = re.compile(r"(?<!\w)(?<!\w[.:/-])[0-9]+(?!\w|[:/-]\w)")  # it stands alone, and is no part of a date or a name


@dataclass(frozen=True)
class _Pair:
    """``name=value`` in a line, what stands ``before`` the name, and the ``rest`` from the value to the next name."""

    name: str
    value: str
    before: str
    rest: str

    @property
    def fact(self) -> tuple[str, Any]:
        """The value; a list, which is refused as one, where more numbers follow; with the word that qualifies it."""
        if _NUMBER.search(self.rest):
            return self.name, [self.value]
        word = _word_before(self.before)
        return self.name, f"{word} {self.name}: {self.value}" if word else self.value.rstrip(".")


def facts_of(body: Any) -> tuple[list[Facts], Facts]:
    """The facts of each row, and those that hold for all rows.

    Raises:
        RequestError: it is JSON that has a key twice, or names a run where none is read.
    """
    if isinstance(body, str):
        try:
            body = parse_json(body.strip().encode("utf-8", "replace"), ALERT_LIMIT)
        except RequestError:
            if _is_json(body):
                raise
            return _in_text(body)
    rows, shared = _in_json(body)
    if _naming_a_run(body) > sum(names_a_run(row) for row in rows):
        raise RequestError(["the body names a run within a row, or beside the rows; each run is a row of its own"])
    return rows, shared


def _in_json(body: Any) -> tuple[list[Facts], Facts]:
    if isinstance(body, dict):
        if names_a_run(pairs(body)):
            return [pairs(body)], []
        return [pairs(row) for value in body.values() if isinstance(value, list) for row in value], pairs(body)
    return [pairs(row) for row in body] if isinstance(body, list) else [], []


def _is_json(body: str) -> bool:
    """True for JSON that was refused for what is in it: then it is no text."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _naming_a_run(body: Any) -> int:
    """How many objects name a run, at whatever depth: it may be deeper than Python calls."""
    waiting, found = [body], 0
    while waiting:
        one = waiting.pop()
        found += names_a_run(pairs(one))
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    return found


def _in_text(body: str) -> tuple[list[Facts], Facts]:
    lines = (html.unescape(_TAG.sub(" ", line)) for line in _LINE_ENDS.split(body))
    found = [row for line in lines for row in _in_line(line)]
    return [row for row in found if names_a_run(row)], [pair for row in found if not names_a_run(row) for pair in row]


def _in_line(line: str) -> list[Facts]:
    """One row, but for a line of nothing but pairs, whose names repeat in the same order: ``runId=1, runId=2``.

    In any other line a second run id contradicts the first: the name of a job may stand in it, which others choose. So
    it does within one pair of braces. A line of numbers alone may be the end of the line before.
    """
    every = _pairs_in(line)
    found = [pair for pair in every if fact(pair.name)]
    if not found:
        alone = _NUMBER.search(line) and not any(character.isalpha() for character in line)
        return [[("runId", [line])]] if alone else []
    names = [fact(pair.name) for pair in found]
    size = len(set(names))
    times = len(names) // size
    others = "".join([found[0].before, *(pair.rest for pair in found)])
    only_pairs = found == every and re.search(r"\w", others) is None
    if only_pairs and names == names[:size] * times and line.count("{") in {0, times}:
        return [[pair.fact for pair in found[start : start + size]] for start in range(0, len(found), size)]
    return [[pair.fact for pair in found]]


def _pairs_in(line: str) -> list[_Pair]:
    """Every ``name=value`` of the line, of whatever name."""
    keys = list(_KEY.finditer(line))
    if not keys:
        return []
    ends = [*(key.start() for key in keys[1:]), len(line)]
    found: list[_Pair] = []
    said, rest = "", line[: keys[0].start()]
    for key, end in zip(keys, ends, strict=True):
        # a name of two words is one of a sentence, and so may be what seems a value: "too long: parent run id: 1"
        before = said if said and " " in key["name"] and not fact(found[-1].name) else rest
        said = line[key.end() : end]
        value = _VALUE.match(said)
        rest = value["rest"] if value else ""
        found.append(_Pair(key["name"], value["value"] if value else "", before, rest))
    return found


def _word_before(text: str) -> str:
    """The word that qualifies what follows it, as ``parent`` does in ``parent run id: 1``; empty where none does."""
    words = text.split() if text[-1:].isspace() else []
    last = words[-1].strip("\"'*`") if words else ""
    return last if last[:1].isalpha() and last[-1:].isalnum() else ""
