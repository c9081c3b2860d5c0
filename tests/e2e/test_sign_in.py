"""Signing in, at one site and then at the other."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from .running import Demo
from .steps import enter_password, expect_asked_for_password, sign_in
from .watching import Watch


def test_password_login_shows_who_and_how(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Alice Anderson")
    page.get_by_role("link", name="Your profile").click()
    expect(page.locator("#session-facts")).to_contain_text(f"{demo.op}/o")
    expect(page.locator("#acr")).to_have_text("pwd")
    expect(page.locator("#claims")).to_contain_text("alice@example.com")


def test_second_site_does_not_ask_again(demo: Demo, page: Page, watch: Watch) -> None:
    sign_in(page, demo.a)
    watch.documents.clear()
    page.goto(f"{demo.b}/private/")
    expect(page).to_have_url(f"{demo.b}/private/")
    expect(page.locator("#username")).to_have_text("alice")
    assert not any(url.startswith(f"{demo.op}/login/") for url in watch.documents)


def test_second_site_learns_the_groups_that_it_asked_for(demo: Demo, page: Page) -> None:
    sign_in(page, demo.b, "bob")
    page.goto(f"{demo.b}/profile/")
    expect(page.locator("#claims")).to_contain_text('["staff"]')
    page.goto(f"{demo.a}/private/")
    page.goto(f"{demo.a}/profile/")
    expect(page.locator("#claims")).to_contain_text("bob@example.com")
    expect(page.locator("#claims")).not_to_contain_text("staff")


def test_two_tabs_each_end_at_their_own_page(demo: Demo, context: BrowserContext) -> None:
    first, second = context.new_page(), context.new_page()
    first.goto(f"{demo.a}/private/")
    second.goto(f"{demo.a}/profile/")
    expect_asked_for_password(first, demo.op)
    expect_asked_for_password(second, demo.op)
    enter_password(second)
    expect(second).to_have_url(f"{demo.a}/profile/")
    # This tab's form is from before the login in the other tab, and so is its CSRF token.
    enter_password(first)
    expect(first).to_have_url(f"{demo.a}/private/")


def test_wrong_password_can_be_corrected(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.a}/private/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    enter_password(page)
    expect(page).to_have_url(f"{demo.a}/private/")


def test_cancelling_ends_on_a_page_that_says_so(demo: Demo, page: Page, watch: Watch) -> None:
    page.goto(f"{demo.a}/private/")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign-in was refused")
    expect(page.locator("main")).to_contain_text("The user has cancelled.")
    assert page.url.startswith(f"{demo.a}/oidc/callback/default/")
    assert watch.refused == [403]
    page.get_by_role("link", name="Start again").click()
    expect_asked_for_password(page, demo.op)


def test_keyboard_alone_is_enough(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.a}/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect_asked_for_password(page, demo.op)
    tab_to(page, "User name")
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type("alice-demo")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{demo.a}/")
    expect(page.locator("#username")).to_have_text("alice")


def tab_to(page: Page, label: str) -> None:
    """Presses Tab until the field has the focus, at most as often as a page has stops."""
    field = page.get_by_label(label)
    for _ in range(10):
        if field.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(field).to_be_focused()
