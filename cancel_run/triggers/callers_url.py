"""What the URL of a request says, read as the Functions host reads it, and the URLs that are answered for it.

The host ignores the case of letters in a route and in a query's keys, and of a key that is given twice it judges the
first; so does this module, because the worker is given the query as it came.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from cancel_run.errors import RequestError

FAIL_ON_FAILURE = "returnInternalServerErrorOnFailure"
FUNCTION_KEY = "code"


def wants_failure(url: str) -> bool:
    """True when the caller wants 500 for a run that is not stopped.

    Raises:
        RequestError: the flag is neither true nor false.
    """
    asked = query_of(url).get(FAIL_ON_FAILURE.lower(), "false").lower()
    if asked not in {"true", "false"}:
        raise RequestError([f"{FAIL_ON_FAILURE} in the query must be true or false"])
    return asked == "true"


def status_url(url: str, route: str, instance_id: str) -> str:
    """The absolute URL of an instance below ``route``, with the caller's own ``code`` when it came in the query.

    A poller may not send a header again, so a key that came in the URL stays in it; no other key is ever put there.
    """
    given = query_of(url)
    kept = {name: given[name.lower()] for name in (FUNCTION_KEY, FAIL_ON_FAILURE) if given.get(name.lower())}
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{base_url(url, route)}/{route}/{quote(instance_id)}{query}"


def caller_key(url: str) -> str | None:
    """The function key that the caller has put into the query, or None."""
    return query_of(url).get(FUNCTION_KEY) or None


def base_url(url: str, route: str) -> str:
    """The absolute URL below which the app's routes are found, of a request to ``route``, as the caller sees it."""
    parts = urlsplit(url)
    before = re.fullmatch(rf"(.*)/{re.escape(route)}(/[^/]*)?", parts.path, re.IGNORECASE)
    return f"{parts.scheme}://{parts.netloc}{before[1] if before else parts.path}"


def query_of(url: str) -> dict[str, str]:
    """The query: keys in small letters, and the first value of each."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return {key.lower(): value for key, value in reversed(pairs)}
