"""Bicep as parsers of before 2024 take it: ``python -m tests.support.plain_bicep FOLDER`` writes infra/ there so.

Two parsers read the templates, pycep in the tests and an older one within checkov. Neither knows all of the language;
what they do not know is put in older words that mean the same to who asks for names, values and resources. Imports and
the file of types are left out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support import ROOT

INFRA = ROOT / "infra"
TYPES = "types.bicep"


def plain(text: str) -> str:
    """The file's text without imports and with each condition on one line."""
    text = re.sub(r"^import \{[^}]*\} from '[^']+'\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\n +([?:]) ", r" \1 ", text)


def older(text: str) -> str:
    """The same for checkov's parser: each call on one line, and no functions that came later."""
    text = re.sub(r"(?<=\()\n +|(?<=,)\n +|\n +(?=\))", " ", plain(text))
    return re.sub(r"\bmap\(", "filter(", re.sub(r"\b(?:fail|objectKeys)\(", "string(", text))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path in INFRA.glob("*.bicep"):
        if path.name != TYPES:
            (folder / path.name).write_text(older(path.read_text(encoding="utf-8")), encoding="utf-8")
