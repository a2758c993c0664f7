"""The engine of the local host, with an app of its own: 1.x functions, registered as any app registers them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import pytest

from local_host.engine.engine import Engine, InstanceExistsError, UnknownOrchestratorError
from local_host.engine.instance import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_host.engine.instance import Instance

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

    @app.function_name("failTwice")
    @app.activity_trigger(input_name="key")
    def fail_twice(key: str) -> int:
        with scene.lock:
            scene.tries[key] = scene.tries.get(key, 0) + 1
            tries = scene.tries[key]
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


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def engine(scene: Scene) -> Iterator[Engine]:
    with contextlib.closing(Engine(create_app(scene).get_functions())) as running:
        yield running


@pytest.fixture(scope="module")
def small_engine(scene: Scene) -> Iterator[Engine]:
    """An engine that runs two activities at a time."""
    with contextlib.closing(Engine(create_app(scene).get_functions(), activity_threads=2)) as running:
        yield running


@pytest.fixture
def run(engine: Engine, request: pytest.FixtureRequest) -> Callable[[str, Any], Instance]:
    """Runs an orchestrator to its end, under an id of the test's own."""

    def run_to_its_end(name: str, input_: Any = None) -> Instance:
        engine.start(name, request.node.name, input_)
        return engine.wait_until_ended(request.node.name, SECONDS)

    return run_to_its_end


def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition has become true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        threading.Event().wait(0.005)


def status_of(engine: Engine, instance_id: str) -> str | None:
    instance = engine.get(instance_id)
    return instance.runtime_status if instance is not None else None


# -- orchestrators written for the 1.x SDK -----------------------------------------------------------------------------


def test_an_unchanged_generator_has_activities_retries_timers_and_the_time_in_utc(
    run: Callable[..., Instance], engine: Engine
) -> None:
    asked = {"text": "ä", "list": [1, {"deep": None}], "long": 2**60}
    ended = run("all-there-is", asked)
    assert ended.runtime_status == "Completed"
    output = dict(ended.output)
    assert 0.02 <= output.pop("waited") < SECONDS
    assert output == {
        "echoed": asked,
        "sameObject": False,
        "retried": 3,
        "zone": "UTC",
        "instanceId": ended.instance_id,
        "isReplaying": False,
    }
    assert (ended.name, ended.input, ended.custom_status) == ("all-there-is", asked, {"step": "done"})
    assert ended.created_at < ended.last_updated_at
    assert engine.get(ended.instance_id) == ended


def test_what_is_returned_after_continue_as_new_is_nobodys_and_the_custom_status_stays(
    engine: Engine, scene: Scene
) -> None:
    gates = {}
    for number in (1, 2, 3):
        gates[number] = scene.gate(f"heir-{number}")
    engine.start("generations", "heir", {"generation": 1, "last": 3})
    for number, (entered, gate) in gates.items():
        assert entered.wait(SECONDS)
        seen = engine.get("heir")
        assert seen is not None
        assert seen.runtime_status == "Running"
        assert seen.custom_status == {"set by": 1}, "Azure's carries it over, although only the first set one"
        assert seen.input["generation"] == number
        gate.set()
    ended = engine.wait_until_ended("heir", SECONDS)
    assert ended.output == {"generation": 3, "last": 3, "heard": "heir-2"}
    assert ended.custom_status == {"set by": 1}


def test_an_orchestrator_that_is_no_generator_is_run_too(run: Callable[..., Instance]) -> None:
    assert run("plain", {"a": 1}).output == {"a": 1}


def test_no_input_is_none(run: Callable[..., Instance]) -> None:
    ended = run("plain")
    assert (ended.runtime_status, ended.input, ended.output) == ("Completed", None, None)


def test_an_exception_out_of_the_orchestrator_fails_the_instance_and_is_its_output(
    run: Callable[..., Instance],
) -> None:
    ended = run("raise", "no such thing")
    assert (ended.runtime_status, ended.output) == ("Failed", "no such thing")


def test_an_output_that_json_cannot_say_fails_the_instance(run: Callable[..., Instance]) -> None:
    assert run("unsayable").runtime_status == "Failed"


def test_tasks_can_be_awaited_together(run: Callable[..., Instance]) -> None:
    assert run("fan").output == list(range(FAN))


def test_an_event_reaches_whoever_waits_for_it(engine: Engine) -> None:
    engine.start("listen", "listener")
    assert engine.raise_event("listener", "news", {"good": True}) is not None
    ended = engine.wait_until_ended("listener", SECONDS)
    assert ended.output == {"heard": {"good": True}, "itWasTheEvent": True}


