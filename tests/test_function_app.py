"""The worker's rules, held against every function that is registered: one refused function hides the whole app."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import types
import typing
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.core import BindingDirection
from pathspec import PathSpec

import function_app
from function_app import create_app
from tests.support import ROOT

FUNCTIONS = {function.get_function_name(): function for function in create_app({}).get_functions()}
NAMES = sorted(FUNCTIONS)


def of_type(trigger: str) -> list[str]:
    return [name for name in NAMES if FUNCTIONS[name].get_trigger().type == trigger]


def parameters(name: str) -> dict[str, Any]:
    user_function = FUNCTIONS[name].get_user_function()
    hints = typing.get_type_hints(user_function)
    return {key: hints.get(key) for key in inspect.signature(user_function).parameters}


def test_the_functions_are_those_that_the_design_names() -> None:
    orchestration = {"cancel-active-run", "rehearse-cancellation", "readRun", "cancelRun", "pollRun"}
    orchestration |= {"cancel-active-runs", "listActiveRuns", "startCancellations", "readCancellations"}
    triggers = {"startFromHttp", "listCancellations", "getCancellation", "startFromQueue", "enqueueAlert", "getOpenApi"}
    triggers |= {"startJobFromHttp", "getJobCancellation"}
    assert set(NAMES) == orchestration | triggers | {"purgeHistory", "watchTokens"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_letters_digits_hyphens_and_underscores_and_begins_with_a_letter(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,126}", name)


def test_the_app_is_indexed_whole_and_no_name_is_there_twice() -> None:
    assert len(create_app({}).get_functions()) == len(NAMES)  # the library raises on a second function of one name


def test_the_module_holds_exactly_one_app() -> None:
    apps = [value for value in vars(function_app).values() if isinstance(value, func.FunctionRegister)]
    assert apps == [function_app.app]


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_are_the_bindings_and_nothing_else(name: str) -> None:
    bound = {binding.name for binding in FUNCTIONS[name].get_bindings() if binding.name != "$return"}
    assert set(parameters(name)) == bound


@pytest.mark.parametrize("name", NAMES)
def test_every_annotation_resolves_at_run_time_to_a_class(name: str) -> None:
    for annotation in parameters(name).values():
        out = typing.get_origin(annotation) is func.Out
        assert annotation is None or isinstance(annotation, type) or out
        assert not isinstance(annotation, types.GenericAlias)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_a_plain_function(name: str) -> None:
    assert inspect.isfunction(FUNCTIONS[name].get_user_function())


@pytest.mark.parametrize("name", of_type("orchestrationTrigger"))
def test_the_context_parameter_of_an_orchestrator_is_called_context(name: str) -> None:
    assert list(parameters(name)) == ["context"]
    plain = FUNCTIONS[name].get_user_function().orchestrator_function
    assert list(inspect.signature(plain).parameters) == ["context"]
    assert inspect.isgeneratorfunction(plain)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in of_type("orchestrationTrigger")])
def test_no_other_function_has_a_parameter_called_context(name: str) -> None:
    assert "context" not in parameters(name)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "durableClient" in {b.type for b in FUNCTIONS[name].get_bindings()}]
)
def test_a_function_with_a_durable_client_is_async_and_takes_it_as_text(name: str) -> None:
    user_function = FUNCTIONS[name].get_user_function()
    assert inspect.iscoroutinefunction(user_function)
    client = next(b.name for b in FUNCTIONS[name].get_bindings() if b.type == "durableClient")
    assert parameters(name)[client] is str


@pytest.mark.parametrize("name", of_type("activityTrigger"))
def test_an_activity_is_synchronous_because_requests_would_block_the_event_loop(name: str) -> None:
    """But for one that only asks the task hub, with a durable client that is awaited."""
    has_client = "durableClient" in {binding.type for binding in FUNCTIONS[name].get_bindings()}
    assert inspect.iscoroutinefunction(FUNCTIONS[name].get_user_function()) is has_client


@pytest.mark.parametrize("name", of_type("queueTrigger"))
def test_a_queue_function_returns_nothing(name: str) -> None:
    assert typing.get_type_hints(FUNCTIONS[name].get_user_function())["return"] is type(None)


@pytest.mark.parametrize("environ", [{}, {"CANCEL_QUEUE_NAME": "stop-them"}, {"CANCEL_QUEUE_NAME": "Not A Queue"}])
def test_alerts_are_written_to_the_queue_that_is_read(environ: dict[str, str]) -> None:
    bindings = [binding for function in create_app(environ).get_functions() for binding in function.get_bindings()]
    queues = [binding.get_dict_repr() for binding in bindings if binding.type in {"queueTrigger", "queue"}]
    name = environ.get("CANCEL_QUEUE_NAME", "cancel-active-run")
    assert [queue["queueName"] for queue in queues] == [name if " " not in name else "cancel-active-run"] * 2
    assert {queue["connection"] for queue in queues} == {"AzureWebJobsStorage"}


@pytest.mark.parametrize("name", of_type("httpTrigger"))
def test_an_http_function_says_that_it_returns_a_response(name: str) -> None:
    assert typing.get_type_hints(FUNCTIONS[name].get_user_function())["return"] is func.HttpResponse


@pytest.mark.parametrize("name", NAMES)
def test_no_binding_goes_both_ways(name: str) -> None:
    directions = {BindingDirection(binding.direction) for binding in FUNCTIONS[name].get_bindings()}
    assert directions <= {BindingDirection.IN, BindingDirection.OUT}


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, "function"),
        ({"HTTP_AUTH_LEVEL": "anonymous"}, "anonymous"),
        ({"HTTP_AUTH_LEVEL": "nobody-knows"}, "function"),
    ],
)
def test_the_http_triggers_ask_for_a_key_unless_the_settings_say_otherwise(environ: dict[str, str], level: str) -> None:
    levels = {
        function.get_trigger().get_dict_repr()["authLevel"].value.lower()
        for function in create_app(environ).get_functions()
        if function.get_trigger().type == "httpTrigger"
    }
    assert levels == {level}


def test_what_is_uploaded_to_azure_is_the_app_and_nothing_else() -> None:
    kept_here = PathSpec.from_lines("gitignore", (ROOT / ".funcignore").read_text().splitlines())
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607  # git is where the shell finds it
    uploaded = {path for path in listed.stdout.splitlines() if not kept_here.match_file(path)}
    assert {path for path in uploaded if not path.startswith("cancel_run/")} == {
        "function_app.py",
        "host.json",
        "requirements.txt",
    }
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "cancel_run").rglob("*.py")} <= uploaded


def test_the_app_loads_with_no_settings_at_all_and_without_azures_clients() -> None:
    code = (
        "import sys, function_app\n"
        "late = [name for name in sys.modules if name.startswith(('azure.identity', 'azure.keyvault', 'msal'))]\n"
        "assert not late, late\n"
        "assert 'local_host' not in sys.modules\n"
    )
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
