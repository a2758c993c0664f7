"""An app for the tests of the engine: 1.x functions, registered as any app registers them."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.engine.engine import Engine


SECONDS = 20.0  # the longest that anything here may take
HOUR = timedelta(hours=1)
FAN = 20


class Scene:
    """What the activities of the tests' app share with the tests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tries: dict[str, int] = {}
        self.gates: dict[str, threading.Event] = {}
        self.entered: dict[str, threading.Event] = {}

    def gate(self, name: str) -> tuple[threading.Event, threading.Event]:
        """Set when an activity stands before the gate; to be set to let it through."""
        with self.lock:
            return (
                self.entered.setdefault(name, threading.Event()),
                self.gates.setdefault(name, threading.Event()),
            )

    def tried(self, key: str) -> int:
        """The tries under that key, with this one."""
        with self.lock:
            self.tries[key] = self.tries.get(key, 0) + 1
            return self.tries[key]


def create_app(scene: Scene) -> df.DFApp:  # noqa: C901, PLR0915  # an app is a list of functions
    app = df.DFApp()

    def orchestrator(name: str) -> Callable[[Any], Any]:
        return lambda function: app.function_name(name)(app.orchestration_trigger(context_name="context")(function))

    @orchestrator("all-there-is")
    def all_there_is(context: Any) -> Any:
        asked = context.get_input()
        context.set_custom_status({"step": "echo"})
        echoed = yield context.call_activity("echo", asked)
        retried = yield context.call_activity_with_retry("failTwice", df.RetryOptions(1, 3), context.instance_id)
        began = context.current_utc_datetime
        yield context.create_timer(began + timedelta(milliseconds=10))
        yield context.create_timer((context.current_utc_datetime + timedelta(milliseconds=10)).replace(tzinfo=None))
        context.set_custom_status({"step": "done"})
        return {
            "echoed": echoed,
            "sameObject": asked is echoed,
            "retried": retried,
            "zone": str(began.tzinfo),
            "waited": (context.current_utc_datetime - began).total_seconds(),
            "instanceId": context.instance_id,
            "isReplaying": context.is_replaying,
        }

    @orchestrator("generations")
    def generations(context: Any) -> Any:
        state = context.get_input()
        if state["generation"] == 1:
            context.set_custom_status({"set by": 1})
        heard = yield context.call_activity("pass", f"{context.instance_id}-{state['generation']}")
        if state["generation"] < state["last"]:
            context.continue_as_new({**state, "generation": state["generation"] + 1, "heard": heard})
            return "nobody's"
        return state

    @orchestrator("call")
    def call(context: Any) -> Any:
        name, argument = context.get_input()
        result = yield context.call_activity(name, argument)
        return result

    @orchestrator("catch")
    def catch(context: Any) -> Any:
        try:
            yield context.call_activity(context.get_input(), None)
        except Exception as error:  # noqa: BLE001  # as orchestrators written for the SDK do
            return {"caught": str(error)}

    @orchestrator("raise")
    def fail(context: Any) -> Any:
        yield context.call_activity("echo", None)
        raise ValueError(context.get_input())

    @orchestrator("sleep")
    def sleep(context: Any) -> Any:
        context.set_custom_status("asleep")
        yield context.create_timer(context.current_utc_datetime + HOUR)

    @orchestrator("listen")
    def listen(context: Any) -> Any:
        event = context.wait_for_external_event("news")
        first = yield context.task_any([event, context.create_timer(context.current_utc_datetime + HOUR)])
        return {"heard": first.result, "itWasTheEvent": first is event}

    @orchestrator("slowTurn")
    def slow_turn(context: Any) -> Any:
        yield context.call_activity("echo", None)
        entered, gate = scene.gate(context.instance_id)
        entered.set()
        assert gate.wait(SECONDS)
        yield context.wait_for_external_event("news")
        calls = yield context.call_activity("count", context.instance_id)
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=5))
        return calls

    @orchestrator("fan")
    def fan(context: Any) -> Any:
        results = yield context.task_all([context.call_activity("echo", number) for number in range(FAN)])
        return results

    @orchestrator("steps")
    def steps(context: Any) -> Any:
        first = yield context.call_activity("echo", context.get_input())
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=5))
        return first

    @orchestrator("plain")
    def plain(context: Any) -> Any:
        return context.get_input()

    @orchestrator("unsayable")
    def unsayable(context: Any) -> Any:
        yield context.call_activity("echo", None)
        return {1, 2}

    @app.activity_trigger(input_name="value")
    def echo(value: Any) -> Any:
        return value

    @app.function_name("echoLater")
    @app.activity_trigger(input_name="value")
    async def echo_later(value: Any) -> Any:
        return value

    @app.activity_trigger(input_name="key")
    def count(key: str) -> int:
        return scene.tried(key)

    @app.function_name("failTwice")
    @app.activity_trigger(input_name="key")
    def fail_twice(key: str) -> int:
        tries = scene.tried(key)
        if tries <= 2:
            raise OSError(f"try {tries}")
        return tries

    @app.function_name("failSilently")
    @app.activity_trigger(input_name="nothing")
    def fail_silently(nothing: None) -> None:  # noqa: ARG001  # the trigger's parameter
        raise KeyError

    @app.function_name("failLoudly")
    @app.activity_trigger(input_name="nothing")
    def fail_loudly(nothing: None) -> None:  # noqa: ARG001  # the same
        raise OSError("the disk is full")

    @app.function_name("giveASet")
    @app.activity_trigger(input_name="nothing")
    def give_a_set(nothing: None) -> set[int]:  # noqa: ARG001  # the same
        return {1}

    @app.function_name("pass")
    @app.activity_trigger(input_name="name")
    def pass_(name: str) -> str:
        entered, gate = scene.gate(name)
        entered.set()
        assert gate.wait(SECONDS)
        return name

    return app


def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition has become true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        threading.Event().wait(0.005)


def status_of(engine: Engine, instance_id: str) -> str | None:
    instance = engine.get(instance_id)
    return instance.runtime_status if instance is not None else None
