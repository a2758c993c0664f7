"""``pytest --soak``: the same tests with other numbers, and what they counted told at the end.

A test that has two sizes is marked ``soak`` and asks the fixture of that name which one is meant. Under ``--soak`` the
tests that have only one size are left out, and hypothesis tries many more examples. Whatever a test counts with
``tally`` is summed over all workers and printed after the last test, in either size.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

TALLY = "tally: "
EXAMPLES, SOAK_EXAMPLES = 100, 3000

# the same examples on every machine: a failure in CI is a failure here
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=EXAMPLES)
# other ones at every run: that is what the time is spent for; a failure prints how to have it again
settings.register_profile("soak", deadline=None, max_examples=SOAK_EXAMPLES, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the tests that have two sizes, at their full size")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: has a full size, which `make soak` runs")
    settings.load_profile("soak" if config.getoption("soak") else "repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("soak"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak") is None])
        items[:] = [item for item in items if item.get_closest_marker("soak") is not None]


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """True when the test is to run at its full size."""
    return bool(request.config.getoption("soak"))


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Adds a number to what the closing summary says under that name; 0 is worth saying too."""

    def add(name: str, number: int) -> None:
        request.node.user_properties.append((TALLY + name, number))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                told.update({name: cast("int", number) for name, number in report.user_properties})
    counted = {name.removeprefix(TALLY): number for name, number in told.items() if name.startswith(TALLY)}
    if counted:
        terminalreporter.section("counted")
        for name in sorted(counted):
            terminalreporter.line(f"{counted[name]:>9,}  {name}")
