"""Writes cancel_run/triggers/pages/runbook.json out of docs/operations.md: ``python -m docs.runbook``.

What to do about an outcome or a code is written once, in the tables of "A run does not stop"; the pages show the same.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("operations.md")
TARGET = Path(__file__).parent.parent / "cancel_run/triggers/pages/runbook.json"

_STILL_ACTIVE = re.compile(r"`finalLifeCycleState` TERMINATING: (.*); another state: (.*)")


def written(page: str) -> str:
    """The text of the file, for that text of the page.

    Raises:
        ValueError: the page does not say what to do after a time-out, by the run's last state.
    """
    section = page.partition("\n### A run does not stop\n")[2].partition("\n### ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    outcomes = {row[0].strip("`"): row[2] for row in rows if len(row) == 3}  # noqa: PLR2004  # the table of outcomes
    found = _STILL_ACTIVE.fullmatch(outcomes.get("timedOut` without an error", ""))
    if found is None:
        raise ValueError(f"{SOURCE.name} does not say what to do after a time-out, by the run's last state.")
    runbook: dict[str, Any] = {
        "stillActive": {"TERMINATING": found[1], "else": found[2]},
        "outcomes": {
            name: told for name, told in outcomes.items() if name.isalpha() and not told.startswith("by its code")
        },
        "codes": {code: row[1] for row in rows if len(row) == 2 for code in re.findall("`([^`]+)`", row[0])},  # noqa: PLR2004  # that of codes
    }
    return json.dumps(runbook, indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(written(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
