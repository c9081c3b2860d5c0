"""Every way in which a session ends, on every engine: it is over at the next request, and its row says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import Settings

from oidc_rp.models import OIDCSession
from oidc_rp.sessions import end_sessions
from oidc_rp.signals import session_ended
from tests.logout.driver import post_logout_token
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import copy_browser, get_row, is_signed_in, sign_in_browser

pytestmark = pytest.mark.django_db


def fetch_async(browser: Client, url: str) -> Any:
    """A request of this browser through ASGI; it takes the cookies of the answer."""
    asgi = AsyncClient()
    asgi.cookies = browser.cookies
    return async_to_sync(asgi.get)(url)


def fetch_sync(browser: Client, url: str) -> Any:
    return browser.get(url)


def by_sid(browser: Client) -> None:
    assert post_logout_token(sign_logout_token(sub=None)).status_code == 200


def by_sub(browser: Client) -> None:
    assert post_logout_token(sign_logout_token(sid=None)).status_code == 200


def by_front_channel(browser: Client) -> None:
    frame = {"iss": "https://op.example", "sid": "session-1"}
    assert Client().get("/oidc/frontchannel-logout/default/", frame).status_code == 200


def by_front_channel_with_cookies(browser: Client) -> None:
    response = copy_browser(browser).get("/oidc/frontchannel-logout/default/", headers={"Sec-Fetch-Dest": "iframe"})
    assert response.status_code == 200


def by_rp(browser: Client) -> None:
    assert copy_browser(browser).post("/oidc/logout/").status_code == 302


def by_site(browser: Client) -> None:
    assert end_sessions(user=User.objects.get()) == 1


def by_django_async(browser: Client) -> None:
    fetch_async(copy_browser(browser), "/async/sign-out/")


def by_django(browser: Client) -> None:
    fetch_sync(copy_browser(browser), "/sync/sign-out/")


def by_new_password_elsewhere(browser: Client) -> None:
    user = User.objects.get()
    user.set_password("a new password")
    user.save()


WAYS: dict[Callable[[Client], None], str] = {
    by_sid: "backchannel_logout",
    by_sub: "backchannel_logout",
    by_front_channel: "frontchannel_logout",
    by_front_channel_with_cookies: "frontchannel_logout",
    by_rp: "logout",
    by_site: "ended_by_site",
    by_django: "signed_out",
    by_django_async: "signed_out",
    by_new_password_elsewhere: "signed_out",
}


@pytest.mark.parametrize("fetch", [fetch_sync, fetch_async])
@pytest.mark.parametrize("way", WAYS)
def test_session_ends(op: FakeOP, engine: str, way: Callable[[Client], None], fetch: Any) -> None:
    browser, other = sign_in_browser(op), sign_in_browser(op, "session-2", "subject-2")
    reasons: list[str] = []

    def remember(session: OIDCSession, reason: str, **facts: Any) -> None:
        reasons.append(reason)

    # Until the password changes below, they are two users.
    replay = copy_browser(browser)
    session_ended.connect(remember, sender=OIDCSession)
    try:
        if way in (by_site, by_new_password_elsewhere):
            end_sessions(sid="session-2")
            User.objects.exclude(oidc_sessions__sid="session-1").delete()
            reasons.clear()
        started = timezone.now()
        way(browser)
        assert fetch(browser, "/read/").content == b""
        assert fetch(replay, "/read/").content == b""
    finally:
        session_ended.disconnect(remember, sender=OIDCSession)
    row = get_row()
    assert reasons == [WAYS[way]]
    assert (row.end_reason, row.session_key, row.sealed_tokens) == (WAYS[way], "", "")
    assert row.ended_at is not None
    assert started <= row.ended_at <= timezone.now()
    assert is_signed_in(other) is (way not in (by_site, by_new_password_elsewhere))


@pytest.mark.parametrize("fetch", [fetch_sync, fetch_async])
def test_browser_may_go_on_without_a_user(op: FakeOP, engine: str, fetch: Any) -> None:
    """What is left of an ended session does not get in the way of the anonymous one, or of the next login."""
    browser = sign_in_browser(op)
    by_sid(browser)
    assert fetch(browser, "/sync/write/").status_code == 200
    response = browser.get("/oidc/login/")
    browser.get("/oidc/callback/default/", {**op.authorize(response["Location"])})
    assert not is_signed_in(browser)  # the OP has ended that one
    op.claims["sid"] = "session-2"
    browser.get("/oidc/callback/default/", op.authorize(browser.get("/oidc/login/")["Location"]))
    assert is_signed_in(browser)


def test_session_is_deleted_from_the_store(op: FakeOP, engine: str) -> None:
    sign_in_browser(op)
    assert Session.objects.count() == (engine in ("db", "cached_db"))
    by_sid(Client())
    assert not Session.objects.exists()


def test_session_that_has_expired_is_ended(op: FakeOP, engine: str) -> None:
    browser = sign_in_browser(op)
    expires = get_row().expires_at
    assert expires is not None
    with time_machine.travel(expires + timedelta(seconds=2), tick=False):
        call_command("oidc_cleanup", verbosity=0)
        assert not is_signed_in(browser)
    row = get_row()
    assert (row.end_reason, row.session_key) == ("expired", "")


def test_saving_every_request_prolongs_the_row(op: FakeOP, engine: str, settings: Settings) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with time_machine.travel(timezone.now(), tick=False) as clock:
        browser = sign_in_browser(op)
        # A session's file is as old as the machine says, not as this test says.
        for _ in range(1 if engine == "file" else 3):
            clock.shift(timedelta(seconds=settings.SESSION_COOKIE_AGE - 10))
            call_command("oidc_cleanup", verbosity=0)
            assert is_signed_in(browser)
        assert get_row().expires_at == timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        by_sid(browser)
        assert not is_signed_in(browser)
