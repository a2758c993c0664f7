"""What to do next, by outcome and by code of an error: the words of docs/operations.md, in Markdown.

``python -m docs.runbook`` writes them into the file beside this one, and a test says when it has to.
"""

from __future__ import annotations

import json
from pathlib import Path

_TOLD = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

SHUTTING_DOWN: str = _TOLD["stillActive"]["TERMINATING"]
GOES_ON: str = _TOLD["stillActive"]["else"]
OUTCOMES: dict[str, str] = _TOLD["outcomes"]
CODES: dict[str, str] = _TOLD["codes"]
