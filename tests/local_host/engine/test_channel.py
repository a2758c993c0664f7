"""The channel that calls a service in this process, as a generated stub uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from durabletask.internal import orchestrator_service_pb2 as messages
from durabletask.internal import orchestrator_service_pb2_grpc as services

from local_host.engine.channel import Call, InProcessChannel

if TYPE_CHECKING:
    from collections.abc import Iterator


class Service(services.TaskHubSidecarServiceServicer):  # whose other methods nobody calls
    """Two methods of durabletask's service."""

    def GetInstance(self, request: messages.GetInstanceRequest, call: Call) -> messages.GetInstanceResponse:  # noqa: N802
        if not request.instanceId:
            call.abort(grpc.StatusCode.NOT_FOUND, "nobody")
        return messages.GetInstanceResponse(exists=True)

    def GetWorkItems(self, _: messages.GetWorkItemsRequest, call: Call) -> Iterator[messages.WorkItem]:  # noqa: N802
        number = 0
        while call.is_active():
            yield messages.WorkItem(completionToken=str(number))
            number += 1


def stub() -> Any:
    return services.TaskHubSidecarServiceStub(cast("grpc.Channel", InProcessChannel(Service())))  # type: ignore[no-untyped-call]  # generated code


def test_a_call_is_answered_by_the_service() -> None:
    assert stub().GetInstance(messages.GetInstanceRequest(instanceId="a"), timeout=1).exists


def test_a_call_that_the_service_aborts_raises_its_code_and_details() -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub().GetInstance(messages.GetInstanceRequest())
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "nobody")


def test_a_stream_goes_on_until_it_is_canceled() -> None:
    stream = stub().GetWorkItems(messages.GetWorkItemsRequest())
    seen = []
    for item in stream:
        seen.append(item.completionToken)
        if len(seen) == 3:
            stream.cancel()
    assert seen == ["0", "1", "2"]
