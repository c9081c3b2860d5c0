"""Whatever Django does to a session, its row knows the key, the end and the reason."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from oidc_rp.models import OIDCSession
from tests.logout.driver import post_logout_token
from tests.sessions.test_ways_out import fetch_async, fetch_sync
from tests.support.browser import begin, complete
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import copy_browser, get_row, is_signed_in, sign_in_browser

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[("sync", fetch_sync), ("async", fetch_async)], ids=["sync", "async"])
def visit(request: pytest.FixtureRequest) -> Any:
    """Makes a browser call one of the site's views, in its sync or in its async form."""
    folder, fetch = request.param

    def call(browser: Client, view: str) -> None:
        response = fetch(browser, f"/{folder}/{view}")
        assert response.status_code == 200, response.content

    return call


def check_row_is_true(browser: Client, engine: str) -> None:
    """The row knows the key that the browser has, and through it the session can be ended."""
    row = OIDCSession.objects.get(ended_at=None)
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert row.session_key == ("" if engine == "signed_cookies" else cookie)
    assert is_signed_in(browser)
    if engine != "signed_cookies":
        store = import_module(django_settings.SESSION_ENGINE).SessionStore(row.session_key)
        assert store["_oidc_rp"]["id"] == str(row.pk)
    post_logout_token(sign_logout_token(sid=row.sid, jti="jti-of-the-check"))
    assert not is_signed_in(browser)


def test_row_knows_the_key_of_a_login(op: FakeOP, engine: str) -> None:
    check_row_is_true(sign_in_browser(op), engine)


@pytest.mark.parametrize("view", ["write/", "save/", "cycle/", "change-password/"])
def test_row_follows(op: FakeOP, engine: str, visit: Any, view: str) -> None:
    browser = sign_in_browser(op)
    before = get_row()
    visit(browser, view)
    row = get_row()
    assert (row.session_key == before.session_key) is (view in ("write/", "save/") or engine == "signed_cookies")
    check_row_is_true(browser, engine)


def test_old_key_is_no_key_any_more(op: FakeOP, engine: str, visit: Any) -> None:
    browser = sign_in_browser(op)
    old = copy_browser(browser)
    visit(browser, "cycle/")
    # With signed cookies there is no key, and an old cookie lives as long as its row.
    assert is_signed_in(old) is (engine == "signed_cookies")
    assert is_signed_in(browser)
    assert get_row().ended_at is None


def test_new_password_here_keeps_this_session_and_ends_the_others(op: FakeOP, engine: str, visit: Any) -> None:
    browser, other = sign_in_browser(op), sign_in_browser(op, "session-2")
    visit(browser, "change-password/")
    assert not is_signed_in(other)
    assert (get_row("session-2").end_reason, get_row("session-2").session_key) == ("signed_out", "")
    check_row_is_true(browser, engine)


def test_expiry_follows(op: FakeOP, engine: str, visit: Any) -> None:
    browser = sign_in_browser(op)
    visit(browser, "expire-in/3600/")
    expires = get_row().expires_at
    assert expires is not None
    assert abs(expires - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    check_row_is_true(browser, engine)


@pytest.mark.parametrize("view", ["sign-out/", "sign-in-as/bob/"])
def test_row_ends_with_the_session_that_is_flushed(op: FakeOP, engine: str, visit: Any, view: str) -> None:
    User.objects.create_user("bob")
    browser = sign_in_browser(op)
    replay = copy_browser(browser)
    visit(browser, view)
    row = get_row()
    assert (row.ended_at is None, row.end_reason, row.session_key) == (False, "signed_out", "")
    assert not is_signed_in(replay)
    assert browser.get("/read/").content == (b"bob" if "bob" in view else b"")


def test_signing_in_as_the_same_user_keeps_the_row(op: FakeOP, engine: str, visit: Any) -> None:
    browser = sign_in_browser(op)
    visit(browser, f"sign-in-as/{User.objects.get().username}/")
    check_row_is_true(browser, engine)


@pytest.mark.parametrize("sub", ["subject-1", "subject-2"], ids=["same_user", "another_user"])
def test_next_login_replaces_the_row(op: FakeOP, engine: str, sub: str) -> None:
    browser = sign_in_browser(op)
    browser.get("/sync/write/")
    replay = copy_browser(browser)
    op.claims.update(sid="session-2", sub=sub)
    response = complete(browser, op.authorize(begin(browser, prompt="login")["Location"]))
    assert response.status_code == 302
    first = get_row("session-1")
    assert (first.end_reason, first.session_key, first.sealed_tokens) == ("replaced", "", "")
    assert not is_signed_in(replay)
    # A logout of the replaced session does not touch the new one.
    post_logout_token(sign_logout_token(sid="session-1"))
    check_row_is_true(browser, engine)


def test_login_keeps_what_an_anonymous_visitor_had(op: FakeOP, engine: str) -> None:
    browser = Client()
    browser.get("/sync/write/")
    op.claims.update(sid="session-1", sub="subject-1")
    complete(browser, op.authorize(begin(browser)["Location"]))
    assert browser.get("/who/").json()["note"] == "written"
    check_row_is_true(browser, engine)
