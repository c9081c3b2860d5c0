"""A page that wants a login of the last minute."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .running import Demo
from .steps import enter_password, expect_asked_for_password, sign_in


def test_old_login_has_to_be_made_fresh(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    demo.age_op_sessions(seconds=120)
    page.goto(f"{demo.b}/private/")
    expect(page.locator("#username")).to_have_text("alice")
    page.get_by_role("link", name="Fresh").click()
    expect_asked_for_password(page, demo.op)
    enter_password(page)
    expect(page).to_have_url(f"{demo.b}/fresh/")
    expect(page.get_by_role("heading", level=1)).to_have_text("A fresh login")
    assert int(page.locator("#age").inner_text()) < 60


def test_fresh_login_is_not_asked_again(demo: Demo, page: Page) -> None:
    sign_in(page, demo.b)
    page.goto(f"{demo.b}/fresh/")
    expect(page.get_by_role("heading", level=1)).to_have_text("A fresh login")


def test_op_that_ignores_max_age_is_noticed(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    demo.age_op_sessions(seconds=120)
    page.goto(f"{demo.op}/")
    page.get_by_role("button", name="Ignore acr_values and max_age").click()
    try:
        page.goto(f"{demo.b}/fresh/")
        assert page.url.startswith(f"{demo.b}/oidc/callback/")
        expect(page.get_by_role("heading", level=1)).to_have_text("A stronger sign-in is needed")
    finally:
        page.goto(f"{demo.op}/")
        page.get_by_role("button", name="Honour them again").click()
