"""Signing out at a site, through the OP."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .running import Demo
from .steps import expect_asked_for_password, sign_in


def test_logout_ends_the_session_here_and_at_the_op(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{demo.a}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.goto(f"{demo.op}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is signed in")
    page.goto(f"{demo.b}/private/")
    expect_asked_for_password(page, demo.op)


def test_link_to_the_logout_asks_first(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    page.goto(f"{demo.a}/oidc/logout/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign out?")
    page.goto(f"{demo.a}/private/")
    expect(page.locator("#username")).to_have_text("alice")


def test_logout_is_in_the_journal(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.goto(f"{demo.a}/journal/")
    titles = page.locator("#messages .title").all_inner_texts()
    assert titles == [
        "Request",
        "Session ended",
        "Logout request",
        "The OP ends its session",
        "Back-channel logout",
        "Answer",
        "Back to the site",
        "Back from the logout",
        "Answer",
    ]


def test_logout_at_one_site_reaches_the_other(demo: Demo, page: Page) -> None:
    other = page.context.new_page()
    sign_in(page, demo.a)
    other.goto(f"{demo.b}/private/")
    expect(other.locator("#username")).to_have_text("alice")
    other.goto(f"{demo.b}/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    other.reload()
    expect(other.get_by_role("status")).to_have_text("You were signed out by the provider.", timeout=1_000)
    expect(other.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(other.get_by_role("status")).to_have_count(0)
    other.goto(f"{demo.b}/journal/")
    expect(other.locator("#messages .title")).to_have_text(["Back-channel logout", "Session ended", "Answer"])
    # Who signs out knows.
    expect(page.get_by_role("status")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)
