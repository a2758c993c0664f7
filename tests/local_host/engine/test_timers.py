"""Timers of the local host: each at its time, in their order, and none after the end."""

from __future__ import annotations

import functools
import threading
from contextlib import closing

from local_host.engine.timers import Timers

SECONDS = 30.0


def test_timers_fire_in_the_order_in_which_they_are_due() -> None:
    fired: list[str] = []
    done = threading.Event()
    with closing(Timers()) as timers:
        timers.call_in(0.2, done.set)
        timers.call_in(0.1, functools.partial(fired.append, "second"))
        timers.call_in(0.1, functools.partial(fired.append, "third"))
        timers.call_in(-5, functools.partial(fired.append, "at once"))
        assert done.wait(SECONDS)
    assert fired == ["at once", "second", "third"]


def test_a_thousand_timers_do_not_hold_a_thread_each_and_none_fires_after_the_end() -> None:
    fired: list[int] = []
    before = threading.active_count()
    with closing(Timers()) as timers:
        for number in range(1000):
            timers.call_in(3600, functools.partial(fired.append, number))
        assert threading.active_count() < before + 100  # other tests' hosts may be starting theirs
    assert fired == []
