"""Draws docs/how-it-works.svg from docs/how-it-works.txt: ``python -m docs.picture``.

The text is a sequence of lines. The first names who takes part, with ``|`` between. Then ``A -> B: words`` is a call,
``A --> B: words`` an answer, ``A: words`` something that A does alone; ``[ words`` and ``]`` frame what is repeated.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

SOURCE = Path(__file__).with_name("how-it-works.txt")
PICTURE = SOURCE.with_suffix(".svg")

COLUMN, MARGIN, ROW = 240, 130, 44  # pixels: between two who take part, beside them, from line to line
BOX_WIDTH, BOX_HEIGHT = 220, 34
FRAME_MARGIN = 24
INK, LINE, FILL = "#1f2937", "#9ca3af", "#e0f2fe"

HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" \
font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="14" fill="{ink}" role="img">
<title>{title}</title>
<defs><marker id="head" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="8" markerHeight="8" orient="auto">\
<path d="M0 0L10 5L0 10z" fill="{ink}"/></marker></defs>
<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>"""


def svg(text: str) -> str:
    """The picture of that text.

    Raises:
        ValueError: a line says nothing that can be drawn, or names somebody who takes no part.
    """
    who, *steps = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = [name.strip() for name in who.split("|")]
    width, height = 2 * MARGIN + (len(names) - 1) * COLUMN, (len(steps) + 2) * ROW
    places = {name: MARGIN + number * COLUMN for number, name in enumerate(names)}
    drawn = [HEAD.format(width=width, height=height, ink=INK, title=f"{names[1]}: how one cancellation goes")]
    for name, x in places.items():
        drawn.append(f'<path d="M{x} {ROW}V{height - 12}" stroke="{LINE}" stroke-dasharray="3 4"/>')
        drawn.append(_box(x, 30, BOX_WIDTH, name, bold=True))
    began: list[tuple[int, str]] = []
    for number, step in enumerate(steps):
        y = (number + 2) * ROW
        if step.startswith("["):
            began.append((y, step[1:].strip()))
        elif step == "]":
            drawn.append(_frame(width, y, *began.pop()))
        else:
            drawn.append(_step(places, y, step))
    return "\n".join([*drawn, "</svg>\n"])


def _step(places: dict[str, int], y: int, step: str) -> str:
    found = re.fullmatch(r"(.+?)(?: (-{1,2}>) (.+?))?: (.+)", step)
    if not found or found[1] not in places or (found[3] or found[1]) not in places:
        raise ValueError(step)
    start, end, words = places[found[1]], places.get(found[3] or ""), found[4]
    if end is None:
        return _box(start, y - 6, BOX_WIDTH, words)
    dashed = ' stroke-dasharray="6 4"' if found[2] == "-->" else ""
    arrow = f'<path d="M{start} {y}H{end}" stroke="{INK}"{dashed} marker-end="url(#head)"/>'
    return f"{_text((start + end) // 2, y - 8, words)}\n{arrow}"


def _box(x: int, y: int, width: int, words: str, *, bold: bool = False) -> str:
    left, top = x - width // 2, y - BOX_HEIGHT // 2
    rect = f'<rect x="{left}" y="{top}" width="{width}" height="{BOX_HEIGHT}" rx="5" fill="{FILL}" stroke="{LINE}"/>'
    return f"{rect}\n{_text(x, y + 5, words, bold=bold, halo=False)}"


def _frame(width: int, bottom: int, top: int, words: str) -> str:
    left, top = MARGIN + FRAME_MARGIN, top - ROW // 2
    size = f'width="{width - left - 12}" height="{bottom - ROW // 2 - top}"'
    rect = f'<rect x="{left}" y="{top}" {size} rx="5" fill="none" stroke="{LINE}"/>'
    return f"{rect}\n{_text(left + 10, top + 20, words, anchor='start')}"


def _text(x: int, y: int, words: str, *, bold: bool = False, halo: bool = True, anchor: str = "middle") -> str:
    style = ' font-weight="600"' if bold else ""
    style += ' paint-order="stroke" stroke="#ffffff" stroke-width="6"' if halo else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{escape(words, quote=False)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(svg(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
