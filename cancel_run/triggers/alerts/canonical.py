"""The app's own request, as ``POST /api/cancel-active-run`` takes it, with the facts found whatever their spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.run_page import RUN_PAGE
from cancel_run.errors import RequestError
from cancel_run.page_lookup import aliases_of
from cancel_run.triggers.alerts.alert import Alert, Refusal
from cancel_run.triggers.alerts.lookup import Row, fact, given, placed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cancel_run.settings import Settings


def recognizes(_: Mapping[str, Any]) -> bool:
    """True: what is wrong with a message that no other format knows is told as of a request."""
    return True


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """The request, in the workspace that it names or numbers, or else the default one."""
    rest = {key: value for key, value in data.items() if fact(key) is None}
    facts = [(key, value) for key, value in given(data) if key != RUN_PAGE]
    with_page = data.get(RUN_PAGE) is not None
    problems: tuple[str, ...] = ()
    try:  # all else that is in it; the run is looked up below, where no page names it
        request = CancelRequest.from_json(
            {**rest, **({"workspace": data.get("workspace")} if with_page else {"runId": 1})},
            lambda page: aliases_of(page, settings.workspaces),
        )
    except RequestError as error:
        request, problems = CancelRequest(0), error.problems
    if with_page and problems:
        return Alert(refusals=(Refusal("", " | ".join(problems)),))
    if with_page:
        facts += [("runId", request.run_id), ("workspace", request.workspace)]
    alert = placed(request, Row([facts]), "the request", settings)
    if not problems:
        return alert
    reasons = [*problems, *(refusal.reason for refusal in alert.refusals)]
    named = alert.requests[0].target[-1] if alert.requests else alert.refusals[0].run_id
    return Alert(refusals=(Refusal("", " | ".join(reasons), named),))
