"""Small plausible next releases: a copy of the app's sources with an edit or two, in a folder of its own."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NEVER_HEARD_OF = "FROZEN_BY_A_NEW_RELEASE"  # the state of the life that tests/support/releases/lives.py has for it
_SOURCES = ("cancel_run", "local_host", "tests/support")
_FILES = ("function_app.py", "host.json", "tests/__init__.py")
_CANCELLATION = "cancel_run/cancellation"

# (file, pattern, what it becomes); each has to be found
Edit = tuple[str, str, str]

_LAST_FIELD = r"(    unknown: dict\[str, Any\] = field)"


def _one_more(file: str, declared: str) -> Edit:
    return f"{_CANCELLATION}/{file}", _LAST_FIELD, rf"    {declared}\n\1"


FIELDS: list[Edit] = [
    *(_one_more(f"{name}.py", "one_more: int = 7") for name in ("order", "schedule", "progress", "run")),
    (f"{_CANCELLATION}/progress.py", r"( +)(self\.run = run\n)", r"\1\2\1self.one_more += 1\n"),
    ("tests/support/scripts.py", r"\{\"accepted\": True\}", '{"accepted": True, "oneMore": 1}'),
    (f"{_CANCELLATION}/progress.py", r"\"repairId\": self\.repair_id\}", '"repairId": self.repair_id, "oneMore": 1}'),
]
MOMENT: list[Edit] = [
    _one_more("progress.py", "one_more_at: datetime | None = None"),
    (f"{_CANCELLATION}/progress.py", r"( +)(self\.run = run\n)", r"\1\2\1self.one_more_at = now\n"),
]
STATE, FINAL_STATE = (
    [(f"{_CANCELLATION}/states.py", r"(    LifeCycleState\.BLOCKED: )", rf'    "{NEVER_HEARD_OF}": Means.{means},\n\1')]
    for means in ("UNTOUCHED", "ENDED")
)
SETTING: list[Edit] = [
    _one_more("schedule.py", "pause_seconds: float = 2.0"),
    ("cancel_run/settings.py", r"( +)(first_seconds=read)", r'\1pause_seconds=read.number("PAUSE", 2.0, 0, 9),\n\1\2'),
    (f"{_CANCELLATION}/schedule.py", r"return wait \*", "return schedule.pause_seconds + wait *"),
]
CONSTANTS: list[Edit] = [
    (f"{_CANCELLATION}/schedule.py", rf"({name}: \w+ = )[0-9._]+", rf"\g<1>{value}")
    for name, value in (
        ("first_seconds", "3.0"),
        ("cancel_again_after_seconds", "1.0"),
        ("jitter", "0.5"),
        ("last_read_grace_seconds", "1.0"),
        ("calls_per_generation", "3"),
        ("unforeseen_tries", "5"),
    )
]
_STEP = (
    "cancel_run/orchestrator.py",
    r"(    while progress\.outcome is None)",
    r"    if {condition}progress.outcome is None:\n        yield from _call(context, READ_RUN, progress)\n\n\1",
)
UNPINNED: list[Edit] = [("cancel_run/orchestrator.py", r"progress\.schedule\.calls_per_generation", "3")]
BRANCH: list[Edit] = [(*_STEP[:2], _STEP[2].format(condition="progress.order.version >= 2 and "))]
RULES: list[Edit] = [(f"{_CANCELLATION}/order.py", r"VERSION = 1\b", "VERSION = 2")]
HOST_VERSION: list[Edit] = [("host.json", r'"defaultVersion": "1\.0"', '"defaultVersion": "2.0"')]
STEP_WITHOUT_BRANCH: list[Edit] = [(*_STEP[:2], _STEP[2].format(condition=""))]
STRICT: list[Edit] = [
    (f"{_CANCELLATION}/stored.py", r"(    fields = _fields\(kind\)\n)", r"\1    assert set(stored) <= set(fields)\n")
]


def make(folder: Path, edits: list[Edit]) -> Path:
    """The sources with the edits are in the folder."""
    for name in _SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    for name, pattern, becomes in edits:
        file = folder / name
        text, times = re.subn(pattern, becomes, file.read_text(encoding="utf-8"), count=1)
        assert times == 1, f"{name} has no {pattern}"
        file.write_text(text, encoding="utf-8")
    return folder
