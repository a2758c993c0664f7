"""A queue of the storage account that ``AzureWebJobsStorage`` names."""

from __future__ import annotations

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient


def queue_client(connection: str, name: str) -> QueueClient:
    """A client of the queue, which exists from now on; messages are plain text, as ``messageEncoding: none`` has it."""
    client = QueueClient.from_connection_string(connection, name)
    try:
        client.create_queue()
    except ResourceExistsError:
        return client
    return client
