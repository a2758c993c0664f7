"""What was read out of one message: the cancellations that it asks for, and what in it could not be taken."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cancel_run.job.request import JobRequest
from cancel_run.text import is_harmful

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cancel_run.cancellation.request import CancelRequest

_PLACES_TOLD = 10  # of those that are refused for one reason
_EVENT_LIMIT = 300  # characters: an alert's resource id and a time fit


@dataclass(frozen=True)
class EventRequest:
    """A request with its workspace resolved, and the identity of the event that asks for it, where that has one.

    The same event may be delivered twice, and in messages of different ids: ``event`` is how it is known again.
    """

    request: CancelRequest | JobRequest
    event: str | None = None

    @property
    def target(self) -> tuple[str | None, str, int]:
        """What it is about: the workspace, and the run or the job in it."""
        request = self.request
        if isinstance(request, JobRequest):
            return request.workspace, f"job {request.only or ''}", request.job_id
        return request.workspace, "run", request.run_id

    def with_at_most(self, runs: int) -> EventRequest:
        """The same, with at most so many runs of the job, where it is one."""
        request = self.request
        if not isinstance(request, JobRequest):
            return self
        return replace(self, request=replace(request, max_runs=min(request.max_runs, runs)))


@dataclass(frozen=True)
class Refusal:
    """A row or an event that cannot be taken: which one (``row 2``; empty for the only one), and why.

    ``run_id`` is the run that it names all the same, where it names one.
    """

    where: str
    reason: str
    run_id: int | None = None


@dataclass(frozen=True)
class Alert:
    """What a message asks for; ``nothing`` says why it, or a part of it, rightly asks for nothing."""

    requests: tuple[EventRequest, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    nothing: str = ""

    def of_event(self, event: str | None) -> Alert:
        """The same, with ``event`` for the requests whose own format gives them none."""
        requests = (replace(asked, event=asked.event or event or None) for asked in self.requests)
        return replace(self, requests=tuple(requests))

    def within(self, place: str) -> Alert:
        """The same, with the refusals told as those of a part of the message."""
        refusals = (replace(one, where=f"{place}, {one.where}" if one.where else place) for one in self.refusals)
        return replace(self, refusals=tuple(refusals))

    def with_at_most(self, more: int) -> Alert:
        """The same, with at most one run for each job and so many ``more`` for all of them, which they share alike."""
        jobs = {asked.target for asked in self.requests if isinstance(asked.request, JobRequest)}
        share = 1 + more // max(1, len(jobs))
        return replace(self, requests=tuple(asked.with_at_most(share) for asked in self.requests))

    def refused(self) -> str:
        """The refusals in words, those of one reason together: ``row 2, row 5: ...; row 3: ...``."""
        count = Counter(refusal.reason for refusal in self.refusals)
        first: dict[str, list[str]] = {reason: [] for reason in count}
        for refusal in self.refusals:
            if refusal.where and len(first[refusal.reason]) < _PLACES_TOLD:
                first[refusal.reason].append(refusal.where)
        told = []
        for reason, places in first.items():
            more = f" and {count[reason] - len(places)} more" if 0 < len(places) < count[reason] else ""
            told.append(f"{', '.join(places)}{more}: {reason}" if places else reason)
        return "; ".join(told)


def together(alerts: Iterable[Alert]) -> Alert:
    """All of them as one; a run that several ask for is asked for once, as by the first of them.

    One that a rehearsal asks for, too, is asked for twice: the rehearsal may not stand in for the cancellation.
    """
    listed = list(alerts)
    requests: dict[tuple[str | None, str, int, bool], EventRequest] = {}
    for asked in (asked for alert in listed for asked in alert.requests):
        requests.setdefault((*asked.target, asked.request.dry_run), asked)
    refusals = tuple(refusal for alert in listed for refusal in alert.refusals)
    nothing = dict.fromkeys(alert.nothing for alert in listed if alert.nothing)
    return Alert(tuple(requests.values()), refusals, "; ".join(nothing))


def identity(kind: str, *parts: Any) -> str | None:
    """The stable text that an event is known by again, or None where one of its parts is missing."""
    texts = [str(part) for part in parts if type(part) in {str, int} and part != ""]
    if len(texts) < len(parts):
        return None
    text = " ".join([kind, *texts])
    if len(text) <= _EVENT_LIMIT and not is_harmful(text):
        return text
    return f"{kind} sha256:{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()}"