# -- activities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, True, 0, "", "text", [], {}, {"a": [1, None]}])
@pytest.mark.parametrize("activity", ["echo", "echoLater"])
def test_json_arrives_at_an_activity_and_comes_back_as_it_was(
    activity: str, value: Any, run: Callable[..., Instance]
) -> None:
    ended = run("call", [activity, value])
    assert (ended.runtime_status, ended.output) == ("Completed", value)


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        ("failLoudly", "the disk is full"),
        ("failSilently", "KeyError"),
        ("giveASet", "set"),
        ("noSuchActivity", "noSuchActivity"),
    ],
)
def test_the_exception_of_an_activity_reaches_the_generator(
    activity: str, said: str, run: Callable[..., Instance]
) -> None:
    ended = run("catch", activity)
    assert ended.runtime_status == "Completed"
    assert said in ended.output["caught"]


@pytest.mark.parametrize("activity", ["failLoudly", "failSilently"])
def test_the_exception_of_an_activity_that_nobody_catches_fails_the_instance(
    activity: str, run: Callable[..., Instance]
) -> None:
    assert run("call", [activity, None]).runtime_status == "Failed"


def test_orchestrators_go_on_while_every_activity_thread_waits(small_engine: Engine, scene: Scene) -> None:
    gates = [scene.gate(f"blocked-{number}") for number in range(3)]
    for number in range(3):
        small_engine.start("call", f"blocked-{number}", ["pass", f"blocked-{number}"])
    until(lambda: sum(entered.is_set() for entered, _ in gates) == 2)
    small_engine.start("plain", "free", 1)
    assert small_engine.wait_until_ended("free", SECONDS).output == 1
    assert sum(entered.is_set() for entered, _ in gates) == 2
    for _, gate in gates:
        gate.set()
    for number in range(3):
        assert small_engine.wait_until_ended(f"blocked-{number}", SECONDS).output == f"blocked-{number}"


def test_payloads_of_megabytes_pass(run: Callable[..., Instance]) -> None:
    text = "x" * 5_000_000
    assert run("call", ["echo", text]).output == text


# -- one instance for one id -------------------------------------------------------------------------------------------


def test_an_id_is_taken_until_its_instance_has_ended(engine: Engine) -> None:
    engine.start("sleep", "taken")
    with pytest.raises(InstanceExistsError) as refused:
        engine.start("plain", "taken")
    assert refused.value.instance_id == "taken"
    assert refused.value.runtime_status in {"Pending", "Running"}
    engine.terminate("taken", "enough")
    engine.wait_until_ended("taken", SECONDS)
    engine.start("plain", "taken", "afresh")
    assert engine.wait_until_ended("taken", SECONDS).output == "afresh"
    assert [instance.name for instance in engine.instances() if instance.instance_id == "taken"] == ["plain"]


def test_an_orchestrator_that_nobody_registered_is_refused(engine: Engine) -> None:
    with pytest.raises(UnknownOrchestratorError):
        engine.start("echo", "an-activity-is-none")
    assert engine.get("an-activity-is-none") is None


def test_of_many_starts_at_the_same_moment_exactly_one_wins(engine: Engine) -> None:
    together = threading.Barrier(8)

    def start(number: int) -> int | None:
        together.wait(SECONDS)
        try:
            engine.start("sleep", "contested", number)
        except InstanceExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(start, range(8)) if number is not None]
    contested = engine.get("contested")
    assert contested is not None
    assert winners == [contested.input]


def test_an_activity_of_an_earlier_execution_does_not_reach_the_next_one_of_the_same_id(
    small_engine: Engine, scene: Scene
) -> None:
    first_entered, first_gate = scene.gate("first")
    second_entered, second_gate = scene.gate("second")
    small_engine.start("call", "twice", ["pass", "first"])
    assert first_entered.wait(SECONDS)
    small_engine.terminate("twice", "enough")
    small_engine.wait_until_ended("twice", SECONDS)
    small_engine.start("call", "twice", ["pass", "second"])
    assert second_entered.wait(SECONDS)
    first_gate.set()
    # both threads were taken: another activity runs only after the first has delivered its result
    small_engine.start("call", "another", ["echo", None])
    small_engine.wait_until_ended("another", SECONDS)
    assert status_of(small_engine, "twice") == "Running"
    second_gate.set()
    assert small_engine.wait_until_ended("twice", SECONDS).output == "second"


# -- orders ------------------------------------------------------------------------------------------------------------


def test_a_terminated_instance_has_no_output_because_azure_keeps_none(engine: Engine) -> None:
    engine.start("sleep", "stopped")
    found = engine.terminate("stopped", "enough")
    assert found is not None
    assert found.runtime_status not in ENDED
    ended = engine.wait_until_ended("stopped", SECONDS)
    assert (ended.runtime_status, ended.output) == ("Terminated", None)


def test_a_suspended_instance_takes_no_step_until_it_is_resumed(engine: Engine, scene: Scene) -> None:
    entered, gate = scene.gate("paused")
    engine.start("call", "paused", ["pass", "paused"])
    assert entered.wait(SECONDS)
    engine.suspend("paused", "a pause")
    until(lambda: status_of(engine, "paused") == "Suspended")
    gate.set()
    until(lambda: "TaskCompleted" in engine.history("paused"))
    assert status_of(engine, "paused") == "Suspended"
    with pytest.raises(InstanceExistsError):
        engine.start("plain", "paused")
    engine.resume("paused", "go on")
    assert engine.wait_until_ended("paused", SECONDS).output == "paused"


