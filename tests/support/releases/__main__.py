"""Compare this release with an earlier one: ``compat BASE``, or record its golden histories: ``record VERSION``.

Compared are this release and the commit BASE, as they go on with each other's instances. Without a BASE it is the last
tag or, where there is none, the parent of HEAD.
"""

from __future__ import annotations

import contextlib
import logging
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import ROOT
from tests.support.releases.histories import record
from tests.support.releases.play import compare
from tests.support.releases.release import Release

PROMISED_SINCE = (0, 2, 0)  # nothing earlier was deployed
WORKER = "tests/support/releases/worker.py"


def main(arguments: list[str]) -> int:
    """The exit code: 0 where nothing ends otherwise, 1 where something does, 2 where it could not be asked."""
    match arguments:
        case ["record", version]:
            logging.disable()
            return _record(version)
        case ["compat"] | ["compat", ""]:
            base = _earlier()
            if base is None:
                print("compat: skipped: there is no earlier commit here (a shallow clone has none)")
                return 0
            return _compat(base)
        case ["compat", base]:
            return _compat(base)
    print(__doc__)
    return 2


def _record(version: str) -> int:
    try:
        files = record(version)
    except FileExistsError:
        print(f"There are histories of {version}. They are never edited: record a new version.")
        return 2
    print(f"{len(files)} histories recorded in {files[0].parent.relative_to(ROOT)}/")
    return 0


def _compat(base: str) -> int:
    commit = _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    if commit is None:
        print(f"compat: {base} is no commit of this repository")
        return 2
    name = f"{base} ({commit[:9]})"
    declared = re.search(r'__version__ = "(\d+)\.(\d+)\.(\d+)"', _git("show", f"{commit}:cancel_run/__init__.py") or "")
    if declared is None or tuple(map(int, declared.groups())) < PROMISED_SINCE:
        version = ".".join(declared.groups()) if declared else "none"
        print(f"compat: skipped: {name} is version {version}; instances are carried on from 0.2.0")
        return 0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        if not (Path(folder) / WORKER).exists():
            print(f"compat: {name} has no {WORKER}")
            return 2
        old, new = (Release(*of) for of in ((name, Path(folder)), ("this", ROOT)))
        for release in (old, new):
            opened.callback(release.close)
        found = 0
        for what, begins, goes_on in (("upgrade", old, new), ("roll-back", new, old)):
            compared = compare(begins, goes_on)
            print(f"compat: {what}: begun by {begins.name}, gone on with by {goes_on.name}: {compared}")
            print(*(f"  {one}" for one in compared.otherwise[:20]), sep="\n", end="\n" if compared.otherwise else "")
            found += len(compared.otherwise)
    return 1 if found else 0


def _earlier() -> str | None:
    return _git("describe", "--tags", "--abbrev=0", "HEAD^") or _git("rev-parse", "--verify", "--quiet", "HEAD^")


def _git(*command: str) -> str | None:
    """What git says, or None where it refuses."""
    try:
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
