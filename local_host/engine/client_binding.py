"""The binding that tells the SDK's durable client where its endpoint is, and the activities that have one."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from local_host.background import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

PREFIX = "/durabletask"
BINDING_SECONDS = 10.0  # that an activity waits for a host that comes up


class ActivityClient:
    """The durable client of activities: they are awaited with ``run``, on the one loop of the SDK's client session.

    An engine may begin its activities before its endpoint is there: they wait until :meth:`serve` tells of it.
    """

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._run = run
        self._binding: Future[str] = Future()

    def serve(self, binding: str) -> None:
        """Activities are given this binding from now on."""
        self._binding.set_result(binding)

    def call(self, user_function: Callable[..., Coroutine[Any, Any, Any]], parameter: str, **arguments: Any) -> Any:
        """What the activity returns that takes its client by that name."""
        arguments[parameter] = self._binding.result(BINDING_SECONDS)
        return self._run(user_function(**arguments))


def client_binding(port: int) -> str:
    """What the host hands to a function for its durable client: a JSON text."""
    rpc = f"http://{LOOPBACK}:{port}{PREFIX}/"
    instance = f"{rpc}instances/INSTANCEID"
    operations = {
        "statusQueryGetUri": "",
        "sendEventPostUri": "/raiseEvent/{eventName}",
        "terminatePostUri": "/terminate?reason={text}",
        "rewindPostUri": "/rewind?reason={text}",
        "purgeHistoryDeleteUri": "",
        "restartPostUri": "/restart",
        "suspendPostUri": "/suspend?reason={text}",
        "resumePostUri": "/resume?reason={text}",
    }
    return json.dumps(
        {
            "taskHubName": "LocalHost",
            "creationUrls": {"createNewInstancePostUri": f"{rpc}orchestrators/{{functionName}}[/{{instanceId}}]"},
            "managementUrls": {"id": "INSTANCEID"} | {key: instance + path for key, path in operations.items()},
            "baseUrl": rpc,
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": rpc,
        }
    )
