"""What holds for every page: it fits a phone, its headings are in order, and the pictures of it are current."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from .running import ROOT, Demo
from .steps import sign_in
from .watching import Watch

PHONE: ViewportSize = {"width": 390, "height": 844}
PAGES = ["/", "/profile/", "/sessions/", "/private/", "/journal/", "/oidc/logout/", "/nowhere/"]


@pytest.fixture
def phone(chromium: Browser, watch: Watch) -> Iterator[Page]:
    context = chromium.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    watch.attach(context)
    yield context.new_page()
    context.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: into the documentation only when asked to, so that a run leaves the tree as it is."""
    return ROOT / "docs" / "images" if os.environ.get("UPDATE_SCREENSHOTS") == "1" else tmp_path


def test_no_page_is_wider_than_a_phone(demo: Demo, phone: Page) -> None:
    sign_in(phone, demo.b)
    for path in [*PAGES, "/fresh/", "/account/"]:
        phone.goto(demo.b + path)
        open_details(phone)
        width = phone.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path


def test_headings_of_every_page_are_in_order(demo: Demo, page: Page) -> None:
    sign_in(page, demo.a)
    for path in PAGES:
        page.goto(demo.a + path)
        levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(one => Number(one.tagName[1]))")
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in pairwise(levels)), path


def test_journal_shows_the_messages_of_the_login_without_its_secrets(demo: Demo, page: Page, watch: Watch) -> None:
    sign_in(page, demo.b)
    page.goto(f"{demo.b}/journal/")
    titles = page.locator("#messages .title").all_inner_texts()
    assert titles[:1] == ["Request"]
    assert titles[-4:] == ["Token request", "Answer", "Session established", "Answer"]
    callback = next(url for url in watch.documents if "/oidc/callback/" in url)
    code, state = (callback.partition(f"{name}=")[2].partition("&")[0] for name in ("code", "state"))
    shown = page.content()
    assert state[:8] in shown
    assert code not in shown
    assert state not in shown
    assert "eyJ" not in shown


def test_pictures(demo: Demo, page: Page, phone: Page, chromium: Browser, watch: Watch, pictures: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{demo.a}/private/")
    page.get_by_label("User name").fill("alice")
    page.screenshot(path=pictures / "login-op.png")
    sign_in(page, demo.a)
    page.screenshot(path=pictures / "home-a.png")
    page.goto(f"{demo.a}/profile/")
    page.screenshot(path=pictures / "profile-a.png", full_page=True)
    page.goto(f"{demo.b}/private/")
    page.goto(f"{demo.b}/")
    page.screenshot(path=pictures / "sso-b.png")
    page.goto(f"{demo.a}/journal/")
    open_details(page, first_only=True)
    page.screenshot(path=pictures / "journal.png", full_page=True)
    sign_in(phone, demo.a)
    phone.goto(f"{demo.a}/journal/")
    phone.screenshot(path=pictures / "mobile.png")
    dark = chromium.new_context(viewport={"width": 1280, "height": 720}, color_scheme="dark")
    watch.attach(dark)
    take_dark_picture(demo, dark, pictures / "dark.png")
    dark.close()
    for picture in ("home-a", "profile-a", "sso-b", "journal", "login-op", "mobile", "dark"):
        assert 5_000 < (pictures / f"{picture}.png").stat().st_size < 400_000


def take_dark_picture(demo: Demo, context: BrowserContext, path: Path) -> None:
    page = context.new_page()
    sign_in(page, demo.b, "bob")
    page.goto(f"{demo.b}/journal/")
    expect(page.locator("body")).not_to_have_css("background-color", "rgb(245, 246, 247)")
    page.screenshot(path=path)


def open_details(page: Page, *, first_only: bool = False) -> None:
    summaries = page.locator("#messages summary").all()
    for summary in summaries[1:2] if first_only else summaries:
        summary.click()
