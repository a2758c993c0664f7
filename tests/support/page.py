"""The pages of the repository, as tests read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.support import ROOT

PAGES = [str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in sorted(folder.glob("*.md"))]


def names(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchor(title: str) -> str:
    """The fragment by which a heading is linked to."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Page:
    """A Markdown page, by its path from the root of the repository."""

    path: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @property
    def anchors(self) -> set[str]:
        return {anchor(title) for title in re.findall(r"^#+ (.*)$", self.text, re.MULTILINE)}

    @property
    def links(self) -> list[str]:
        return re.findall(r"\]\(([^)\s]+)\)", self.text)

    def blocks(self, language: str = "json") -> list[str]:
        """The fenced blocks in that language, in their order."""
        found = re.findall(r"^```(\w*)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return [block for named, block in found if named == language]

    def section(self, title: str) -> str:
        """What stands under the heading, down to the next one of its level or above."""
        found = re.search(
            rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |^#{{1,3}} (?!#)|\Z)", self.text, re.MULTILINE | re.DOTALL
        )
        assert found, title
        return found[2]

    def rows(self, title: str) -> list[list[str]]:
        """The cells of the tables under the heading; the heads of the tables are left out."""
        lines = [line for line in self.section(title).splitlines() if line.startswith("| ")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        rules = {index for index, line in enumerate(cells) if set("".join(line)) <= {"-"}}
        return [line for index, line in enumerate(cells) if index not in rules and index + 1 not in rules]

    def first_column(self, title: str) -> list[str]:
        """What stands in backticks in the first cells of those rows."""
        return [name for row in self.rows(title) for name in names(row[0])]
