"""A gRPC channel without a network: the service is an object in this process, and a call is a method call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class RefusedError(grpc.RpcError):
    """The service has aborted the call."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        """Why, as gRPC puts it."""
        return self._code

    def details(self) -> str:
        """Why, in words."""
        return self._details


class Call:
    """One call as the service sees it, and the stream of its answers as the caller does."""

    def __init__(self) -> None:
        self._active = True
        self._answers: Iterator[Any] = iter(())

    def is_active(self) -> bool:
        """False once the caller has canceled it."""
        return self._active

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        """The call ends here.

        Raises:
            RefusedError: always.
        """
        raise RefusedError(code, details)

    def streaming(self, answers: Iterator[Any]) -> Call:
        """The call, whose answers these are."""
        self._answers = answers
        return self

    def __iter__(self) -> Iterator[Any]:
        return self._answers

    def cancel(self) -> None:
        """The service finds the call inactive when it next looks."""
        self._active = False


class InProcessChannel:
    """What a generated stub uses of ``grpc.Channel``. Messages are handed over as they are: nobody may change one."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def unary_unary(self, path: str, *_: Any, **__: Any) -> Callable[..., Any]:
        """The method at that path, with one answer."""
        method = self._method(path)
        return lambda request, **_: method(request, Call())

    def unary_stream(self, path: str, *_: Any, **__: Any) -> Callable[..., Call]:
        """The method at that path, with a stream of answers."""
        method = self._method(path)

        def call(request: Any, **_: Any) -> Call:
            begun = Call()
            return begun.streaming(method(request, begun))

        return call

    def close(self) -> None:
        """There is nothing to close."""

    def _method(self, path: str) -> Callable[[Any, Call], Any]:
        method: Callable[[Any, Call], Any] = getattr(self._service, path.rpartition("/")[2])
        return method
