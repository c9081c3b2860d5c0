"""prompt=none: signed in if the OP knows the browser, back as before if not, and no page in between."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .running import Demo
from .steps import sign_in


def test_silent_login_finds_the_session_at_the_op(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    page.goto(f"{demo.b}/")
    page.get_by_role("link", name="Silent sign-in").click()
    expect(page).to_have_url(f"{demo.b}/")
    expect(page.locator("#username")).to_have_text("alice")


def test_silent_login_comes_back_without_one(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.b}/")
    page.get_by_role("link", name="Silent sign-in").click()
    expect(page).to_have_url(f"{demo.b}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.goto(f"{demo.b}/journal/")
    expect(page.locator("#messages")).to_contain_text("login_required")
