"""Browsers with a session, for tests of how sessions end."""

from __future__ import annotations

from django.test import Client

from oidc_rp.models import OIDCSession
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP


def sign_in_browser(op: FakeOP, sid: str = "session-1", sub: str = "subject-1") -> Client:
    """A browser that has just signed in, in that session at the OP."""
    op.claims.update(sid=sid, sub=sub)
    browser = Client()
    sign_in(browser, op)
    return browser


def copy_browser(browser: Client) -> Client:
    """Another tab; or somebody who has kept the cookies."""
    other = Client()
    other.cookies.load(browser.cookies)
    return other


def is_signed_in(browser: Client) -> bool:
    """Asks the site of the session tests."""
    facts = browser.get("/who/").json()
    assert bool(facts["user"]) is bool(facts["sid"])
    return bool(facts["user"])


def get_row(sid: str = "session-1") -> OIDCSession:
    """The one row of a session at the OP."""
    return OIDCSession.objects.get(sid=sid)
