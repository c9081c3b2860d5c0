"""Site B calls the demo's API with access tokens that live for thirty seconds."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .running import Demo
from .steps import sign_in


def test_access_token_is_renewed_without_the_user_noticing(demo: Demo, page: Page) -> None:
    sign_in(page, demo.b)
    page.get_by_role("link", name="Account", exact=True).click()
    expect(page.locator("#owner")).to_have_text("Alice Anderson")
    expect(page.locator("#renewals")).to_have_text("0")
    demo.expire_access_tokens()
    page.get_by_role("link", name="Reload").click()
    expect(page.locator("#owner")).to_have_text("Alice Anderson")
    expect(page.locator("#renewals")).to_have_text("1")
    page.get_by_role("link", name="What was sent").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("Renewal")
    expect(page.locator("#messages")).to_contain_text("Refresh request")
    expect(page.locator("#messages")).to_contain_text("Session renewed")
    expect(page.locator("#messages")).to_contain_text("API call")
