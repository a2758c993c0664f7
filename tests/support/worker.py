"""Microsoft's own Python worker (azure-functions-runtime), asked as the Functions host asks it over gRPC.

The package brings the worker's code and not the messages, which its caller hands in: they stand here, with the fields
that the worker reads and writes.
"""

from __future__ import annotations

import json
import types
import uuid
from typing import TYPE_CHECKING, Any

from azure_functions_runtime import (
    functions_metadata_request,
    invocation_request,
    worker_init_request,
)

from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Message(types.SimpleNamespace):
    """A message of the host's protocol, with the fields that are set."""

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802  # protobuf's spelling
        """The field that is set; a message that is asked has one of several."""
        return next((name for name in vars(self) if name != "name"), None)


class StatusResult(Message):
    Failure, Success = 0, 1


class BindingInfo(Message):
    out, inout = 1, 2
    undefined = 0


class Protos:
    """The messages, by their names; those that need nothing of their own are all of one kind."""

    StatusResult, BindingInfo = StatusResult, BindingInfo

    def __getattr__(self, name: str) -> type[Message]:
        return Message


class InvocationFailedError(Exception):
    """What the host logs of a function that failed: the worker's words."""


class Worker:
    """The worker, which has indexed ``function_app.py`` of this repository as its environment has it now.

    ``run`` runs a coroutine: the worker has one loop for all that it is asked.

    Attributes:
        functions: by its name, each function as the worker told the host.
        raw_bindings: by the function's name, its bindings as JSON values, as the host reads them from the worker.

    Raises:
        InvocationFailedError: it refuses the app.
    """

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._run = run
        init = Message(capabilities={}, function_app_directory=str(ROOT))
        _succeeded(run(worker_init_request(_request("worker_init_request", init))))
        told = run(functions_metadata_request(_request("functions_metadata_request", Message())))
        self.functions = {function.name: function for function in told.function_metadata_results or ()}
        self.raw_bindings = {
            name: [json.loads(binding) for binding in function.raw_bindings]
            for name, function in self.functions.items()
        }

    def invoke(self, name: str, metadata: dict[str, Any] | None = None, **inputs: Any) -> Message:
        """The worker's answer to an invocation with these typed data, by the name of the binding.

        Raises:
            InvocationFailedError: the function failed, or could not be called.
        """
        invocation = Message(
            invocation_id=str(uuid.uuid4()),
            function_id=self.functions[name].function_id,
            trigger_metadata=metadata or {},
            input_data=[Message(name=key, data=value) for key, value in inputs.items()],
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        answer: Message = self._run(invocation_request(_request("invocation_request", invocation)))
        return _succeeded(answer)


def text(value: str) -> Message:
    """Typed data: a string."""
    return Message(string=value)


def as_json(value: Any) -> Message:
    """Typed data: JSON."""
    return Message(json=json.dumps(value))


def binary(value: bytes) -> Message:
    """Typed data: bytes."""
    return Message(bytes=value)


def http(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None, **params: str) -> Message:
    """Typed data: a request; the names of headers are in small letters, and there is no body without a length."""
    given = {"content-type": "application/json"} | ({"content-length": str(len(body))} if body else {})
    return Message(
        http=Message(
            method=method,
            url=url,
            headers=headers or given,
            body=binary(body) if body else Message(),
            params=params,
            query={},
        )
    )


def _request(kind: str, message: Message) -> Message:
    return Message(request=Message(**{kind: message}), properties={"host": "127.0.0.1", "protos": Protos()})


def _succeeded(answer: Any) -> Message:
    if answer.result.status != StatusResult.Success:
        raise InvocationFailedError(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
    succeeded: Message = answer
    return succeeded
