"""What the app is and can be set to: its settings for emulated services, all that there are, and host.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cancel_run.settings import Settings
from tests.support import ROOT

# app settings that are not the app's, and who reads each
OTHERS = {
    "AzureWebJobsStorage__credential": "host",
    "AzureWebJobsStorage__clientId": "host",
    "AzureWebJobsStorage__blobServiceUri": "host",
    "AzureWebJobsStorage__queueServiceUri": "host",
    "AzureWebJobsStorage__tableServiceUri": "host",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "host",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "host",
    "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": "the Durable extension",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "host",
    "AzureWebJobs.startFromHttp.Disabled": "host",
    "AzureWebJobs.startFromQueue.Disabled": "host",
    "AzureWebJobs.startJobFromHttp.Disabled": "host",
    "PYTHON_THREADPOOL_THREAD_COUNT": "the Python worker",
    "AZURE_CLIENT_ID": "azure-identity",
    "AZURE_TOKEN_CREDENTIALS": "azure-identity",
}


def with_short_waits(workspace: str, vault: str) -> dict[str, str]:
    """App settings for emulated services at those URLs, with waits short enough for a test."""
    return {
        "DATABRICKS_WORKSPACES": f'{{"prod": {{"host": "{workspace}"}}}}',
        "KEY_VAULT_URI": vault,
        "POLL_FIRST_SECONDS": "0.05",
        "POLL_MAX_SECONDS": "0.5",
        "CANCEL_AGAIN_AFTER_SECONDS": "1",
        "HTTP_TIMEOUT_SECONDS": "1",
    }


class Watched(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **settings: str) -> None:
        self.settings = settings
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return self.settings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)


def settings_of_the_app() -> set[str]:
    """Every key that the app reads, with one workspace and with several."""
    one = Watched(DATABRICKS_HOST="https://a.example", KEY_VAULT_URI="https://v.example")
    several = Watched(DATABRICKS_WORKSPACES='{"a": {"host": "https://a.example"}}', KEY_VAULT_URI="https://v.example")
    Settings.from_environ(one)
    Settings.from_environ(several)
    return one.asked | several.asked


def host_json() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    return read
