"""The binding that tells the SDK's durable client where its endpoint is."""

from __future__ import annotations

import json

from local_host.background import LOOPBACK

PREFIX = "/durabletask"


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
