"""A login is completed while the OP ends the session: in every order of their steps, the right one wins."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from oidc_rp.logout_receipts import DatabaseReceipts
from oidc_rp.models import LogoutReceipt, OIDCSession
from oidc_rp.op_logout_views import ClientSessions
from oidc_rp.protocol.logout_token import LogoutToken
from oidc_rp.sessions import end_sessions
from oidc_rp.signals import session_ended
from tests.logout.driver import post_logout_token
from tests.support.browser import begin, complete
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import get_row, is_signed_in, sign_in_browser
from tests.support.steps import explore
from tests.support.tokens import CLIENT_ID, ISSUER

pytestmark = pytest.mark.django_db(transaction=True)

STEPS_OF_LOGIN = {"INSERT oidc_rp_oidcsession", "SELECT oidc_rp_logoutreceipt", "UPDATE oidc_rp_oidcsession"}
STEPS_OF_LOGOUT = {"INSERT oidc_rp_logoutreceipt", "UPDATE oidc_rp_oidcsession", "SELECT oidc_rp_oidcsession"}
STEPS_OF_TOKEN = STEPS_OF_LOGOUT | {"SELECT oidc_rp_logoutreceipt", "UPDATE oidc_rp_logoutreceipt"}


class Race:
    """One login of a new subject, and one logout token for it, issued `later` seconds after the ID token."""

    def __init__(self, op: FakeOP, by: str, later: int) -> None:
        self.op, self.by, self.later = op, by, later
        self._serial = count()

    def build(self) -> Sequence[tuple[str, Callable[[], Any]]]:
        number, issued = next(self._serial), int(time.time()) - 60
        self.sid, self.sub = f"session-{number}", f"subject-{number}"
        self.op.claims.update(sid=self.sid, sub=self.sub, iat=issued)
        self.browser = Client()
        response = self.op.authorize(begin(self.browser)["Location"])
        token = sign_logout_token(
            sid=None if self.by == "sub" else self.sid,
            sub=None if self.by == "sid" else self.sub,
            iat=issued + self.later,
            jti=f"jti-{number}",
        )
        return [
            ("login", lambda: complete(self.browser, response).status_code),
            ("logout", lambda: post_logout_token(token).status_code),
        ]


@pytest.mark.parametrize(
    ("by", "later", "survives"),
    [
        pytest.param("sid", 0, False, id="sid"),
        pytest.param("both", 0, False, id="sid_and_sub"),
        # It names this very session, whatever the clocks of the OP's machines say.
        pytest.param("sid", -5, False, id="sid_and_an_older_token"),
        pytest.param("sub", 5, False, id="sub_and_a_newer_token"),
        pytest.param("sub", 0, False, id="sub_in_the_same_second"),
        pytest.param("sub", -1, True, id="sub_and_an_older_token"),
    ],
)
def test_login_and_logout_in_every_order(op: FakeOP, engine: str, by: str, later: int, survives: bool) -> None:
    race = Race(op, by, later)
    orders = set()
    for run in explore(race.build, at={"login": STEPS_OF_LOGIN, "logout": STEPS_OF_LOGOUT}):
        login, logout = run.results
        orders.add(tuple(run.steps))
        assert logout == 200, run
        assert login == 302 if survives else login in (302, 400), run
        assert is_signed_in(race.browser) is survives, run
        row = get_row(race.sid)
        assert (row.ended_at is None, row.end_reason) == (survives, "" if survives else "backchannel_logout"), run
        assert bool(row.session_key) is (survives and engine != "signed_cookies"), run
    assert len(orders) >= 20


def test_logout_that_overtakes_the_login_refuses_it(op: FakeOP, engine: str) -> None:
    """The plainest of these orders, through the front door: the logout is over before the callback arrives."""
    browser = Client()
    response = op.authorize(begin(browser)["Location"])
    assert post_logout_token(sign_logout_token()).status_code == 200
    answer = complete(browser, response)
    assert answer.status_code == 400
    assert not is_signed_in(browser)
    row = get_row()
    assert (row.end_reason, row.session_key, row.sealed_tokens) == ("backchannel_logout", "", "")


def test_new_login_after_the_logout_is_let_in(op: FakeOP, engine: str) -> None:
    """The OP ended everything; a second later the subject signs in again, in a new session there."""
    now = int(time.time())
    post_logout_token(sign_logout_token(sid=None, iat=now - 1))
    op.claims["iat"] = now
    assert is_signed_in(sign_in_browser(op, "session-2"))


def test_late_logout_leaves_a_newer_login_alone(op: FakeOP, engine: str) -> None:
    """The site was down when the OP sent it; the subject has signed in again before the OP's next attempt."""
    now = int(time.time())
    op.claims["iat"] = now - 30
    old = sign_in_browser(op, "session-1")
    op.claims["iat"] = now
    new = sign_in_browser(op, "session-2")
    assert post_logout_token(sign_logout_token(sid=None, iat=now - 10)).status_code == 200
    assert (is_signed_in(old), is_signed_in(new)) == (False, True)


