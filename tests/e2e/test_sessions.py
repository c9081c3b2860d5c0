"""The page "Your sessions", with two browsers of one user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .running import Demo
from .steps import sign_in
from .watching import Watch

NOTICE = "You were signed out from another device."


@pytest.fixture
def elsewhere(chromium: Browser, watch: Watch) -> Iterator[Page]:
    context = chromium.new_context(
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", java_script_enabled=False
    )
    watch.attach(context)
    yield context.new_page()
    context.close()


def test_user_ends_the_sessions_in_another_browser(demo: Demo, page: Page, elsewhere: Page) -> None:
    sign_in(elsewhere, demo.a)
    sign_in(page, demo.a)
    page.get_by_role("link", name="Your profile").click()
    page.get_by_role("link", name="Your sessions").click()
    devices = page.get_by_role("listitem")
    expect(devices.first).to_contain_text("Chrome on Linux This session")
    expect(devices.first).to_contain_text("Signed in since")
    # All others: those that earlier tests have left are among them.
    page.get_by_role("button", name="End all other sessions").click()
    expect(devices).to_have_count(1)
    expect(page.get_by_role("button", name="End all other sessions")).to_have_count(0)
    expect_signed_out(elsewhere)

    # One, by keyboard. The OP still knows the other browser, which so needs no password.
    elsewhere.goto(f"{demo.a}/private/")
    elsewhere.goto(f"{demo.a}/")
    page.reload()
    expect(devices).to_have_count(2)
    expect(devices.last).to_contain_text("Firefox on Linux")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="End this session")).to_be_focused()
    page.keyboard.press("Enter")
    expect(devices).to_have_count(1)
    expect_signed_out(elsewhere)
    page.goto(f"{demo.a}/private/")
    expect(page.locator("#username")).to_have_text("alice")


def expect_signed_out(page: Page) -> None:
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(page.get_by_role("status")).to_have_text(NOTICE)
