"""``python -m bench``: everything is measured, and docs/benchmarks.md and its pictures are written."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from bench import goals, page, plots
from bench.measure import SMALL, Size, measure

DOCS = Path(__file__).parent.parent / "docs"


def main(arguments: list[str]) -> int:
    """0, whether the goals are met or missed: the page tells."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny numbers, to see that it works")
    parser.add_argument("--into", type=Path, default=DOCS, help="the folder that is written to (default: docs)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stdout)
    logging.getLogger("bench").setLevel(logging.INFO)
    measured = measure(SMALL if options.small else Size())
    plots.draw(measured, options.into / "benchmarks")
    (options.into / "benchmarks.md").write_text(page.written(measured), encoding="utf-8")
    for goal in goals.goals(measured):
        print(" | ".join(goal.row()))
    print(f"{options.into / 'benchmarks.md'} in {measured.seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
