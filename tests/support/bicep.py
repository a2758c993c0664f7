"""Bicep as data, for the tests of infra/: there is no Bicep compiler in any package registry.

The parser tells a string and a name apart no longer: ``'group'`` and ``group`` both come out as ``group``.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from pycep import BicepParser

from tests.support.plain_bicep import INFRA, TYPES, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = sorted(path.name for path in INFRA.glob("*.bicep") if path.name != TYPES)


@functools.cache
def parsed(file: str) -> dict[str, Any]:
    """The file as the parser has it."""
    return dict(BicepParser().parse(text=plain(source(file))))


def parameters(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = parsed(file).get("parameters", {})
    return found


def outputs(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = parsed(file).get("outputs", {})
    return found


def variable(file: str, name: str) -> Any:
    return parsed(file)["variables"][name]["value"]


def resources(file: str) -> dict[str, dict[str, Any]]:
    """Every resource that the file deploys, by its symbol: what stands between its braces, and its type."""
    found = parsed(file).get("resources", {})
    return {symbol: {**body(one), "type": one["type"]} for symbol, one in found.items() if not one["existing"]}


def condition(file: str, symbol: str) -> Any:
    """What follows ``if``, or None."""
    return parsed(file)["resources"][symbol]["config"].get("condition")


def modules(file: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every module by its symbol: its file, and what it is given."""
    found = parsed(file).get("modules", {})
    return {symbol: (one["detail"]["path"], body(one)["params"]) for symbol, one in found.items()}


def body(declared: dict[str, Any]) -> dict[str, Any]:
    """What stands between the braces, within whatever condition or loop."""
    config: dict[str, Any] = declared["config"]
    while "config" in config:
        config = config["config"]
    return config


def description(declared: dict[str, Any]) -> str:
    return next((one["argument"] for one in declared["decorators"] if one["type"] == "description"), "")


def keys(value: Any) -> set[str]:
    """The keys of an object, whichever branch of a condition or argument of a function it is in."""
    if not isinstance(value, dict):
        return set()
    if "function" in value:
        return {key for argument in value["function"]["parameters"].values() for key in keys(argument)}
    if "operator" in value:
        return {key for operand in value["operator"]["operands"].values() for key in keys(operand)}
    return {key.strip("'") for key in value}


def declared_names(file: str) -> set[str]:
    """Whatever the file gives a name to: parameters, variables, resources, modules, and what loops go over."""
    tree = parsed(file)
    found = {name for kind in ("parameters", "variables", "resources", "modules") for name in tree.get(kind, {})}
    loops = re.findall(r"\[\s*for (?:\((\w+), (\w+)\)|(\w+)) in ", source(file))
    lambdas = re.findall(r"\b(\w+) => ", source(file))
    return found | {name for names in loops for name in names if name} | set(lambdas)


def used_names(file: str) -> set[str]:
    """Whatever is used by its name: neither a key, nor what follows a dot, nor a function, nor a word in a string."""
    text = plain(source(file))
    text = re.sub(r"^ *//.*$|^@\w+\(.*\)$|^metadata .*$|\[\s*for .*? in ", "", text, flags=re.MULTILINE)
    interpolated = r"\$\{((?:[^{}']|'[^']*')*)\}"  # there may be strings in it again
    inner = re.findall(interpolated, text)
    text = re.sub(interpolated, "", text)
    text = re.sub(r"^(?:param|var|resource|module|output|targetScope)\b(?: \w+)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"'(?:\\.|[^'\\])*'", " ", " \n".join([text, *inner]))
    text = re.sub(r"(?:^|\{|,) *\w+:|[.?]\w+\b|\b\w+\(", " ", text, flags=re.MULTILINE)
    return set(re.findall(r"\b[A-Za-z_]\w*", text)) - {"if", "existing", "true", "false", "null"}


def loaded(value: Any) -> str:
    """The text that ``loadTextContent`` and strings around it make; ``${outcomes}`` is the variable."""
    if isinstance(value, dict):
        given = value["function"]["parameters"]
        return source(given["file_path"]) if "file_path" in given else loaded(given["original_string"])  # replace()

    def part(found: re.Match[str]) -> str:
        return source(found["path"]) if found["path"] else loaded(variable("operators.bicep", "outcomes"))

    return re.sub(r"\$\{(?:loadTextContent\('(?P<path>[^']+)'\)|outcomes)\}", part, str(value))


def files_loaded() -> Iterator[str]:
    """The path of every file that some Bicep file loads."""
    for file in FILES:
        yield from re.findall(r"load\w+Content\('([^']+)'\)", source(file))


def types() -> dict[str, dict[str, bool]]:
    """Every type of infra/types.bicep that is an object, and whether each of its keys has to be there."""
    found = re.findall(r"^type (\w+) = \{\n(.*?)^\}", source(TYPES), flags=re.MULTILINE | re.DOTALL)
    members = {name: re.findall(r"^  (\w+|\*): (.*)$", text, flags=re.MULTILINE) for name, text in found}
    return {name: {key: not kind.endswith("?") for key, kind in told} for name, told in members.items()}


def source(file: str) -> str:
    return (INFRA / file).read_text(encoding="utf-8")


def as_json(file: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(source(file))
    return read