def test_a_suspended_instance_can_be_terminated(engine: Engine) -> None:
    engine.start("sleep", "suspended")
    engine.suspend("suspended", "")
    until(lambda: status_of(engine, "suspended") == "Suspended")
    engine.terminate("suspended", "enough")
    assert engine.wait_until_ended("suspended", SECONDS).runtime_status == "Terminated"


def test_orders_to_an_ended_or_unknown_instance_change_nothing(engine: Engine, run: Callable[..., Instance]) -> None:
    ended = run("plain", "over")
    for order in (engine.terminate, engine.suspend, engine.resume):
        assert order(ended.instance_id, "too late") == ended
        assert order("nobody", "too early") is None
    assert engine.raise_event(ended.instance_id, "news", None) == ended
    assert engine.get(ended.instance_id) == ended


def test_only_an_ended_instance_is_purged_and_then_it_is_unknown(engine: Engine) -> None:
    engine.start("sleep", "litter")
    assert not engine.purge("litter")
    engine.terminate("litter", "")
    engine.wait_until_ended("litter", SECONDS)
    assert engine.purge("litter")
    assert not engine.purge("litter")
    assert engine.get("litter") is None
    assert engine.history("litter") == ""
    with pytest.raises(KeyError):
        engine.wait_until_ended("litter", SECONDS)


def test_the_history_has_every_input_result_and_failure(engine: Engine, run: Callable[..., Instance]) -> None:
    told = engine.history(run("call", ["echo", "the-input-itself"]).instance_id)
    assert told.count("the-input-itself") >= 3
    engine.start("catch", "caught", "failLoudly")
    engine.wait_until_ended("caught", SECONDS)
    assert "the disk is full" in engine.history("caught")
    kinds = [event["EventType"] for event in engine.history_events("caught")]
    assert [kind for kind in kinds if kind.startswith(("Task", "Execution"))] == [
        "ExecutionStarted",
        "TaskScheduled",
        "TaskFailed",
        "ExecutionCompleted",
    ]


def test_waiting_for_an_end_that_does_not_come_is_a_timeout(engine: Engine) -> None:
    engine.start("sleep", "endless")
    with pytest.raises(TimeoutError):
        engine.wait_until_ended("endless", 0.05)


# -- many, and the end -------------------------------------------------------------------------------------------------


def test_hundreds_of_instances_at_once_all_complete(engine: Engine) -> None:
    count = 250
    for number in range(count):
        engine.start("steps", f"one-of-many-{number}", {"number": number})
    for number in range(count):
        assert engine.wait_until_ended(f"one-of-many-{number}", SECONDS).output == {"number": number}
    many = [one for one in engine.instances() if one.instance_id.startswith("one-of-many-")]
    assert len(many) == count
    assert {one.runtime_status for one in many} == {"Completed"}


def test_closing_is_quick_and_silent_although_instances_wait(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(create_app(scene).get_functions())
    for number in range(20):
        engine.start("sleep", f"sleeper-{number}")
    caplog.clear()  # the library, too, says something about an app without HTTP
    until(lambda: all(instance.custom_status == "asleep" for instance in engine.instances()))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.wait_until_ended, "sleeper-0", SECONDS)
        began = time.monotonic()
        engine.close()
        took = time.monotonic() - began
        assert waiting.exception(SECONDS) is not None, "whoever waits is let go"
    assert took < 2, "durabletask's worker looks once in a second whether it shall end"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


def test_closing_waits_for_the_activities_that_have_begun_and_lets_no_other_begin(scene: Scene) -> None:
    engine = Engine(create_app(scene).get_functions(), activity_threads=1)
    gates = [scene.gate(f"last-{number}") for number in range(5)]
    for number in range(5):
        engine.start("call", f"last-{number}", ["pass", f"last-{number}"])
    until(lambda: any(entered.is_set() for entered, _ in gates))
    until(lambda: all(engine.history(f"last-{number}").count("TaskScheduled") == 1 for number in range(5)))
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(engine.close)
        until(lambda: _refuses(engine))
        assert not closing.done()
        for _, gate in gates:
            gate.set()
        closing.result(SECONDS)
    assert sum(entered.is_set() for entered, _ in gates) == 1


def _refuses(engine: Engine) -> bool:
    """The engine has begun to close: it waits for nobody's end any more."""
    try:
        engine.wait_until_ended("last-0", 0.02)
    except TimeoutError:
        return True
    return False


def test_the_root_logger_is_left_alone(engine: Engine) -> None:
    assert engine.instances() is not None
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("durabletask").handlers == []
