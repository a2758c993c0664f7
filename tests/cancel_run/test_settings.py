"""The app settings: every wrong value is named with its key, all of them in one message.

It is longer than most: every setting has its wrong values here, and they are told together.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cancel_run.errors import SettingsError, UnknownWorkspaceError
from cancel_run.settings import LONGEST_HTTP_TIMEOUT_SECONDS, Settings, allows_anonymous, queue_name
from tests.support import ROOT

GOOD = {"DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net", "KEY_VAULT_URI": "https://v.vault.azure.net"}
KEYS = [
    "DATABRICKS_HOST", "DATABRICKS_WORKSPACES", "DATABRICKS_TOKEN_SECRET", "DEFAULT_WORKSPACE", "KEY_VAULT_URI",
    "JOBS_API_VERSION", "POLL_FIRST_SECONDS", "POLL_MAX_SECONDS", "WAIT_TIMEOUT_SECONDS", "CANCEL_AGAIN_AFTER_SECONDS",
    "HTTP_TIMEOUT_SECONDS", "CANCEL_QUEUE_NAME", "HTTP_AUTH_LEVEL", "HISTORY_RETENTION_DAYS", "DATABRICKS_AUTH",
    "DATABRICKS_CLIENT_ID", "DATABRICKS_SCOPE",
]  # fmt: skip
CLIENT_ID = "11112222-3333-4444-5555-666677778888"
# a personal access token is letters, digits and hyphens, as a secret's name is; it may come in any setting by mistake
PAT = "dapi0123456789abcdef0123456789abcdef-3"


def problems(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({**GOOD, **changes})
    return caught.value.problems


def several(**workspaces: object) -> dict[str, str]:
    return {"KEY_VAULT_URI": GOOD["KEY_VAULT_URI"], "DATABRICKS_WORKSPACES": json.dumps(workspaces)}


def test_a_host_and_a_vault_are_enough() -> None:
    settings = Settings.from_environ(GOOD)
    workspace = settings.workspace(None)
    assert (workspace.alias, workspace.host) == ("default", "https://adb-1.2.azuredatabricks.net")
    assert workspace.token_secret == "databricks-token"
    assert (settings.jobs_api_version, settings.wait_timeout_seconds, settings.http_timeout_seconds) == (
        "2.1",
        3600,
        10,
    )
    schedule = settings.schedule
    assert (schedule.first_seconds, schedule.max_seconds, schedule.cancel_again_after_seconds) == (1, 60, 120)


def test_an_empty_value_is_the_same_as_none() -> None:
    assert Settings.from_environ(GOOD) == Settings.from_environ({**dict.fromkeys(KEYS, ""), **GOOD})


@pytest.mark.parametrize("host_json", ["host.json", "infra/host.scheduler.json"])
def test_the_longest_timeout_fits_twice_into_the_time_that_the_host_gives_a_function(host_json: str) -> None:
    clock = json.loads((ROOT / host_json).read_text())["functionTimeout"].split(":")
    function_timeout = sum(int(part) * unit for part, unit in zip(clock, (3600, 60, 1), strict=True))
    longest = Settings.from_environ({**GOOD, "HTTP_TIMEOUT_SECONDS": str(LONGEST_HTTP_TIMEOUT_SECONDS)})
    assert 2 * longest.http_timeout_seconds < function_timeout
    assert problems(HTTP_TIMEOUT_SECONDS=str(LONGEST_HTTP_TIMEOUT_SECONDS + 1))


def test_nothing_at_all_names_both_things_that_are_needed() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({})
    assert [problem.split()[0] for problem in caught.value.problems] == ["DATABRICKS_HOST", "KEY_VAULT_URI"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("JOBS_API_VERSION", "2.0"),
        ("POLL_FIRST_SECONDS", "0"),
        ("POLL_FIRST_SECONDS", "nan"),
        ("POLL_MAX_SECONDS", "inf"),
        ("POLL_MAX_SECONDS", "a minute"),
        ("WAIT_TIMEOUT_SECONDS", "604801"),
        ("WAIT_TIMEOUT_SECONDS", "1.5"),
        ("WAIT_TIMEOUT_SECONDS", "9" * 5000),
        ("CANCEL_AGAIN_AFTER_SECONDS", "-1"),
        ("HTTP_TIMEOUT_SECONDS", "1000"),
        ("CANCEL_QUEUE_NAME", "Not-A-Queue"),
        ("CANCEL_QUEUE_NAME", "a--b"),
        ("CANCEL_ON_EVENTS", "jobs.on_start; jobs.on_success"),
        ("CANCEL_ON_EVENTS", "on_start"),
        ("DATABRICKS_WORKSPACE_ID", "01"),
        ("DATABRICKS_WORKSPACE_ID", "2"),
        ("HTTP_AUTH_LEVEL", "admin"),
        ("HISTORY_RETENTION_DAYS", "7"),
        ("HISTORY_RETENTION_DAYS", "30.5"),
        ("DEFAULT_WORKSPACE", "elsewhere"),
        ("DATABRICKS_TOKEN_SECRET", "with spaces"),
        ("DATABRICKS_AUTH", "pat"),
        ("DATABRICKS_CLIENT_ID", CLIENT_ID),
        ("DATABRICKS_SCOPE", "all-apis"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(key: str, value: str) -> None:
    told = problems(**{key: value})
    assert [problem.split()[0] for problem in told] == [key]


def test_every_problem_of_every_setting_is_told_at_once() -> None:
    wrong = {key: "?" for key in KEYS if key not in {"DATABRICKS_WORKSPACES", "DATABRICKS_TOKEN_SECRET"}}
    told = problems(**wrong)
    assert {problem.split()[0] for problem in told} == set(wrong)


@pytest.mark.parametrize(
    "url",
    [
        "http://adb-1.2.azuredatabricks.net", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "adb-1.2.azuredatabricks.net", "https://", "https://host/path", "https://host?x=1", "https://host#x",
        "https://user:dapi-secret@host", "https://host:0", "https://host:99999", "https://host:x", "ftp://host",
        "https://[::1", "file:///etc/passwd", r"https://evil.example\.azuredatabricks.net", "https://host#", "https://host?",
        "https://@host", "https://adb-1.1.azure\ndatabricks.net", "https://a b", "https://a\tb", "https://a\rb",
        "https://host/#", "https://host%2eevil.example", "https://h\N{CYRILLIC SMALL LETTER O}st", "https:host", "https:///host",
        "HTTP://host", "https://host@evil.example", "https://host:80:80", r"https:\\host",
        "https://host,evil.example", "https://host;evil.example", "https://host&x", "https://ho'st", "https://$(id)",
        "https://*.example", "https://a..example", "https://.example", f"https://{'a' * 64}.example",
        "https://a\N{ZERO WIDTH SPACE}b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["DATABRICKS_HOST", "KEY_VAULT_URI"])
def test_a_url_is_https_and_a_host_and_nothing_else(key: str, url: str) -> None:
    (told,) = problems(**{key: url})
    assert told.startswith(key)
    assert "dapi-secret" not in told


@pytest.mark.parametrize(
    "url",
    ["https://host", "https://host/", "https://host:8443", "http://localhost:1", "http://127.0.0.1", "http://[::1]:8"],
)
def test_https_is_taken_and_http_for_this_machine_alone(url: str) -> None:
    settings = Settings.from_environ({**GOOD, "DATABRICKS_HOST": url})
    assert settings.workspace(None).host == url.rstrip("/")


def test_a_scheme_and_a_host_are_the_same_in_capitals() -> None:
    settings = Settings.from_environ({**GOOD, "DATABRICKS_HOST": "HTTPS://ADB-1234567890123456.7.AZUREDATABRICKS.NET/"})
    workspace = settings.workspace(None)
    assert workspace.workspace_id == "1234567890123456"
    assert workspace.host == "https://adb-1234567890123456.7.azuredatabricks.net"
    local = Settings.from_environ({**GOOD, "DATABRICKS_HOST": "HTTP://LocalHost:8080"}).workspace(None)
    assert local.host == "http://localhost:8080"


@pytest.mark.parametrize(
    "pat", [PAT, PAT[:-2], PAT.upper(), "dapi-anything", "dose" + "0" * 32, "0123456789abcdef" * 2]
)
def test_a_token_where_its_secrets_name_belongs_is_refused_unrepeated(pat: str) -> None:
    (told,) = problems(DATABRICKS_TOKEN_SECRET=pat)
    assert told.startswith("DATABRICKS_TOKEN_SECRET must be the name")
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(several(prod={"host": "https://a", "tokenSecret": pat}))
    assert pat not in told + str(caught.value)


@pytest.mark.parametrize("key", [*KEYS, "CANCEL_ON_EVENTS", "DATABRICKS_WORKSPACE_ID"])
def test_a_token_in_whatever_setting_is_not_repeated(key: str) -> None:
    try:
        Settings.from_environ({**GOOD, key: PAT})
    except SettingsError as error:
        assert "dapi" not in str(error)
    else:
        pytest.fail("a token is no setting")


@pytest.mark.parametrize(
    "entry", [{PAT: {"host": "https://a"}}, {"prod": {"host": "https://a", PAT: 1}}, {"prod": PAT}]
)
def test_a_token_in_the_table_of_workspaces_is_not_repeated(entry: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(several(**entry))
    assert "dapi" not in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [
        '{"prod": {"host": "https://a"}, "prod": {"host": "https://b"}}',
        '{"prod": {"host": "https://a", "host": "https://b"}}',
    ],
)
def test_a_key_that_is_given_twice_is_refused(table: str) -> None:
    with pytest.raises(SettingsError, match="twice in one object"):
        Settings.from_environ({"KEY_VAULT_URI": GOOD["KEY_VAULT_URI"], "DATABRICKS_WORKSPACES": table})


@pytest.mark.parametrize(
    "other", [{"host": "https://b", "workspaceId": 17}, {"host": "https://ADB-17.1.azuredatabricks.net"}]
)
def test_a_workspace_id_that_two_have_is_refused(other: object) -> None:
    with pytest.raises(SettingsError, match="workspaceId 17 at 'a' and 'b'"):
        Settings.from_environ(several(a={"host": "https://a", "workspaceId": "17"}, b=other))


def test_a_workspace_id_that_is_not_the_one_in_the_host_is_refused() -> None:
    one, two = ({"host": f"https://adb-{host}.1.azuredatabricks.net"} for host in (1, 2))
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(several(a={**one, "workspaceId": "2"}, b={**two, "workspaceId": 1}))
    assert "DATABRICKS_WORKSPACES['a'].workspaceId is 2, and its host is that of 1" in str(caught.value)
    assert "DATABRICKS_WORKSPACES['b'].workspaceId is 1, and its host is that of 2" in str(caught.value)
    same = Settings.from_environ(several(a={**one, "workspaceId": 1}))
    assert same.workspace(None).workspace_id == "1"


def test_names_that_differ_in_capitals_alone_are_refused() -> None:
    with pytest.raises(SettingsError, match="the names 'prod' and 'PROD', which differ in capitals alone"):
        Settings.from_environ(several(prod={"host": "https://a"}, PROD={"host": "https://b"}))


def test_each_workspace_says_where_its_token_comes_from() -> None:
    settings = Settings.from_environ(
        several(
            a={"host": "https://a"},
            b={"host": "https://b", "auth": "managedIdentity"},
            c={"host": "https://c", "auth": "oauth", "clientId": CLIENT_ID},
            d={"host": "https://d", "auth": "oauth", "clientId": CLIENT_ID, "scope": "jobs sql"},
        )
    )
    assert [settings.workspace(alias).auth for alias in "abcd"] == ["keyVault", "managedIdentity", "oauth", "oauth"]
    assert [settings.workspace(alias).scope for alias in "cd"] == ["all-apis", "jobs sql"]
    sole = {**GOOD, "DATABRICKS_AUTH": "oauth", "DATABRICKS_CLIENT_ID": CLIENT_ID}
    assert Settings.from_environ(sole).workspace(None).client_id == CLIENT_ID


def test_no_vault_is_needed_where_no_workspace_has_a_secret() -> None:
    sole = {"DATABRICKS_HOST": GOOD["DATABRICKS_HOST"], "DATABRICKS_AUTH": "managedIdentity"}
    assert Settings.from_environ(sole).key_vault_uri == ""


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"auth": "pat"}, "auth must be keyVault, managedIdentity, oauth"),
        ({"auth": ["oauth"]}, "auth must be"),
        ({"auth": "oauth"}, "clientId must be the client id"),
        ({"auth": "oauth", "clientId": "me:and-a-secret"}, "clientId must be the client id"),
        ({"auth": "oauth", "clientId": CLIENT_ID, "scope": ""}, "scope must be"),
        ({"auth": "managedIdentity", "clientId": CLIENT_ID}, "clientId is for auth oauth alone"),
    ],
)
def test_a_wrong_way_to_a_token_is_named(entry: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_environ(several(prod={"host": "https://a", **entry}))


def test_several_workspaces_are_told_apart_by_name() -> None:
    environ = several(prod={"host": "https://a", "tokenSecret": "a-token"}, test={"host": "https://b"})
    settings = Settings.from_environ(environ)
    assert [settings.workspace(name).host for name in ("prod", "test")] == ["https://a", "https://b"]
    assert [settings.workspace(name).token_secret for name in ("prod", "test")] == ["a-token", "databricks-token"]
    with pytest.raises(UnknownWorkspaceError, match="no default one"):
        settings.workspace(None)
    assert Settings.from_environ({**environ, "DEFAULT_WORKSPACE": "test"}).workspace(None).alias == "test"


@pytest.mark.parametrize("table", ["[]", "{}", "null", "not json", "1", '"x"', "[" * 100_000])
def test_a_table_of_workspaces_that_is_none_is_named(table: str) -> None:
    with pytest.raises(SettingsError, match="DATABRICKS_WORKSPACES must be a JSON object"):
        Settings.from_environ({"KEY_VAULT_URI": GOOD["KEY_VAULT_URI"], "DATABRICKS_WORKSPACES": table})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "host is missing"),
        ({"host": "http://x.example"}, "must be https"),
        ({"host": 1}, "host is missing"),
        ("https://x", "must be an object"),
        ({"host": "https://x", "token": "dapi-secret"}, "unknown keys: token"),
        ({"host": "https://x", "tokenSecret": "dapi_secret with the token itself"}, "must be the name of a secret"),
        ({"host": "https://x", "tokenSecret": None}, "must be the name of a secret"),
    ],
)
def test_a_wrong_workspace_is_named_and_no_secret_is_repeated(entry: object, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(several(prod=entry))
    assert said in str(caught.value)
    assert "DATABRICKS_WORKSPACES['prod']" in str(caught.value)
    assert "dapi" not in str(caught.value)


def test_one_workspace_is_not_set_in_both_ways() -> None:
    with pytest.raises(SettingsError, match="keep one"):
        Settings.from_environ({**GOOD, **several(prod={"host": "https://a"})})


def test_the_queue_and_the_auth_level_have_defaults_that_are_safe() -> None:
    assert (queue_name({}), allows_anonymous({})) == ("cancel-active-run", False)


@given(st.dictionaries(st.sampled_from(KEYS), st.text() | st.sampled_from(["1", "https://a", '{"a": {"host": 1}}'])))
def test_any_settings_are_taken_or_named(environ: dict[str, str]) -> None:
    try:
        Settings.from_environ(environ)
    except SettingsError as error:
        assert all(any(key in problem for key in KEYS) for problem in error.problems)
