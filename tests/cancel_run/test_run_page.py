"""A run named by the URL of its page: which run and workspace it says, and that it can say nothing else."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.cancellation.request import CancelRequest
from cancel_run.cancellation.run_page import RunPage
from cancel_run.errors import RequestError
from cancel_run.page_lookup import aliases_of
from cancel_run.settings import Settings
from cancel_run.triggers.alerts.reading import read_alert
from tests.support.caller import post, result_of

if TYPE_CHECKING:
    from local_host.emulators.workspace import JobsApi
    from local_host.host import LocalHost

PROD, TEST, OTHER = 1234567890123456, 65, 99
HOST = f"https://adb-{PROD}.7.azuredatabricks.net"
TABLE = {
    "prod": {"host": HOST},
    "test": {"host": "https://databricks.example", "workspaceId": TEST},
    "lab": {"host": "https://lab.example:8443"},
}
SETTINGS = Settings.from_environ(
    {"DATABRICKS_WORKSPACES": json.dumps(TABLE), "KEY_VAULT_URI": "https://v.vault.azure.net"}
)
IDS = st.integers(1, 2**63 - 1)


def asked(url: Any, **more: Any) -> CancelRequest:
    return CancelRequest.from_json({"runPageUrl": url, **more}, lambda page: aliases_of(page, SETTINGS.workspaces))


def refused(url: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(RequestError) as caught:
        asked(url, **more)
    return caught.value.problems


# -- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "alias"),
    [
        (f"{HOST}/jobs/5/runs/7?o={PROD}", "prod"),
        (f"{HOST}/?o={PROD}#job/5/run/7", "prod"),
        (f"{HOST}?o={PROD}#job/5/run/7", "prod"),
        (f"{HOST}/#job/5/run/7", "prod"),
        (f"{HOST}/jobs/5/runs/7", "prod"),
        (f"{HOST}/jobs/runs/7?o={PROD}", "prod"),
        (f"{HOST}/jobs/5/runs/7/?o={PROD}&view=timeline#top", "prod"),
        (f"{HOST}/?o={PROD}#job/5/run/7/output?view=raw", "prod"),
        (f"{HOST}/jobs/5/runs/7?o={PROD}#job/5/run/7", "prod"),
        (f"{HOST.upper()}:443/jobs/5/runs/7".replace("HTTPS", "https"), "prod"),
        (f"https://westeurope.azuredatabricks.net/?o={PROD}#job/5/run/7", "prod"),
        (f"https://adb-{PROD}.19.azuredatabricks.net/jobs/5/runs/7", "prod"),
        ("https://databricks.example/jobs/5/runs/7?o=65", "test"),
        ("https://databricks.example/jobs/5/runs/7", "test"),
        ("https://lab.example:8443/jobs/5/runs/7?o=4711", "lab"),
    ],
)
def test_a_page_says_its_run_and_its_workspace_by_host_or_by_number(url: str, alias: str) -> None:
    assert asked(url) == CancelRequest(7, alias)
    assert asked(url, runId="7", workspace=alias) == CancelRequest(7, alias)


@given(IDS, IDS, st.booleans(), st.sampled_from(["", "/", "/a", "?b=1", "&c=2"]))
def test_whatever_the_ids_are_the_run_is_read_in_both_forms(
    job_id: int,
    run_id: int,
    with_place: bool,
    more: str,
) -> None:
    place = f"?o={PROD}" if with_place else ""
    for url in (f"{HOST}/jobs/{job_id}/runs/{run_id}{place}", f"{HOST}/{place}#job/{job_id}/run/{run_id}{more}"):
        page = RunPage(HOST, run_id, job_id, str(PROD) if with_place else None)
        if "&" not in more:
            assert RunPage.read(url) == page
        assert asked(url.removesuffix(more) if "&" in more else url).run_id == run_id


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{HOST}/jobs/5?o={PROD}", "is the page of a job (5)"),
        (f"{HOST}/?o={PROD}#job/5", "is the page of a job (5)"),
        (f"{HOST}/jobs/5/runs?o={PROD}", "must be the URL of a run's page"),
        (f"{HOST}/", "must be the URL of a run's page"),
        (f"{HOST}/?o={PROD}#notebook/7", "must be the URL of a run's page"),
        ("https://elsewhere.example/jobs/5/runs/7", "is of no workspace of the settings"),
        (f"https://elsewhere.example/jobs/5/runs/7?o={PROD}", "is of no workspace of the settings"),
        (f"https://westeurope.azuredatabricks.net/?o={OTHER}#job/5/run/7", "is of no workspace of the settings"),
        (f"https://adb-{OTHER}.7.azuredatabricks.net/jobs/5/runs/7?o={PROD}", "of two workspaces"),
        (f"{HOST}/jobs/5/runs/7?o={OTHER}", "of two workspaces"),
        (f"https://databricks.example/jobs/5/runs/7?o={PROD}", "its o= is not"),
        (f"https://lab.example:8443/jobs/5/runs/7?o={PROD}", "its o= is not"),
        ("https://lab.example/jobs/5/runs/7", "is of no workspace of the settings"),
        ("http://databricks.example/jobs/5/runs/7", "is of no workspace of the settings"),
        (f"{HOST}/jobs/5/runs/7?o={PROD}&o={OTHER}", "contradicts itself"),
        (f"{HOST}/jobs/5/runs/7?o=x", "contradicts itself"),
        (f"{HOST}/jobs/5/runs/7#job/6/run/7", "contradicts itself"),
        (f"{HOST}/jobs/5/runs/7#job/5/run/8", "names more than one run"),
        (f"{HOST}/jobs/5/runs/7/tasks/8", "names more than one run"),
        (f"{HOST}/jobs/5/runs/7?taskRunId=8", "names more than one run"),
        (f"{HOST}/jobs/5/runs/0", "no whole number"),
        (f"{HOST}/jobs/5/runs/{2**63}", "no whole number"),
        (f"{HOST}/jobs/05/runs/7", "no whole number"),
    ],
)
def test_a_page_of_no_run_or_of_two_or_of_no_workspace_is_refused_in_words(url: str, said: str) -> None:
    (told,) = refused(url)
    assert told.startswith("runPageUrl ")
    assert said in told


@pytest.mark.parametrize(
    "url",
    [
        f"https://adb-{PROD}.7.azuredatabricks.net@evil.example/jobs/5/runs/7",
        f"https://user:pass@adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        f"https://evil.example\\@adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        f"https:\\\\adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        f"https://adb-{PROD}.7.azuredatabricks.net%2f@evil.example/jobs/5/runs/7",
        f"https://adb-{PROD}.7.azuredatabricks.net.evil.example/jobs/5/runs/7?o={PROD}",
        f"https://evil.example/adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        f"https://evil.example/?{HOST}/jobs/5/runs/7",
        f"https://evil.example/#{HOST}/jobs/5/runs/7",
        f"https://azuredatabricks.net.example/?o={PROD}#job/5/run/7",
        f"https://xazuredatabricks.net/?o={PROD}#job/5/run/7",
        f"{HOST}/jobs/5/runs/7\r\nHost: evil",
        f"{HOST}/jobs/5/runs/7\n",
        f" {HOST}/jobs/5/runs/7",
        f"{HOST}/jobs/5/runs/７",
        f"{HOST}/jobs/5/runs/7\u202e",
        f"{HOST}/jobs/5/../../runs/7",
        f"{HOST}/%23job/5/run/7",
        f"{HOST}/jobs/5/runs/%37",
        f"{HOST}/api/2.1/jobs/runs/get?run_id=7",
        f"ftp://adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        f"//adb-{PROD}.7.azuredatabricks.net/jobs/5/runs/7",
        "javascript:alert(7)//jobs/5/runs/7",
        "file:///jobs/5/runs/7",
        f"{HOST}/jobs/5/runs/7?{'x' * 2000}",
        "", "7", 7, True, [], {}, ["https://x"],
    ],
)  # fmt: skip
def test_a_hostile_url_is_refused_and_not_repeated(url: Any) -> None:
    (told,) = refused(url)
    assert "pass" not in told
    assert told.isprintable()
    assert len(told) < 500


def test_contradictions_are_told_all_at_once_with_what_each_number_is() -> None:
    url = f"{HOST}/jobs/5/runs/7?o={PROD}"
    run, workspace, unknown = refused(url, runId=5, workspace="test", huh=1)
    assert (
        run == "runId is 5, which in runPageUrl is its job id, the number after job or jobs; the run id in "
        "runPageUrl is 7, after run or runs: give one"
    )
    assert workspace == "workspace is 'test', and runPageUrl is a page of 'prod'"
    assert unknown.startswith("'huh'")
    assert "the one after o=" in refused(url, runId=PROD)[0]
    assert refused(url, runId=8)[0].startswith("runId is 8; the run id in runPageUrl is 7")
    told = refused("https://elsewhere.example/jobs/5/runs/7", run_id="5", reason=1)
    assert [problem.split()[0] for problem in told] == ["reason", "runId", "runPageUrl"]


def test_a_page_is_not_given_as_the_run_id_or_as_the_workspace() -> None:
    with pytest.raises(RequestError, match="a run's page is given as runPageUrl"):
        CancelRequest.from_json({"runId": f"{HOST}/jobs/5/runs/7"})
    with pytest.raises(RequestError, match="never a URL"):
        CancelRequest.from_json({"runId": 7, "workspace": HOST})


def test_past_the_triggers_there_is_nobody_to_look_a_page_up() -> None:
    with pytest.raises(RequestError, match="own triggers alone"):
        CancelRequest.from_json({"runPageUrl": f"{HOST}/jobs/5/runs/7"})


def test_of_two_names_of_one_workspace_the_request_says_one() -> None:
    lab = SETTINGS.workspaces["lab"]
    twice = {"lab": lab, "lab2": dataclasses.replace(lab, alias="lab2")}
    data: dict[str, Any] = {"runPageUrl": "https://lab.example:8443/jobs/5/runs/7"}
    with pytest.raises(RequestError, match="a page of lab and lab2"):
        CancelRequest.from_json(data, lambda page: aliases_of(page, twice))
    said = CancelRequest.from_json({**data, "workspace": "lab2"}, lambda page: aliases_of(page, twice))
    assert said == CancelRequest(7, "lab2")


@pytest.mark.soak
@given(st.text() | st.from_regex(r"https?://[^ ]{0,60}/(jobs/[0-9]+/runs/|#job/[0-9]+/run/)[^ ]{0,30}", fullmatch=True))
def test_any_text_is_a_page_whose_run_stands_in_it_or_refused_on_one_line(text: str) -> None:
    try:
        page = RunPage.read(text)
    except ValueError as error:
        assert str(error).isprintable()
    else:
        assert str(page.run_id) in text
        assert text.lower().startswith(page.origin)
        assert not set(page.origin) & set("@\\%?# ")


# -- where it is taken -----------------------------------------------------------------------------------------------


def test_over_http_a_page_cancels_its_run(host: LocalHost, workspace: JobsApi) -> None:
    run_id = workspace.add_run()
    accepted = post(host, {"runPageUrl": f"{workspace.url}/jobs/11223344/runs/{run_id}?o=1"})
    assert (accepted.status_code, accepted.json()["instanceId"]) == (202, f"prod-{run_id}")
    result = result_of(host, run_id)
    assert result["outcome"] == "canceled"
    # and the page that a result names is one that is taken
    assert post(host, {"runPageUrl": result["runPageUrl"]}).json()["runId"] == run_id
    result_of(host, run_id)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"runPageUrl": f"{HOST}/jobs/5/runs/7"}, None),
        ({"runPageUrl": f"{HOST}/jobs/5/runs/7", "RUN-ID": "7", "workspaceId": PROD, "reason": "x"}, None),
        ({"runPageUrl": f"{HOST}/jobs/5/runs/7", "RUN-ID": "5"}, "it names the runs 5 and 7"),
        ({"runPageUrl": f"{HOST}/jobs/5/runs/7", "workspaceId": TEST}, "are not one workspace"),
        ({"runPageUrl": f"{HOST}/jobs/5/runs/7", "workspace": "test"}, "workspace is 'test', and"),
        ({"runPageUrl": "https://x.example/jobs/5/runs/7", "huh": 1}, "'huh' is not a known key"),
        ({"runPageUrl": None}, "it names no run"),
    ],
)
def test_a_message_may_name_a_run_by_its_page(message: dict[str, Any], said: str | None) -> None:
    alert = read_alert(json.dumps(message).encode(), SETTINGS)
    if said is None:
        assert [one.target for one in alert.requests] == [("prod", "run", 7)]
    else:
        assert (alert.requests, said in alert.refused()) == ((), True)
