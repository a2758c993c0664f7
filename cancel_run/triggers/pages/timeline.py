"""The states of a run as a picture to scale, with the cancels and the polls on it, and the same as a table.

Positions are in percent and sizes in pixels, so that the letters are as large on a phone as on a desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.states import Means, meaning
from cancel_run.cancellation.stored import moment
from cancel_run.triggers.pages.markup import el
from cancel_run.triggers.pages.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

LEFT, RIGHT = 1.0, 99.0  # percent: where the time begins and ends
LETTER = 2.7  # percent of a phone's width that a letter takes
BAR, BAR_HEIGHT = 34, 30
POLLS, CANCELS, AXIS = 70, 14, 96
A_DAY = 86_400  # seconds
_KINDS = {Means.ENDED: "ended", Means.UNTOUCHED: "untouched"}


@dataclass(frozen=True)
class Timeline:
    """What is known of when: each state with its beginning, the calls, and the last instant that is told about."""

    states: tuple[tuple[str, datetime], ...]
    cancels: tuple[datetime, ...]
    polls: tuple[datetime, ...]
    begin: datetime
    end: datetime

    @classmethod
    def of(cls, told: Mapping[str, Any], now: datetime) -> Timeline | None:
        """Of a result, or of the progress of what is under way; None where no time is known."""
        entries = told.get("timeline")
        pairs = [
            (str(one.get("lifeCycleState") or "?"), at)
            for one in (entries if isinstance(entries, list) else [])
            if isinstance(one, dict) and (at := moment(one.get("at"))) is not None
        ]
        sent = told.get("sentAt") if isinstance(told.get("sentAt"), dict) else {}
        cancels = _moments(sent, "cancelRun") or _moments({"": [told.get("cancelRequestedAt")]}, "")
        polls = _moments(sent, "pollRun")
        known = [at for _, at in pairs] + list(cancels) + list(polls)
        active = told.get("outcome") is None
        began = moment(told.get("startedAt"))
        if not known:
            return None
        begin = min([*known, *([began] if began else [])])
        end = max([*known, *([now] if active else [])])
        return cls(tuple(sorted(pairs, key=lambda one: one[1])), cancels, polls, begin, end)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.begin).total_seconds()

    def spans(self) -> Iterator[tuple[str, datetime, datetime]]:
        """Each state with its beginning and its end."""
        ends = [at for _, at in self.states[1:]] + [self.end]
        for (state, at), until in zip(self.states, ends, strict=True):
            yield state, at, until

    def x(self, at: datetime) -> float:
        """Where an instant is, in percent of the width."""
        share = (at - self.begin).total_seconds() / self.seconds if self.seconds else 0.0
        return LEFT + (RIGHT - LEFT) * share


def picture(timeline: Timeline) -> Element:
    """The drawing, with a title and a description for those who hear it."""
    names = " then ".join(state for state, _ in timeline.states) or "no state yet"
    described = (
        f"Over {duration(timeline.seconds)} the run was {names}. {_count(len(timeline.cancels), 'cancel')} and "
        f"{_count(len(timeline.polls), 'poll')} are marked. The table below says the same."
    )
    return el(
        "svg",
        el("title", "The states of the run over time", id="drawn"),
        el("desc", described, id="described"),
        _axis(timeline),
        _bars(timeline),
        (_mark(timeline, at, "poll", POLLS, POLLS + 12) for at in timeline.polls),
        (_cancel(timeline, at) for at in timeline.cancels),
        role="img",
        aria_labelledby="drawn described",
    )


def legend(timeline: Timeline) -> Element:
    """What the marks mean, in words."""
    items = [
        el(
            "li",
            el("span", "●", class_="bad", aria_hidden="true"),
            f" above: {_count(len(timeline.cancels), 'cancel')}",
        ),
        el("li", el("span", "|", class_="calm", aria_hidden="true"), f" below: {_count(len(timeline.polls), 'poll')}"),
    ]
    return el("ul", items, class_="key quiet")


def table(timeline: Timeline) -> Element:
    """The same in words and numbers."""
    rows = [
        el(
            "tr",
            el("td", f"{number}"),
            el("th", state, scope="row"),
            el("td", at.astimezone(UTC).strftime("%H:%M:%S" if timeline.seconds < A_DAY else "%Y-%m-%d %H:%M:%S")),
            el("td", "the end" if meaning(state) is Means.ENDED else duration((until - at).total_seconds())),
        )
        for number, (state, at, until) in enumerate(timeline.spans(), start=1)
    ]
    head = el("tr", (el("th", name, scope="col") for name in ("No.", "State", "First seen", "For")))
    return el(
        "table",
        el("caption", "States of the run, in Databricks' words; times in UTC"),
        el("thead", head),
        el("tbody", rows),
    )


def _bars(timeline: Timeline) -> Iterator[Element]:
    for number, (state, at, until) in enumerate(timeline.spans(), start=1):
        left, right = timeline.x(at), timeline.x(until)
        kind = _KINDS.get(meaning(state), "stopping" if state == "TERMINATING" else "unknown")
        if kind == "ended" and right - left < 1:
            yield el("line", class_="end", x1=f"{left:.2f}%", x2=f"{left:.2f}%", y1=BAR - 4, y2=BAR + BAR_HEIGHT + 4)
            continue
        yield el(
            "rect", class_=f"state {kind}", x=f"{left:.2f}%", y=BAR, width=f"{right - left:.2f}%", height=BAR_HEIGHT
        )
        width = right - left
        shown = state if width > LETTER * len(state) else str(number) if width > LETTER * 2 else None
        if shown is not None:
            yield el("text", shown, class_="on", x=f"{left + width / 2:.2f}%", y=BAR + 20, text_anchor="middle")


def _axis(timeline: Timeline) -> Iterator[Element]:
    yield el("line", class_="axis", x1=f"{LEFT}%", x2=f"{RIGHT}%", y1=AXIS - 10, y2=AXIS - 10)
    places = ((LEFT, 0.0, "start"), ((LEFT + RIGHT) / 2, 0.5, "middle"), (RIGHT, 1.0, "end"))
    for x, share, anchor in places if timeline.seconds else places[:1]:
        yield el("text", duration(timeline.seconds * share), x=f"{x}%", y=AXIS + 6, text_anchor=anchor)


def _mark(timeline: Timeline, at: datetime, kind: str, top: int, bottom: int) -> Element:
    x = f"{timeline.x(at):.2f}%"
    return el("line", class_=kind, x1=x, x2=x, y1=top, y2=bottom)


def _cancel(timeline: Timeline, at: datetime) -> Element:
    x = f"{timeline.x(at):.2f}%"
    dot = el("circle", class_="cancel", cx=x, cy=CANCELS, r=5)
    return el("g", dot, el("line", class_="cancel", x1=x, x2=x, y1=CANCELS, y2=BAR))


def _moments(told: Any, key: str) -> tuple[datetime, ...]:
    values = told.get(key)
    found = (moment(value) for value in values) if isinstance(values, list) else ()
    return tuple(sorted(at for at in found if at is not None))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
