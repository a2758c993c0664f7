"""Whether a caller wants a page: content negotiation over the two that there are (RFC 9110, 12.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HTML = ("text/html", "text/*", "*/*")
_JSON = ("application/json", "application/*", "*/*")


def wants_html(headers: Mapping[str, str]) -> bool:
    """True when the caller prefers HTML to JSON; whoever does not say so, or likes both as much, gets JSON."""
    accept = next((value for key, value in headers.items() if key.lower() == "accept"), "")
    weights: dict[str, float] = {}
    for part in accept.split(","):
        media_type, *parameters = (one.strip().lower() for one in part.split(";"))
        weights[media_type] = max(weights.get(media_type, 0.0), _weight(parameters))
    return _quality(weights, _HTML) > _quality(weights, _JSON)


def _weight(parameters: list[str]) -> float:
    """The ``q`` among the parameters; 1 where there is none, 0 for one that is no number from 0 to 1."""
    for name, _, value in (one.partition("=") for one in parameters):
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0


def _quality(weights: Mapping[str, float], ranges: tuple[str, ...]) -> float:
    """The weight of the most specific range that is named."""
    return next((weights[one] for one in ranges if one in weights), 0.0)
