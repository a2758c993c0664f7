"""A queue of the storage account that ``AzureWebJobsStorage`` names."""

from __future__ import annotations

import contextlib

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import LinearRetry, QueueClient

CONNECT_SECONDS, READ_SECONDS = 3, 10  # the library's own would be a minute, four times


def queue_client(connection: str, name: str) -> QueueClient:
    """A client of the queue, which exists from now on; messages are plain text, as ``messageEncoding: none`` has it.

    Whoever calls it tries again by himself or tells the reason: a call is repeated once, at once, where the connection
    was refused, and ends within seconds where the storage is silent.

    Raises:
        ValueError: the text is no connection string.
        AzureError: the storage does not answer, or says no.
    """
    client = _client(connection, name)
    try:
        client.create_queue()
    except ResourceExistsError:
        return client
    return client


def reach(connection: str) -> None:
    """The storage answers, and takes the account and its key; nothing in it is changed.

    Raises:
        AzureError: it does not answer, or says no.
    """
    with contextlib.suppress(ResourceNotFoundError), _client(connection, "any") as client:
        client.get_queue_properties()


def connection_problem(connection: str) -> str | None:
    """What is wrong with a connection string by itself, with nothing asked of anybody; none of it is repeated."""
    try:
        _client(connection, "any")
    except ValueError:
        return (
            "AzureWebJobsStorage is no connection string of a storage account; for Azurite it is "
            "UseDevelopmentStorage=true"
        )
    return None


def why_no_queue(error: AzureError) -> str:
    """The reason in a sentence for whoever can mend it; without the library's own words, which may hold a key."""
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code = getattr(error, "error_code", None) or ""
        return (
            f"The storage that AzureWebJobsStorage names answered {error.status_code} {code}".rstrip()
            + ": check its account and key."
        )
    if isinstance(error, HttpResponseError):
        return "The AccountKey in AzureWebJobsStorage is no key: it must be base64."
    return (
        f"The storage that AzureWebJobsStorage names does not answer ({type(error).__name__}). "
        "Is Azurite running, or the account reachable from here?"
    )


def _client(connection: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        connection,
        name,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retry_policy=LinearRetry(backoff=0, retry_total=1, retry_read=0, random_jitter_range=0),
    )
