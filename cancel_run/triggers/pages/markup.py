"""HTML as a tree: what is text cannot become markup, because only the serializer writes markup."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from cancel_run.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT_LIMIT = 2000  # characters of one text

Node = Element | str | None


def el(tag: str, *children: Node | Iterable[Node], **attributes: str | int | None) -> Element:
    """An element; None among the children and attributes is nothing. ``class_`` is ``class``, ``_`` a hyphen.

    A text stands on one line, and nothing in it reorders what a reader sees.
    """
    told = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    element = Element(tag, {name: _clean(str(value)) for name, value in told.items()})
    for child in children:
        for node in [child] if child is None or isinstance(child, str | Element) else child:
            _append(element, node)
    return element


def document(element: Element) -> str:
    """The text of the whole page."""
    return "<!DOCTYPE html>\n" + tostring(element, encoding="unicode", method="html")


def style(sheet: str) -> Element:
    """The stylesheet, which is ours and is written as it stands."""
    element = Element("style")
    element.text = sheet
    return element


def _append(element: Element, node: Node) -> None:
    if node is None:
        return
    if isinstance(node, Element):
        element.append(node)
        return
    text = _clean(node)
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _clean(text: str) -> str:
    """``text`` on one line; a space at either end stays, for it parts words from what stands beside."""
    inner = one_line(text, TEXT_LIMIT)
    return " " * (text[:1] == " ") + inner + " " * (text[-1:] == " " and bool(inner))
