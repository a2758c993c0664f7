"""The HTTP endpoints as an OpenAPI 3.0 document, which is what Logic Apps and API Management import.

It is longer than most, because the document is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cancel_run import __version__
from cancel_run.cancellation.request import ALIAS, FIELDS
from cancel_run.cancellation.result import NOT_ALWAYS, CancelResult, result_schema
from cancel_run.cancellation.run_page import RUN_PAGE
from cancel_run.job.request import JOB_FIELDS
from cancel_run.job.result import JobResult
from cancel_run.triggers.alerts.limits import ALERT_LIMIT
from cancel_run.triggers.instance_ids import PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cancel_run.cancellation.request import Field

ROUTE = "openapi.json"

_KEYS = {
    "keyInHeader": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "keyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
}
_ENTRA_TOKENS = "https://login.microsoftonline.com/organizations/oauth2/v2.0/token"
_ENTRA = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": _ENTRA_TOKENS, "scopes": {}}}}
_TIME = {"type": "string", "format": "date-time"}
_TEXT = {"type": "string", "nullable": True}
_FROM_QUEUE = "By an alert, or another message of the queue."
_JOINED = (
    "true: it was under way before this request. false: this request began it, or another did at the same moment; "
    "however many believe so, one cancellation runs."
)
_REPORTED_ID = {"type": "integer", "format": "int64", "minimum": 1}


def document(
    server_url: str, workspaces: Iterable[str] = (), hosts: Iterable[str] = (), *, behind_entra: bool = False
) -> dict[str, Any]:
    """The document, for an app with these workspaces whose functions are found below ``server_url``.

    ``hosts``: the workspaces' own URLs, which the pages of their runs begin with.
    ``behind_entra``: it asks for a token of Microsoft Entra and for no key.
    """
    workspaces = sorted(workspaces)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Cancel an active Azure Databricks job run",
            "version": __version__,
            "description": "Cancels a run and stays with it until it has really stopped.",
        },
        "servers": [{"url": server_url}],
        "security": [{"entra": []}] if behind_entra else [{"keyInHeader": []}, {"keyInQuery": []}],
        "paths": {
            "/cancel-active-run": {"get": _list(workspaces), "post": _start()},
            "/cancel-active-run/{instanceId}": {"get": _look()},
            "/cancel-active-runs": {"post": _start_job()},
            "/cancel-active-runs/{instanceId}": {"get": _look_at_job()},
            "/alerts": {"post": _enqueue()},
            "/openapi.json": {"get": _openapi()},
        },
        "components": {
            "securitySchemes": {"entra": _ENTRA} if behind_entra else _KEYS,
            "parameters": {
                "returnInternalServerErrorOnFailure": {
                    "name": "returnInternalServerErrorOnFailure",
                    "in": "query",
                    "description": "true: the last answer is 500, with the same body, when the run is not stopped.",
                    "schema": {"type": "boolean", "default": False},
                }
            },
            "schemas": {
                "Request": _run_request(workspaces, sorted(hosts)),
                "JobRequest": _request(JOB_FIELDS, {"jobId": 11223344, "only": "queued"}, workspaces),
                "Accepted": _accepted("runId"),
                "JobAccepted": _accepted("jobId"),
                "Cancellations": _cancellations(),
                "Running": _running(
                    "Life cycle state, polls, cancels, next poll, deadline, the states so far ...", _asked(), {}
                ),
                "JobRunning": _running(
                    "How many runs are due, under way, stopped or not.", _asked_of_job(), {"runs": _runs()}
                ),
                "Result": _result(CancelResult),
                "JobResult": _result(JobResult),
                "Problem": _problem(),
                "Queued": _object({"queued": {"type": "boolean", "enum": [True]}}),
            },
        },
    }


def _start() -> dict[str, Any]:
    return {
        "operationId": "startFromHttp",
        "summary": "Cancel a run, or join the cancellation of it that is under way.",
        "parameters": [_parameter("returnInternalServerErrorOnFailure")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Request")}}},
        "responses": {
            "202": _answer("It is being canceled; look at Location.", "Accepted", _location()),
            "400": _refusal("The request cannot be taken; every problem is named."),
            "405": _refusal("It is started with POST.", {"Allow": _header("What is allowed.")}),
            "411": _refusal("The request does not tell the length of its body; a chunked body is not taken."),
            "413": _refusal("The body has more than 64 KiB."),
            "415": _refusal("The body is not JSON."),
            "500": _refusal("The app settings cannot be used; every problem is named."),
            "503": _refusal("The task hub cannot tell; ask again, nothing is begun twice.", _retry_after()),
        },
    }


def _start_job() -> dict[str, Any]:
    start = _start()
    accepted = _answer("They are being canceled; look at Location.", "JobAccepted", _location())
    return {
        **start,
        "operationId": "startJobFromHttp",
        "summary": "Cancel every active run of a job, or join the order for it that is under way.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("JobRequest")}}},
        "responses": {**start["responses"], "202": accepted},
    }


def _look_at_job() -> dict[str, Any]:
    look = _look()
    instance_id = {
        **look["parameters"][0],
        "description": "As the start answered it.",
        "schema": {"type": "string", "pattern": f"^{ALIAS.pattern}~job-[1-9][0-9]{{0,18}}(~queued)?(~rehearsal)?$"},
    }
    ended = {
        "200": _shown(_answer("It has ended.", "JobResult")),
        "202": _shown(_answer("It is under way; look again.", "JobRunning", _location())),
        "500": _answer("It has ended, not all is stopped, and the caller wants that as a failure.", "JobResult"),
    }
    return {
        **look,
        "operationId": "getJobCancellation",
        "summary": "How the cancellation of a job's runs is doing, run by run, or how it ended.",
        "parameters": [instance_id, *look["parameters"][1:]],
        "responses": {**look["responses"], **ended},
    }


def _list(workspaces: list[str]) -> dict[str, Any]:
    asked = {
        "status": ("Only what is under way, or only what has ended.", {"type": "string", "enum": ["active", "ended"]}),
        "workspace": ("Only of this one.", {"type": "string", **({"enum": workspaces} if workspaces else {})}),
        "since": ("Only what was begun since then: ISO 8601, in UTC where it names no zone.", _TIME),
        "until": ("Only what the task hub has from then or before: it renews the time of what goes on.", _TIME),
    }
    return {
        "operationId": "listCancellations",
        "summary": "What is under way, and what has ended: the newest first, some 50 to 150 at once.",
        "parameters": [
            {"name": name, "in": "query", "description": described, "schema": schema}
            for name, (described, schema) in asked.items()
        ],
        "responses": {
            "200": _shown(_answer("The newest of them.", "Cancellations")),
            "400": _refusal("The query cannot be taken; every problem is named."),
            "503": _refusal("The task hub cannot be reached or cannot tell.", _retry_after()),
        },
    }


def _look() -> dict[str, Any]:
    instance_id = {
        "name": "instanceId",
        "in": "path",
        "required": True,
        "description": "As the start answered it: the workspace's name, a hyphen, the run id.",
        "schema": {"type": "string", "pattern": f"^{PATTERN}$"},
    }
    return {
        "operationId": "getCancellation",
        "summary": "How a cancellation is doing, or how it ended.",
        "parameters": [instance_id, _parameter("returnInternalServerErrorOnFailure")],
        "responses": {
            "200": _shown(_answer("It has ended.", "Result")),
            "202": _shown(_answer("It is under way; look again.", "Running", _location())),
            "400": _refusal("The query cannot be taken."),
            "404": _refusal("Nobody started it here, or its history has been purged."),
            "405": _refusal("It is looked at with GET.", {"Allow": _header("What is allowed.")}),
            "500": _answer("It has ended, the run is not stopped, and the caller wants that as a failure.", "Result"),
            "503": _refusal("The task hub cannot be reached or cannot tell.", _retry_after()),
        },
    }


def _enqueue() -> dict[str, Any]:
    described = "A request, an Azure Monitor alert, a Databricks job notification or SQL alert, or an envelope of one."
    return {
        "operationId": "enqueueAlert",
        "summary": "Put an alert into the queue; the runs that it names are canceled from there.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"description": described}}}},
        "responses": {
            "202": _answer("It is in the queue.", "Queued"),
            "400": _refusal("The body is not JSON."),
            "405": _refusal("It takes POST.", {"Allow": _header("What is allowed.")}),
            "411": _refusal("The request does not tell the length of its body; a chunked body is not taken."),
            "413": _refusal(f"The body has more than {ALERT_LIMIT // 1024} KiB."),
            "415": _refusal("The body is not JSON."),
            "500": _refusal("The alert is read here, being over 64 KiB, and the app settings cannot be used."),
        },
    }


def _openapi() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "getOpenApi",
        "summary": "This document.",
        "responses": {
            "200": {"description": "This document.", "content": content},
            "405": _refusal("It is read with GET.", {"Allow": _header("What is allowed.")}),
        },
    }


def _run_request(workspaces: list[str], hosts: list[str]) -> dict[str, Any]:
    """A run by its id, or by its page, which says the workspace too."""
    by_id = _request(FIELDS, {"runId": 455644833, "reason": "over budget"}, workspaces)
    origins = "|".join(re.escape(host) for host in hosts) if hosts else "https?://[a-z0-9.:-]+"
    number = "[1-9][0-9]{0,17}"
    page = {
        "type": "string",
        # what Databricks puts beside it, as o=, is taken too
        "pattern": f"^({origins})/(jobs/{number}/runs/{number}|#job/{number}/run/{number})$",
        "description": "The URL of the run's page.",
    }
    others = {key: declared.schema for key, declared in FIELDS.items() if key not in {"runId", "workspace"}}
    by_page = {**_object({RUN_PAGE: page, **others}, [RUN_PAGE]), "additionalProperties": False}
    return {"anyOf": [by_id, by_page]}


def _request(fields: Mapping[str, Field], example: dict[str, Any], workspaces: list[str]) -> dict[str, Any]:
    properties = {key: declared.schema for key, declared in fields.items()}
    if workspaces:
        properties["workspace"] = {"type": "string", "enum": [*workspaces, None], "nullable": True}
    schema = _object(properties, [next(iter(fields))])
    return {**schema, "additionalProperties": False, "example": example}


def _accepted(key: str) -> dict[str, Any]:
    return _object(
        {
            "instanceId": {"type": "string"},
            key: _REPORTED_ID,
            "workspace": {"type": "string"},
            "joined": {"type": "boolean", "description": _JOINED},
            "statusUrl": {"type": "string", "format": "uri"},
        }
    )


def _running(described: str, asked: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return _object(
        {
            "instanceId": {"type": "string"},
            "runtimeStatus": {"type": "string", "enum": ["Pending", "Running", "ContinuedAsNew", "Suspended"]},
            "statusUrl": {"type": "string", "format": "uri"},
            **asked,
            "progress": {**_progress(more), "description": described},
        }
    )


def _asked() -> dict[str, Any]:
    return {
        "runId": _REPORTED_ID,
        "workspace": {"type": "string"},
        "dryRun": {"type": "boolean", "description": "A rehearsal: nothing is sent."},
        "startedAt": _TIME,
        "reason": _TEXT,
        "requestedBy": _TEXT,
        "startedBy": _TEXT,
        "fromQueue": {"type": "boolean", "description": _FROM_QUEUE},
    }


def _asked_of_job() -> dict[str, Any]:
    return {"jobId": _REPORTED_ID, "only": _TEXT, **{key: told for key, told in _asked().items() if key != "runId"}}


def _cancellations() -> dict[str, Any]:
    facts: dict[str, dict[str, Any]] = {
        "instanceId": {"type": "string"},
        "runId": _REPORTED_ID,
        "workspace": {"type": "string"},
        "dryRun": {"type": "boolean", "description": "Nothing was or will be sent."},
        "runtimeStatus": {"type": "string"},
        "startedAt": _TIME,
        "endedAt": {**_TIME, "nullable": True, "description": "null while it is under way."},
        "lifeCycleState": _TEXT,
        "resultState": _TEXT,
        "outcome": {**_TEXT, "description": "null while it is under way."},
        "stopped": {"type": "boolean"},
        "errorCode": _TEXT,
        "reason": _TEXT,
        "requestedBy": _TEXT,
        "startedBy": _TEXT,
        "fromQueue": {"type": "boolean", "description": _FROM_QUEUE},
        "statusUrl": {"type": "string", "format": "uri"},
    }
    of_a_run = {
        "runId",
        "lifeCycleState",
        "resultState",
        "errorCode",
    }
    shared = {key: schema for key, schema in facts.items() if key not in of_a_run}
    of_jobs = {"jobId": _REPORTED_ID, "only": _TEXT, **shared}
    following = {"type": "string", "format": "uri", "nullable": True, "description": "Where the older ones are."}
    return _object(
        {
            "cancellations": {"type": "array", "items": _object(facts)},
            "jobs": {"type": "array", "items": _object(of_jobs), "description": "Orders for the runs of a job."},
            "more": {"type": "boolean", "description": "There may be older ones."},
            "next": following,
        }
    )


def _runs() -> dict[str, Any]:
    text = {"type": "string", "nullable": True}
    facts = {
        "runId": _REPORTED_ID,
        "instanceId": {"type": "string", "description": "Of its own cancellation, which can be looked at too."},
        "runtimeStatus": {**text, "description": "null while its cancellation is due."},
        "lifeCycleState": text,
        "cancels": {"type": "integer", "minimum": 0},
        "outcome": {**text, "description": "null while it is under way."},
    }
    return {"type": "array", "items": _object(facts)}


def _progress(more: dict[str, Any]) -> dict[str, Any]:
    overdue = {
        "type": "integer",
        "minimum": 0,
        "description": "How long the next step has been due. Minutes of it mean that nobody watches the run now.",
    }
    return _object({"overdueSeconds": overdue, **more})


def _result(kind: type) -> dict[str, Any]:
    properties = result_schema(kind)
    return _object(properties, [key for key in properties if key not in NOT_ALWAYS])


def _problem() -> dict[str, Any]:
    return _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "problems": {"type": "array", "items": {"type": "string"}},
        }
    )


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or list(properties)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, and to whoever prefers HTML the same as a page; so are the refusals beside it."""
    return {**answer, "content": {**answer["content"], "text/html": {"schema": {"type": "string"}}}}


def _answer(description: str, schema: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(schema)}}
    return {"description": description, "headers": headers or {}, "content": content}


def _refusal(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"description": description, "headers": headers or {}, "content": content}


def _header(description: str, type_: str = "string") -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": type_}}


def _retry_after() -> dict[str, Any]:
    return {"Retry-After": _header("Seconds to wait before looking again.", "integer")}


def _location() -> dict[str, Any]:
    return {"Location": _header("The absolute URL to look at."), **_retry_after()}
