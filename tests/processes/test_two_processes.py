"""The browser is at one process, the logout token reaches the other."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import requests
from django.db import connection

from oidc_rp.models import OIDCSession
from tests.processes.browser import TIMEOUT, Browser
from tests.processes.conftest import Sites
from tests.support.logout_tokens import sign_logout_token

SECONDS_TO_REFUSE = 1.0

serial = count()


def sign_in(sites: Sites, sid: str = "session-1") -> Browser:
    """At the first process."""
    browser = Browser()
    response = begin(sites, browser, sid)
    assert browser.get(f"{sites.here}/oidc/callback/default/", response).status_code == 302
    assert all(who(browser, site) == sid for site in (sites.here, sites.there))
    return browser


def begin(sites: Sites, browser: Browser, sid: str) -> dict[str, str]:
    sites.op.op.claims["sid"] = sid
    begun = browser.get(f"{sites.here}/oidc/login/")
    assert begun.status_code == 302, begun.text
    return sites.op.op.authorize(begun.headers["Location"])


def who(browser: Browser, site: str) -> str | None:
    """The OP session that the browser is signed in with."""
    sid: str | None = browser.get(f"{site}/who/").json()["sid"]
    return sid


def make_token(sites: Sites, sid: str | None) -> str:
    return sign_logout_token(iss=sites.op.op.issuer, sid=sid, jti=f"jti-{next(serial)}")


def post(site: str, token: str) -> int:
    url = f"{site}/oidc/backchannel-logout/default/"
    return requests.post(url, {"logout_token": token}, timeout=TIMEOUT).status_code


def test_servers_are_the_ones_that_are_meant(sites: Sites) -> None:
    assert connection.vendor == "postgresql"


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_logout_at_one_process_is_one_at_the_other(sites: Sites, sid: str | None) -> None:
    browser = sign_in(sites)
    replay = Browser(dict(browser.cookies))
    posted = time.monotonic()
    assert post(sites.there, make_token(sites, sid)) == 200
    while who(browser, sites.here) is not None:
        assert time.monotonic() - posted < SECONDS_TO_REFUSE
    assert time.monotonic() - posted < SECONDS_TO_REFUSE
    for site in (sites.here, sites.there):
        assert who(browser, site) is None
        assert who(replay, site) is None
    row = OIDCSession.objects.get()
    assert (row.end_reason, row.session_key) == ("backchannel_logout", "")


def test_other_sessions_go_on(sites: Sites) -> None:
    ends, stays = sign_in(sites, "session-1"), sign_in(sites, "session-2")
    assert post(sites.there, make_token(sites, "session-1")) == 200
    assert (who(ends, sites.here), who(stays, sites.here)) == (None, "session-2")


def test_token_is_used_up_for_both(sites: Sites) -> None:
    token = make_token(sites, "session-1")
    assert [post(sites.here, token), post(sites.there, token), post(sites.here, token)] == [200, 400, 400]


def test_token_at_both_at_once_takes_effect_once(sites: Sites) -> None:
    browser = sign_in(sites)
    token = make_token(sites, "session-1")
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda site: post(site, token), [sites.here, sites.there] * 4))
    assert sorted(statuses) == [200] + [400] * 7
    assert who(browser, sites.here) is None


def test_many_tokens_at_both_at_once(sites: Sites) -> None:
    names = [f"session-{number}" for number in range(30)]
    browsers = [sign_in(sites, name) for name in names]
    tokens = [make_token(sites, name) for name in names]
    targets = [sites.here, sites.there] * 15
    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(post, targets, tokens)) == [200] * 30
    assert [who(browser, sites.here) for browser in browsers] == [None] * 30


def test_slow_request_does_not_bring_the_session_back(sites: Sites) -> None:
    browser = sign_in(sites)
    replay = Browser(dict(browser.cookies))
    sites.op.slow.close()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(browser.get, f"{sites.here}/slow/")
        try:
            sites.op.slow.await_arrival()
            assert post(sites.there, make_token(sites, "session-1")) == 200
        finally:
            sites.op.slow.open.set()
        assert slow.result().status_code == 400
    for site in (sites.here, sites.there):
        assert who(browser, site) is None
        assert who(replay, site) is None


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_logout_token_overtakes_the_callback(sites: Sites, sid: str | None) -> None:
    browser = Browser()
    response = begin(sites, browser, "session-1")
    sites.op.token.close()
    with ThreadPoolExecutor(1) as pool:
        callback = pool.submit(browser.get, f"{sites.here}/oidc/callback/default/", response)
        try:
            sites.op.token.await_arrival()
            assert post(sites.there, make_token(sites, sid)) == 200
        finally:
            sites.op.token.open.set()
        assert callback.result().status_code == 400
    assert who(browser, sites.here) is None
    assert OIDCSession.objects.get().end_reason == "backchannel_logout"