def test_login_while_the_site_ends_all_sessions_of_the_user(op: FakeOP, engine: str) -> None:
    """The site's word has no time to compare, so either is right; but the row and the session must agree."""
    serial = count()

    def build() -> Sequence[tuple[str, Callable[[], Any]]]:
        browser.cookies.clear()
        op.claims["sid"] = f"session-of-run-{next(serial)}"
        response = op.authorize(begin(browser)["Location"])
        return [
            ("login", lambda: complete(browser, response).status_code),
            ("site", lambda: end_sessions(user=User.objects.get())),
        ]

    browser = sign_in_browser(op)
    for run in explore(build, at={"login": STEPS_OF_LOGIN, "site": STEPS_OF_LOGOUT}):
        login, _ = run.results
        assert login in (302, 400), run
        row = get_row(op.claims["sid"])
        assert is_signed_in(browser) is (row.ended_at is None), run
        assert bool(row.session_key) is (row.ended_at is None and engine != "signed_cookies"), run


# ---- one token twice


def test_same_token_twice_takes_effect_once(op: FakeOP, engine: str) -> None:
    serial = count()
    ended: list[Any] = []

    def build() -> Sequence[tuple[str, Callable[[], Any]]]:
        sid = f"session-{next(serial)}"
        browser.cookies = sign_in_browser(op, sid).cookies
        token = sign_logout_token(sid=sid, jti=f"jti-{sid}")
        ended.clear()
        return [(name, lambda: post_logout_token(token).status_code) for name in ("one", "other")]

    def remember(**facts: Any) -> None:
        ended.append(facts)

    browser = Client()
    session_ended.connect(remember, sender=OIDCSession)
    try:
        for run in explore(build, at={"one": STEPS_OF_TOKEN, "other": STEPS_OF_TOKEN}, switches=2):
            assert sorted(run.results) == [200, 400], run
            assert not is_signed_in(browser), run
            assert len(ended) == 1, run
    finally:
        session_ended.disconnect(remember, sender=OIDCSession)
    assert not LogoutReceipt.objects.filter(settled_at=None).exists()


def test_replay_does_no_work(op: FakeOP) -> None:
    sign_in_browser(op)
    token = sign_logout_token()
    assert post_logout_token(token).status_code == 200
    # As if there were one that the first had not ended.
    OIDCSession.objects.update(ended_at=None, end_reason="")
    assert post_logout_token(token).status_code == 400
    assert get_row().ended_at is None


def test_process_that_dies_leaves_the_token_to_the_next_attempt(op: FakeOP, engine: str) -> None:
    """Between any two of its steps. The next attempt need not wait for anything."""
    token = LogoutToken(iss=ISSUER, sub=None, sid="session-1", jti="jti-1", iat=time.time())
    browser = sign_in_browser(op)
    DatabaseReceipts(CLIENT_ID).record(token)
    assert is_signed_in(browser)
    ClientSessions(CLIENT_ID).end(token)
    assert post_logout_token(sign_logout_token()).status_code == 200
    assert post_logout_token(sign_logout_token()).status_code == 400
    assert not is_signed_in(browser)
