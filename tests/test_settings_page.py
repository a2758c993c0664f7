"""docs/settings.md against the app and the templates: nothing is missing there, and nothing is there that is not."""

from __future__ import annotations

import json

import pytest

from cancel_run.errors import SettingsError
from cancel_run.settings import DEFAULT_EVENTS, DEFAULT_QUEUE_NAME, Settings
from cancel_run.workspaces import DEFAULT_SCOPE, DEFAULT_SECRET, Auth
from tests.support import ROOT
from tests.support.app_settings import OTHERS, settings_of_the_app
from tests.support.page import Page, names

PAGE = Page("docs/settings.md")
GOOD = {"DATABRICKS_HOST": "https://a.example", "KEY_VAULT_URI": "https://v.example"}
SETTINGS = Settings.from_environ(GOOD)
NUMBERS = {
    "WAIT_TIMEOUT_SECONDS": SETTINGS.wait_timeout_seconds,
    "POLL_FIRST_SECONDS": SETTINGS.schedule.first_seconds,
    "POLL_MAX_SECONDS": SETTINGS.schedule.max_seconds,
    "CANCEL_AGAIN_AFTER_SECONDS": SETTINGS.schedule.cancel_again_after_seconds,
    "RETRY_AFTER_MAX_SECONDS": SETTINGS.schedule.retry_after_ceiling_seconds,
    "ORDER_MAX_AGE_SECONDS": SETTINGS.schedule.order_max_age_seconds,
    "CONCURRENT_ACTIVITIES": SETTINGS.concurrent_activities,
    "HTTP_TIMEOUT_SECONDS": SETTINGS.http_timeout_seconds,
    "HISTORY_RETENTION_DAYS": SETTINGS.history_retention_days,
    "MAX_RUNS_PER_ALERT": SETTINGS.max_runs_per_alert,
}
WORDS = {
    "DATABRICKS_AUTH": Auth.KEY_VAULT.value,
    "DATABRICKS_SCOPE": DEFAULT_SCOPE,
    "DATABRICKS_TOKEN_SECRET": DEFAULT_SECRET,
    "JOBS_API_VERSION": SETTINGS.jobs_api_version,
    "CANCEL_QUEUE_NAME": DEFAULT_QUEUE_NAME,
    "CANCEL_ON_EVENTS": DEFAULT_EVENTS,
    "ALERTS_DRY_RUN": "false",
    "ALERTS_MAY_CANCEL_JOBS": "false",
    "HTTP_AUTH_LEVEL": "function",
}


def test_the_settings_are_those_that_the_app_reads() -> None:
    told = PAGE.first_column("Settings")
    assert len(told) == len(set(told))
    assert set(told) == settings_of_the_app()


def test_a_default_is_the_apps() -> None:
    told = {names(row[0])[0]: "".join(names(row[1])) for row in PAGE.rows("Settings")}
    defaults = {**{key: f"{number:g}" for key, number in NUMBERS.items()}, **WORDS}
    assert {key: default for key, default in told.items() if default} == defaults


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_can_be_what_the_page_says_and_no_more(key: str) -> None:
    (told,) = [row[2] for row in PAGE.rows("Settings") if names(row[0]) == [key]]
    least, most = (float(number) for number in told.split(" to "))
    # the first wait is no longer than the longest
    beside = {"POLL_FIRST_SECONDS": "0.05", "POLL_MAX_SECONDS": "3600"}
    for right in (least, most):
        assert Settings.from_environ({**GOOD, **beside, key: f"{right:.10g}"})
    for wrong in (least - min(1, least / 2), most + 1):
        with pytest.raises(SettingsError, match=key):
            Settings.from_environ({**GOOD, **beside, key: f"{wrong:.10g}"})


def test_the_settings_of_others_are_named_too() -> None:
    told = set(names(PAGE.section("Settings of others").rpartition("On your own machine")[0]))
    assert told == set(OTHERS)


def test_the_example_of_local_settings_is_taken_by_the_app() -> None:
    values = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    assert set(values) - {"AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME"} <= settings_of_the_app()
    assert Settings.from_environ(values)
