"""The Jobs API client against the emulator, over real sockets, with the real Azure clients for its token.

It is longer than most: every answer that a workspace can give is met by the same client.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from cancel_run.activities import Activities
from cancel_run.clock import SystemClock
from cancel_run.databricks.bulkhead import Bulkhead
from cancel_run.databricks.client import USER_AGENT, JobsClient
from cancel_run.databricks.pacing import LONGEST_SECONDS
from cancel_run.databricks.tokens.key_vault import TokenVault
from cancel_run.databricks.transport.session import CONNECTIONS
from cancel_run.databricks.transport.transport import ANSWER_LIMIT
from cancel_run.errors import AccessError, NotNowError, RefusalError, RunNotFoundError, TransientError
from cancel_run.settings import Settings
from cancel_run.workspaces import Workspace
from local_host.emulators.faults import Fault, json_fault
from local_host.emulators.run_life import Life, Row
from local_host.emulators.workspace import JobsApi
from tests.support.quick_clock import QuickClock
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_host.background import BackgroundServers
    from local_host.emulators.key_vault import KeyVault


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def client(workspace: JobsApi, vault: KeyVault, clock: QuickClock) -> JobsClient:
    return client_of(workspace.url, vault, clock)


def client_of(url: str, vault: KeyVault, clock: QuickClock, version: str = "2.1") -> JobsClient:
    tokens = TokenVault(vault.uri, clock, timeout=20)
    bulkhead = Bulkhead(CONNECTIONS, clock)
    # the one deadline is for the token too, which takes four requests: time for them on a machine under load
    return JobsClient(
        Workspace("prod", url, SECRET), tokens.of(SECRET), clock, bulkhead, api_version=version, timeout=2
    )


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_a_run_is_read_and_canceled_in_both_versions_of_the_api(
    version: str, workspace: JobsApi, vault: KeyVault, clock: QuickClock
) -> None:
    client, run_id = client_of(workspace.url, vault, clock, version), workspace.add_run()
    assert client.get_run(run_id).life_cycle_state == "RUNNING"
    client.cancel_run(run_id)
    assert workspace.state_of(run_id) == "TERMINATING"
    assert {call.version for call in workspace.calls} == {version}


@pytest.mark.parametrize("shows", [("state",), ("status",), ("state", "status")])
def test_a_result_is_read_from_the_state_or_from_the_newer_status(
    shows: tuple[str, ...], workspace: JobsApi, client: JobsClient
) -> None:
    ended = Life((Row("TERMINATED", result="CANCELED", message="Run cancelled."),), shows=shows)
    run = client.get_run(workspace.add_run(ended))
    assert (run.life_cycle_state, run.result_state) == ("TERMINATED", "CANCELED")
    assert run.state_message == "Run cancelled."


def test_an_active_run_has_no_result_state(workspace: JobsApi, client: JobsClient) -> None:
    assert client.get_run(workspace.add_run()).result_state is None


def test_a_run_id_of_63_bits_arrives_whole(workspace: JobsApi, client: JobsClient) -> None:
    largest = 2**63 - 1
    workspace.add_run(run_id=largest)
    client.cancel_run(largest)
    assert workspace.count("cancel", largest) == 1


def test_a_task_run_is_canceled_alone(workspace: JobsApi, client: JobsClient) -> None:
    run_id = workspace.add_run(tasks=("extract", "load"))
    client.cancel_run(run_id + 1)
    assert [workspace.state_of(number) for number in (run_id, run_id + 1, run_id + 2)] == [
        "RUNNING",
        "TERMINATING",
        "RUNNING",
    ]


def test_the_user_agent_names_product_and_version(workspace: JobsApi, client: JobsClient) -> None:
    client.get_run(workspace.add_run())
    assert workspace.calls[0].user_agent == USER_AGENT
    assert USER_AGENT.startswith("databricks-cancel-run/")


@pytest.mark.parametrize("operation", ["get_run", "cancel_run"])
def test_a_run_that_does_not_exist_is_known_by_the_words_of_a_400(operation: str, client: JobsClient) -> None:
    with pytest.raises(RunNotFoundError) as caught:
        getattr(client, operation)(7)
    assert (caught.value.run_id, caught.value.status_code) == (7, 400)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_no_permission_to_cancel_is_a_final_no(workspace: JobsApi, client: JobsClient) -> None:
    with pytest.raises(AccessError, match="CAN MANAGE RUN"):
        client.cancel_run(workspace.add_run(Life(may_manage=False)))


@pytest.mark.parametrize("status_code", [408, 425, 429, 500, 502, 503, 504])
def test_a_call_is_one_attempt_and_no_thread_sleeps(
    status_code: int, workspace: JobsApi, client: JobsClient, clock: QuickClock
) -> None:
    workspace.faults.fail("get", Fault(status_code, b"<html><title>oh</title></html>", "text/html"))
    with pytest.raises(TransientError) as caught:
        client.get_run(workspace.add_run())
    assert (caught.value.status_code, caught.value.unsure) == (status_code, False)
    assert (workspace.count("get"), clock.waits) == (1, [])


@pytest.mark.parametrize(
    ("fault", "unsure"),
    [
        (Fault(503, after_effect=True), True),
        (Fault(cut=0, after_effect=True), True),
        (Fault(hang=True, after_effect=True), True),
        (Fault(body=b"<html>Sign in</html>", content_type="text/html"), True),
        (Fault(429), False),
        (json_fault(400, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "token bucket limit"}), False),
    ],
    ids=["503", "cut", "hangs", "sign-in page", "429", "throttled with a 400"],
)
def test_a_cancel_says_whether_it_may_have_been_taken(
    fault: Fault, unsure: bool, workspace: JobsApi, client: JobsClient
) -> None:
    workspace.faults.fail("cancel", fault)
    with pytest.raises(TransientError) as caught:
        client.cancel_run(workspace.add_run())
    assert caught.value.unsure is unsure


@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(body=b'{"state": {}}' * 9, drip_seconds=0.2)])
def test_a_hanging_or_dripping_answer_is_given_up_in_time(fault: Fault, workspace: JobsApi, client: JobsClient) -> None:
    workspace.faults.fail("get", fault, times=None)
    started = SystemClock().monotonic()
    with pytest.raises(TransientError) as caught:
        client.get_run(workspace.add_run())
    assert caught.value.code == "ConnectionFailed"
    assert SystemClock().monotonic() - started < 5


def test_a_host_where_nobody_listens_is_a_passing_failure(vault: KeyVault, clock: QuickClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    with pytest.raises(TransientError, match="may reach it"):
        client_of(f"http://127.0.0.1:{port}", vault, clock).get_run(1)


def as_date(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("written", [str, as_date], ids=["seconds", "date"])
@pytest.mark.parametrize("seconds", [9, 300])
def test_a_retry_after_is_handed_on_as_seconds_and_as_a_date(
    seconds: int, written: Callable[[int], str], workspace: JobsApi, client: JobsClient
) -> None:
    workspace.faults.fail("get", json_fault(429, {"error_code": "BUSY"}, Retry_After=written(seconds)))
    with pytest.raises(TransientError) as caught:
        client.get_run(workspace.add_run())
    assert caught.value.retry_after == pytest.approx(seconds, abs=2)
    assert caught.value.code == "Throttled"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b"<html>Sign in</html>", content_type="text/html"),
        Fault(body=b""),
        Fault(body=b'{"state": {"life_cyc'),
        Fault(body=b"[1, 2]"),
        Fault(body=b'{"state": {"life_cycle_state": 7}}'),
        Fault(body=b'"' + b"x" * (ANSWER_LIMIT + 10) + b'"'),
        Fault(body=b"[" * 100_000),
    ],
    ids=["sign-in page", "empty", "truncated", "a list", "another shape", "too large", "too deep"],
)
def test_a_200_that_is_no_run_is_never_believed(fault: Fault, workspace: JobsApi, client: JobsClient) -> None:
    workspace.faults.fail("get", fault)
    with pytest.raises(TransientError) as caught:
        client.get_run(workspace.add_run())
    assert caught.value.code == "UnreadableAnswer"


def test_the_state_of_a_run_too_large_to_be_read_whole_is_read_all_the_same(
    workspace: JobsApi, client: JobsClient
) -> None:
    run_id = workspace.add_run()
    told = {"run_id": run_id, "state": {"life_cycle_state": "RUNNING"}}
    tasks = [
        {"run_id": number, "state": {"life_cycle_state": "PENDING"}, "notebook": "n" * 4600} for number in range(1000)
    ]
    workspace.faults.fail("get", json_fault(200, told | {"tasks": tasks}))
    assert client.get_run(run_id).life_cycle_state == "RUNNING"
    workspace.faults.fail("get", json_fault(200, {"tasks": tasks} | told))
    with pytest.raises(TransientError, match="set JOBS_API_VERSION") as caught:
        client.get_run(run_id)
    assert caught.value.code == "AnswerTooLarge"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/login.html?error=private-link-validation-error:1", "PrivateLinkRequired"),
        ("https://elsewhere.example/", "Redirected"),
        ("http://[::", "Redirected"),
        ("//[", "Redirected"),
    ],
)
def test_a_redirect_is_not_followed_and_has_its_own_words(
    location: str, code: str, workspace: JobsApi, client: JobsClient
) -> None:
    workspace.faults.fail("get", Fault(303, headers={"Location": location}))
    with pytest.raises(RefusalError) as caught:
        client.get_run(workspace.add_run())
    assert caught.value.code == code
    assert workspace.count("get") == 1


def test_a_redirect_to_another_server_never_reaches_it(workspace: JobsApi, client: JobsClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        workspace.faults.fail("get", Fault(307, headers={"Location": location}))
        with pytest.raises(RefusalError):
            client.get_run(workspace.add_run())
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has connected
            elsewhere.accept()


def test_a_netrc_file_cannot_put_another_credential_in_the_tokens_place(
    workspace: JobsApi, client: JobsClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = workspace.add_run()
    client.get_run(run_id)  # the token is kept from here on: the vault's client is not what this is about
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert client.get_run(run_id).life_cycle_state == "RUNNING"
    assert [call.status_code for call in workspace.calls] == [200, 200]


def test_plain_http_goes_to_this_machine_and_through_no_proxy(
    workspace: JobsApi, client: JobsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = workspace.add_run()
    client.get_run(run_id)  # the same as above
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for key in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(key, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for key in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(key, raising=False)
        assert client.get_run(run_id).life_cycle_state == "RUNNING"
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has connected
            proxy.accept()


@pytest.mark.parametrize("written", ["HTTP://127.0.0.1:{}", "hTTp://LOCALHOST:{}", "Http://127.0.0.1:{}/"])
def test_capitals_in_the_scheme_send_plain_http_through_no_proxy(
    written: str, workspace: JobsApi, vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = workspace.add_run()
    host = written.format(workspace.url.rpartition(":")[2])
    settings = Settings.from_environ({"DATABRICKS_HOST": host, "KEY_VAULT_URI": vault.uri})
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for key in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(key, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for key in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(key, raising=False)
        activities = Activities(lambda: settings, QuickClock())
        assert activities.read_run({"runId": run_id, "workspace": None})["run"]["lifeCycleState"] == "RUNNING"
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has connected
            proxy.accept()


# -- rotation --------------------------------------------------------------------------------------------------------


def test_a_rotated_token_is_read_again_when_the_old_one_is_refused(
    workspace: JobsApi, vault: KeyVault, client: JobsClient
) -> None:
    run_id = workspace.add_run()
    client.get_run(run_id)
    workspace.tokens = {"the-new-one"}
    vault.set_secret(SECRET, "the-new-one")
    assert client.get_run(run_id).life_cycle_state == "RUNNING"
    assert vault.reads == 2


def test_a_refused_token_that_nobody_rotated_is_a_final_no_after_one_more_look(
    workspace: JobsApi, vault: KeyVault, client: JobsClient
) -> None:
    workspace.tokens = set()
    with pytest.raises(AccessError) as caught:
        client.get_run(workspace.add_run())
    assert (vault.reads, workspace.count("get")) == (2, 1)
    assert TOKEN not in str(caught.value)


def test_as_many_threads_as_a_worker_has_keep_their_connections(
    workspace: JobsApi, vault: KeyVault, clock: QuickClock, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = TokenVault(vault.uri, clock, timeout=20)
    bulkhead = Bulkhead(2 * CONNECTIONS, clock)
    client = JobsClient(
        Workspace("prod", workspace.url, SECRET), tokens.of(SECRET), clock, bulkhead, api_version="2.1", timeout=20
    )
    slowly = Fault(200, b'{"run_id": 7, "state": {"life_cycle_state": "RUNNING"}}', drip_seconds=0.01)
    workspace.faults.fail("get", slowly, times=None)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        runs = list(threads.map(client.get_run, [7] * CONNECTIONS))
    assert {run.life_cycle_state for run in runs} == {"RUNNING"}
    assert "pool is full" not in caplog.text


def test_a_workspace_that_throttles_one_call_is_asked_no_other_until_its_gate_opens(
    workspace: JobsApi, client: JobsClient, clock: QuickClock
) -> None:
    workspace.faults.fail("get", json_fault(429, {}, Retry_After="3000"))
    with pytest.raises(TransientError) as throttled:
        client.get_run(workspace.add_run())
    assert throttled.value.retry_after == 3000
    with pytest.raises(NotNowError) as not_now:
        client.cancel_run(workspace.add_run())
    assert not_now.value.seconds == pytest.approx(LONGEST_SECONDS, abs=1)
    assert workspace.count("cancel") == 0
    clock.sleep(not_now.value.seconds)
    client.cancel_run(workspace.add_run())


def test_a_workspace_that_holds_all_its_places_turns_others_away_without_a_thread(
    workspace: JobsApi, vault: KeyVault, clock: QuickClock
) -> None:
    tokens, bulkhead = TokenVault(vault.uri, clock, timeout=5).of(SECRET), Bulkhead(2, clock)
    jobs = JobsClient(Workspace("prod", workspace.url, SECRET), tokens, clock, bulkhead, api_version="2.1", timeout=20)
    run_id = workspace.add_run()
    workspace.faults.fail("get", Fault(hang=True), times=2)
    with ThreadPoolExecutor(2) as threads:
        hanging = [threads.submit(jobs.get_run, run_id, first=True) for _ in range(2)]
        workspace.faults.wait_for("get", 2)
        told = [seconds_until_there_is_a_place(jobs, run_id) for _ in range(5)]
        workspace.faults.release()
        assert all(isinstance(one.exception(), TransientError) for one in hanging)
    assert told == sorted(told)
    assert len(set(told)) == 5
    assert jobs.get_run(run_id).life_cycle_state == "RUNNING"


def seconds_until_there_is_a_place(jobs: JobsClient, run_id: int) -> float:
    with pytest.raises(NotNowError) as not_now:
        jobs.get_run(run_id)
    return not_now.value.seconds


def test_another_workspace_is_asked_as_before(
    workspace: JobsApi, client: JobsClient, vault: KeyVault, clock: QuickClock, servers: BackgroundServers
) -> None:
    workspace.faults.fail("get", json_fault(429, {}, Retry_After="30"))
    with pytest.raises(TransientError):
        client.get_run(workspace.add_run())
    other = JobsApi(TOKEN)
    run_id = other.add_run()
    other_client = client_of(f"http://127.0.0.1:{servers.serve(other.app)}", vault, clock)
    assert other_client.get_run(run_id).life_cycle_state == "RUNNING"
