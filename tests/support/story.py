"""A cancellation in the workspace's time: the registered orchestrator, the app's activities and client, real sockets.

Only the time is played. It passes with the orchestration's timers: to wait for a day takes as long as for a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cancel_run.activities import Activities
from cancel_run.cancellation.order import Order
from cancel_run.cancellation.schedule import Schedule
from cancel_run.settings import Settings
from function_app import create_app
from local_host.emulators.workspace import JobsApi
from tests.support.replay import Ended, Replay, orchestrator_of
from tests.support.scripts import RUN_ID, START
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.emulators.run_life import Life

SCHEDULE = Schedule()
FROM_QUEUE = Order(RUN_ID, "prod", asked_at=START, from_queue=True, schedule=SCHEDULE)
OVER_HTTP = replace(FROM_QUEUE, from_queue=False)


@dataclass
class Event:
    """What somebody else does, once, before the first call of a step (any where it is empty) at which it is time."""

    is_time: Callable[[], bool]
    happens: Callable[[], object]
    step: str = ""


@dataclass
class Story:
    """One run in a workspace; ``url`` is for whoever serves ``workspace`` to note."""

    environ: dict[str, str]
    url: str = ""
    events: list[Event] = field(default_factory=list)
    cancels_sent: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workspace = JobsApi(TOKEN, clock=self.monotonic)
        handle = orchestrator_of(create_app({}), "cancel-active-run")
        self._replay = Replay(handle, self._answer, now=START, twice=False)

    # -- the clock of all --------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self._replay.now

    def monotonic(self) -> float:
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a thread sleeps {seconds} s")

    # -- what happens ------------------------------------------------------------------------------------------------

    def add_run(self, life: Life | None = None) -> None:
        self.workspace.add_run(life, run_id=RUN_ID)

    def state(self) -> str:
        """The life cycle state, behind the API's back."""
        return self.workspace.state_of(RUN_ID)

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        """So long after the beginning."""
        self.events.append(Event(lambda: (self.now() - START).total_seconds() >= seconds, happens))

    def once_in(self, state: str, happens: Callable[[], object], *, step: str = "") -> None:
        """When the run has come to that state, before the app asks for anything else."""
        self.events.append(Event(lambda: self.state() == state, happens, step))

    def pass_time(self, seconds: float) -> None:
        """An activity lies about so long before it is carried out."""
        self._replay.now += timedelta(seconds=seconds)

    def play(self, order: Order = FROM_QUEUE) -> Ended:
        """How the order ended."""
        environ = self.environ | {"DATABRICKS_WORKSPACES": f'{{"prod": {{"host": "{self.url}"}}}}'}
        settings = Settings.from_environ(environ | {"HTTP_TIMEOUT_SECONDS": "10"})
        activities = Activities(lambda: settings, self)
        self._steps = {
            "readRun": activities.read_run,
            "cancelRun": activities.cancel_run,
            "pollRun": activities.poll_run,
        }
        return self._replay.run(order.to_json())

    def _answer(self, step: str, question: Any) -> Any:
        for event in [one for one in self.events if one.step in {"", step} and one.is_time()]:
            self.events.remove(event)
            event.happens()
        before = self.workspace.count("cancel")
        answer = self._steps[step](question)
        self.cancels_sent += [self.now()] * (self.workspace.count("cancel") - before)
        return answer
