"""Whatever is sent: a clear refusal over HTTP, poison from the queue, and never a 500 or an error that nobody foresaw.

What is sent is made by hypothesis out of the parts that break parsers and forge logs, inside requests and alerts that
look like real ones.
"""

from __future__ import annotations

import itertools
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
from azure.functions.queue import QueueMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cancel_run.errors import CancelRunError
from cancel_run.text import is_harmful

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.host import LocalHost

# the host's own threads use it, while hypothesis looks whether anybody does
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

SECONDS = 30.0
FORGED = ["a\nERROR forged", "a\r\nb", "\x00", "\x1b[31m", "\u202egnp.exe", "\u2066b", "\u2028c", "\ud800", "x\udfff"]
SCALARS = st.one_of(
    st.none() | st.booleans() | st.floats(allow_nan=True, allow_infinity=True) | st.text(max_size=30),
    st.sampled_from(FORGED),
    st.sampled_from(["x" * 1001, "9" * 5000, "-0", "1e3", "0x10", "١٢٣", "²", "$(id)", "{{7*7}}", "../..", "%n%s"]),
    st.integers() | st.integers(0, 4299).map(lambda digits: 10**digits) | st.just(455644833),
)
KEYS = [
    *("runId", "run_id", "workspace", "reason", "requestedBy", "waitTimeoutSeconds", "token", "schedule", "progress"),
    *("schemaId", "data", "essentials", "alertContext", "condition", "allOf", "dimensions", "name", "value"),
    *("properties", "customProperties", "event_type", "run", "workspace_id", "specversion", "eventType", "data_base64"),
]
WORDS = [
    "azureMonitorCommonAlertSchema",
    "Fired",
    "jobs.on_duration_warning_threshold_exceeded",
    "1.0",
    "runId",
    "prod",
]
VALUES = st.recursive(
    SCALARS | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.sampled_from(FORGED), inner, max_size=5)
    ),
    max_leaves=12,
)
NESTED = st.tuples(st.sampled_from(["[", '{"data":', '{"specversion":1,"data":']), st.integers(1, 30_000)).map(
    lambda told: (told[0] * told[1]).encode()
)
HUGE = st.tuples(st.sampled_from(KEYS), st.integers(4000, 60_000)).map(  # more digits than Python likes to read
    lambda told: b'{"runId": 1, "%s": %s}' % (told[0].encode(), b"7" * told[1])
)
REPEATED = st.sampled_from([b'{"runId":1,"runId":2}', b'{"runId":1,"reason":{"a":1,"a":2}}', b'{"a\\u0000\n":1}'])
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6).map(lambda data: json.dumps(data).encode()),
    VALUES.map(lambda data: json.dumps(data).encode()),
    VALUES.map(lambda data: json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.binary(max_size=60),
    NESTED,
    NESTED.map(lambda body: body + b"1" + b"]" * len(body)),
    REPEATED,
    HUGE,
    st.integers(60_000, 140_000).map(lambda size: b'{"runId":1,"reason":"' + b"x" * size + b'"}'),
)


@pytest.fixture
def quick() -> settings:
    """Fixtures stay for all examples of a test: what is started is not what the examples differ in."""
    return settings(suppress_health_check=list(HealthCheck))


def judged(answer: requests.Response, accepted: set[int]) -> None:
    """The answer accepts, or refuses as a problem that says what is wrong in lines that forge nothing."""
    if answer.status_code in accepted:
        return
    assert answer.status_code in {400, 405, 413, 415}
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    refusal = answer.json()
    assert refusal["status"] == answer.status_code
    told = [refusal["detail"], *refusal["problems"]]
    assert not [line for line in told if is_harmful(line) or len(line) > 400]
    assert answer.status_code != 400 or refusal["problems"]


def forged_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = [record.getMessage() for record in caplog.records if record.name.startswith(("cancel_run", "local_host"))]
    return [line for line in records if is_harmful(line)]


@pytest.mark.soak
def test_any_body_gets_a_202_or_a_clear_refusal_from_both_routes(
    host: LocalHost, quick: settings, caplog: pytest.LogCaptureFixture, tally: Callable[[str, int], None]
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = itertools.count()

    @quick
    @given(body=BODIES, route=st.sampled_from(["cancel-active-run", "alerts"]))
    def send(body: bytes, route: str) -> None:
        next(sent)
        headers = {"Content-Type": "application/json"}
        judged(requests.post(f"{host.url}/api/{route}", data=body, headers=headers, timeout=SECONDS), {202})

    send()
    assert forged_lines(caplog) == []
    tally("hostile bodies sent over HTTP", next(sent))


@pytest.mark.soak
def test_any_message_is_taken_or_is_poison_of_a_kind_that_was_foreseen(
    host: LocalHost, quick: settings, caplog: pytest.LogCaptureFixture, tally: Callable[[str, int], None]
) -> None:
    caplog.set_level(logging.DEBUG)
    (function,) = [one for one in host.functions if one.get_function_name() == "startFromQueue"]
    sent = itertools.count()

    @quick
    @given(body=BODIES)
    def send(body: bytes) -> None:
        message = QueueMessage(id=f"message-{next(sent)}", body=body, dequeue_count=1)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        try:
            host.servers.run(host.call(function, message))
        except CancelRunError as poison:
            assert not is_harmful(str(poison))

    send()
    assert forged_lines(caplog) == []
    tally("hostile messages in the queue", next(sent))


@pytest.mark.soak
def test_any_path_and_any_query_gets_an_answer_that_is_no_500(
    host: LocalHost, quick: settings, tally: Callable[[str, int], None]
) -> None:
    sent = itertools.count()
    words = st.text(max_size=90) | st.sampled_from([*FORGED[:-2], "prod-1", "prod-" + "9" * 19, "..", "a/b", "%00"])

    @quick
    @given(
        instance=words,
        flag=words,
        code=words,
        method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"]),
    )
    def send(instance: str, flag: str, code: str, method: str) -> None:
        next(sent)
        part = quote(instance, safe="")
        query: Any = {"returnInternalServerErrorOnFailure": flag, "code": code}
        url = f"{host.url}/api/cancel-active-run/{part}"
        answer = requests.request(method, url, params=query, timeout=SECONDS)
        assert answer.status_code < 500
        assert not is_harmful("".join(answer.headers.values()))

    send()
    tally("hostile paths and queries sent over HTTP", next(sent))
