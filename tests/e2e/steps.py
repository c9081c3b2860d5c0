"""What a person does on the pages, and what they see."""

from __future__ import annotations

from playwright.sync_api import Page, expect

PASSWORDS = {"alice": "alice-demo", "bob": "bob-demo"}


def enter_password(page: Page, user: str = "alice") -> None:
    """Fills in the OP's login page."""
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(PASSWORDS[user])
    page.get_by_role("button", name="Sign in").click()


def sign_in(page: Page, site: str, user: str = "alice") -> None:
    """From the site's home page by way of the OP's login page back to it."""
    page.goto(f"{site}/")
    page.get_by_role("link", name="Sign in", exact=True).click()
    enter_password(page, user)
    expect(page).to_have_url(f"{site}/")


def enter_code(page: Page, op: str, user: str = "alice") -> None:
    """Fills in the OP's page for the second factor, with the code that the demo authenticator shows."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Second factor")
    authenticator = page.context.new_page()
    authenticator.goto(f"{op}/authenticator/")
    code = authenticator.locator(f"#code-{user}").inner_text()
    authenticator.close()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Confirm").click()


def expect_asked_for_password(page: Page, op: str) -> None:
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.url.startswith(f"{op}/login/")
