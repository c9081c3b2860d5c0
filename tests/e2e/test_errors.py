"""What people see when a login cannot be completed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .running import Demo
from .steps import expect_asked_for_password, sign_in
from .watching import Watch


def test_unknown_state_offers_a_new_start(demo: Demo, page: Page, watch: Watch) -> None:
    page.goto(f"{demo.a}/oidc/callback/default/?code=x&state=unknown&iss={demo.op}/o")
    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in cannot be completed")
    assert watch.refused == [400]
    page.get_by_role("link", name="Start again").click()
    expect_asked_for_password(page, demo.op)


def test_back_button_after_login_takes_the_user_home(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.a}/private/")
    login_page = page.url
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice-demo")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{demo.a}/private/")
    page.go_back()
    assert page.url == login_page
    # The form of the finished login is still there; sending it once more answers an old request.
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice-demo")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{demo.a}/")
    expect(page.locator("#username")).to_have_text("alice")


def test_replayed_callback_signs_nobody_in(demo: Demo, page: Page, watch: Watch) -> None:
    sign_in(page, demo.a)
    callback = next(url for url in watch.documents if "/oidc/callback/" in url)
    page.goto(callback)
    expect(page).to_have_url(f"{demo.a}/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.goto(callback)
    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in cannot be completed")
    assert watch.refused == [400]


def test_address_that_does_not_exist(demo: Demo, page: Page, watch: Watch) -> None:
    page.goto(f"{demo.a}/nowhere/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert watch.refused == [404]
