"""What happens around the engine, told to the log: each event has a line for a person and fields for a program.

No event carries a key, a token, a query or a body. What callers chose, such as a path, is cut, and is made printable
where it is shown.
"""

from __future__ import annotations

import logging

from local_host.engine.events import tell

PATH_LIMIT = 200  # characters


def request(method: str, path: str, status_code: int, milliseconds: float) -> None:
    """A request was answered; ``path`` is without the query, in which a key may stand.

    Whatever the status code is: why it is one of 5xx is told by whoever gave it.
    """
    cut = path if len(path) <= PATH_LIMIT else f"{path[:PATH_LIMIT]}..."
    spent = round(milliseconds)
    fields = {"method": method, "path": cut, "statusCode": status_code, "milliseconds": spent}
    tell("request", f"{method} {cut}  {status_code}  {spent} ms", logging.INFO, **fields)


def message(message_id: str, queue: str, milliseconds: float) -> None:
    """A message was dealt with and is gone from the queue."""
    spent = round(milliseconds)
    text = f"message {message_id} of {queue}  done  {spent} ms"
    tell("message", text, messageId=message_id, queue=queue, milliseconds=spent)


def message_failed(message_id: str, queue: str, attempt: int, most: int, again_seconds: int) -> None:
    """The function raised, and the message comes again, unless that was the last try."""
    again = f"; it comes again in {again_seconds} s" if attempt < most else ""
    text = f"message {message_id} of {queue}  failed, try {attempt} of {most}{again}"
    tell("messageFailed", text, logging.WARNING, messageId=message_id, queue=queue, attempt=attempt, attempts=most)


def poisoned(message_id: str, queue: str, most: int, poison: str) -> None:
    """The message has been moved to the poison queue; the first words are the Functions extension's."""
    text = f"Message has reached MaxDequeueCount of {most}. Moving message to queue '{poison}'."
    fields = {"messageId": message_id, "queue": queue, "poisonQueue": poison}
    tell("messagePoisoned", text, logging.ERROR, **fields)
