"""What azd uploads: the app, with ``requirements.lock`` under the name that Azure's build installs from.

``python infra/package.py`` makes ``.package/`` anew from the sources, which stay as they are, also when it fails.
azure.yaml runs it each time before azd packs that folder. It needs no package: it runs on whatever Python is there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / ".package"
APP = "cancel_run"
AS_THEY_ARE = ("function_app.py", "host.json")


def main() -> None:
    """The folder holds what Azure runs, at the locked versions with their hashes, and nothing else."""
    if PACKAGE.exists():
        shutil.rmtree(PACKAGE)
    shutil.copytree(ROOT / APP, PACKAGE / APP, ignore=shutil.ignore_patterns("__pycache__"))
    for name in AS_THEY_ARE:
        shutil.copyfile(ROOT / name, PACKAGE / name)
    shutil.copyfile(ROOT / "requirements.lock", PACKAGE / "requirements.txt")


if __name__ == "__main__":
    main()
