"""The demo, started once, and a fresh Chromium profile for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from .running import Demo, have_ended, start_demo, watched
from .watching import Watch

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder speak to the demo, on this machine and no other."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Ends as a user ends it, by Ctrl-C, which must leave no process and no file."""
    demo = start_demo(tmp_path_factory.mktemp("demo"))
    try:
        assert demo.process.poll() is None, demo.output
        with watched(demo.find_children()) as children:
            assert len(children) == 3
            yield demo
            assert demo.stop() == 0, demo.output
            assert have_ended(children, timeout=0)
    finally:
        demo.stop()
    assert list(demo.folder.iterdir()) == []
    assert demo.output.endswith("The demo has ended. Nothing is left of it.\n")
    assert "Traceback" not in demo.output, demo.output


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def watch(demo: Demo) -> Iterator[Watch]:
    """Fails the test for whatever went wrong on its pages."""
    watch = Watch(frozenset({demo.op, demo.a, demo.b}))
    yield watch
    assert watch.faults == []


@pytest.fixture
def context(chromium: Browser, watch: Watch) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    watch.attach(context)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
