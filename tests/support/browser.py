"""A real browser for the tests of the pages: Chromium, where there is one."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

AXE = ROOT / ".axe/node_modules/axe-core/axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Where Chromium is, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def missing() -> str | None:
    """Why no browser can be used here, or None."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return None if chromium() else f"there is no Chromium on this machine (none of {', '.join(_NAMES)})"


in_a_browser = pytest.mark.skipif(missing() is not None, reason=str(missing()))
judged_by_axe = pytest.mark.skipif(
    not AXE.exists(), reason="axe-core is not installed (`make test` installs it where there is npm)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # it may be missing where no browser is

    with sync_playwright() as playwright:
        # no sandbox of its own: in a container, and as root, it has none to make; what it opens is ours
        launched = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A small screen in the dark."""
    context = browser.new_context(viewport={"width": 360, "height": 640}, color_scheme="dark")
    yield context
    context.close()


@pytest.fixture
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """A large screen in daylight."""
    context = browser.new_context(viewport={"width": 1000, "height": 800}, color_scheme="light")
    yield context
    context.close()


def found_by_axe(page: Page) -> list[dict[str, Any]]:
    """What axe-core has against the page: each rule with the elements that break it, or that it is not sure of.

    It is never sure of colours in a picture; those are judged in test_words.py.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report = page.evaluate("axe.run()")
    return [
        {"rule": one["id"], "at": [node["html"] for node in one["nodes"]]}
        for kind in ("violations", "incomplete")
        for one in report[kind]
        if (kind, one["id"]) != ("incomplete", "color-contrast")
    ]
