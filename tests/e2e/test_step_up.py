"""Step-up in a browser: the page "Transfer money" wants a second factor, and a recent one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .running import Demo
from .steps import enter_code, enter_password, expect_asked_for_password, sign_in
from .watching import Watch


@pytest.fixture(autouse=True)
def codes_work_again(demo: Demo) -> None:
    demo.forget_codes()


@pytest.fixture
def ignoring_op(demo: Demo, page: Page) -> Iterator[None]:
    """The switch on the OP's home page."""
    page.goto(f"{demo.op}/")
    page.get_by_role("button", name="Ignore acr_values and max_age").click()
    yield
    page.goto(f"{demo.op}/")
    page.get_by_role("button", name="Honour them again").click()


def expect_transfer_page(page: Page, site: str) -> None:
    expect(page).to_have_url(f"{site}/transfer/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Transfer money")
    expect(page.locator("#acr")).to_have_text("mfa")


def wait_for_challenge(page: Page, url: str) -> str:
    """What a script is told, once the login has become too old."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = page.request.get(url, headers={"Accept": "application/json"}, max_redirects=0)
        if answer.status == 401:
            return answer.headers["www-authenticate"]
        page.wait_for_timeout(500)
    raise AssertionError("the login does not get too old")


@pytest.mark.parametrize("letter", ["a", "b"])
def test_password_login_is_stepped_up_by_the_second_factor(demo: Demo, page: Page, letter: str) -> None:
    site = getattr(demo, letter)
    sign_in(page, site)
    page.get_by_role("link", name="Transfer", exact=True).click()
    enter_code(page, demo.op)
    expect_transfer_page(page, site)
    page.get_by_label("To").fill("Bob")
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="Transfer").click()
    expect(page.locator("#done")).to_have_text("5 transferred to Bob.")
    page.goto(f"{site}/journal/")
    expect(page.get_by_text("Authentication request with demands", exact=True)).to_be_visible()
    expect(page.get_by_text("Session established", exact=True)).to_be_visible()


def test_visitor_gives_both_factors_in_one_trip(demo: Demo, page: Page, watch: Watch) -> None:
    page.goto(f"{demo.a}/transfer/")
    enter_password(page)
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.a)
    assert sum("/oidc/callback/" in url for url in watch.documents) == 1


def test_login_gets_too_old_after_max_age(demo: Demo, page: Page) -> None:
    page.goto(f"{demo.b}/transfer/")
    enter_password(page)
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.b)
    demo.age_op_sessions(seconds=400)
    demo.forget_codes()
    # Single sign-on gives site A the second factor of then.
    page.goto(f"{demo.a}/private/")
    expect(page.locator("#username")).to_have_text("alice")
    page.goto(f"{demo.a}/transfer/")
    expect_asked_for_password(page, demo.op)
    enter_password(page)
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.a)
    assert int(page.locator("#age").inner_text()) < 300


def test_op_that_ignores_the_request_is_noticed(demo: Demo, page: Page, watch: Watch, ignoring_op: None) -> None:
    sign_in(page, demo.a)
    page.goto(f"{demo.a}/transfer/")
    assert page.url.startswith(f"{demo.a}/oidc/callback/")
    expect(page.get_by_role("heading", level=1)).to_have_text("A stronger sign-in is needed")
    expect(page.locator("#demands")).to_contain_text("a sign-in of the kind “mfa”")
    expect(page.locator("#reached")).to_contain_text("a sign-in of the kind “pwd”")
    assert watch.refused == [403]
    page.get_by_role("link", name="Try once more").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A stronger sign-in is needed")
    callbacks = sum("/oidc/callback/" in url for url in watch.documents)
    assert callbacks == 3, "the login, the step-up, and once more by hand"
    page.goto(f"{demo.a}/")
    expect(page.locator("#username")).to_have_text("alice")


def test_user_who_cancels_is_told_and_stays_signed_in(demo: Demo, page: Page, watch: Watch) -> None:
    sign_in(page, demo.a)
    page.goto(f"{demo.a}/transfer/")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A stronger sign-in is needed")
    expect(page.get_by_text("The user has cancelled.")).to_be_visible()
    assert watch.refused == [403]
    page.get_by_role("link", name="Try once more").click()
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.a)


def test_two_tabs_step_up_side_by_side(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{demo.a}/transfer/")
        expect(tab.get_by_role("heading", level=1)).to_have_text("Second factor")
    enter_code(other, demo.op)
    expect_transfer_page(other, demo.a)
    # The OP's session has the second factor by now: the first tab only has to be sent on.
    demo.forget_codes()
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.a)
    other.reload()
    expect_transfer_page(other, demo.a)


def test_form_that_comes_too_late_is_kept_and_confirmed(demo: Demo, page: Page, watch: Watch) -> None:
    page.goto(f"{demo.b}/transfer/")
    enter_password(page)
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.b)
    # Single sign-on gives site A this second factor, a quarter of a minute before it is too old.
    demo.age_op_sessions(seconds=290)
    page.goto(f"{demo.a}/transfer/")
    expect_transfer_page(page, demo.a)
    page.get_by_label("To").fill("Bob & Co")
    page.get_by_label("Amount").fill("7")
    challenge = wait_for_challenge(page, f"{demo.a}/transfer/")
    assert 'error="insufficient_user_authentication"' in challenge
    page.get_by_role("button", name="Transfer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Please confirm that it is you")
    assert watch.refused == [403]
    demo.forget_codes()
    page.get_by_role("link", name="Sign in").click()
    enter_password(page)
    enter_code(page, demo.op)
    expect_transfer_page(page, demo.a)
    expect(page.get_by_label("To")).to_have_value("Bob & Co")
    expect(page.locator("#done")).to_have_count(0)
    page.get_by_role("button", name="Transfer").click()
    expect(page.locator("#done")).to_have_text("7 transferred to Bob & Co.")
    assert not any("Bob" in url for url in watch.documents)


def test_another_user_who_comes_back_is_told(demo: Demo, page: Page, watch: Watch) -> None:
    sign_in(page, demo.a)
    page.goto(f"{demo.a}/transfer/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    other = page.context.new_page()
    other.goto(f"{demo.op}/")
    other.get_by_role("button", name="Sign out everywhere").click()
    other.get_by_role("link", name="Sign in").click()
    enter_password(other, "bob")
    page.reload()
    enter_code(page, demo.op, "bob")
    expect(page.get_by_role("heading", level=1)).to_have_text("Another account")
    assert watch.refused == [403]
