"""What ending sessions costs: a constant number of queries, whatever else is in the table."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oidc_rp.models import OIDCSession, digest
from oidc_rp.sessions import end_sessions
from tests.logout.driver import post_logout_token
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import get_row, is_signed_in, sign_in_browser
from tests.support.tokens import CLIENT_ID, ISSUER

pytestmark = pytest.mark.django_db

MANY = 2_000


def add_rows(numbers: Iterable[int], sub: str) -> None:
    """Live rows of one subject, each with an OP session and a session key of its own."""
    user = User.objects.latest("pk")
    OIDCSession.objects.bulk_create(
        OIDCSession(
            login_key=f"login-{sub}-{number}",
            alias="default",
            issuer=ISSUER,
            client_id=CLIENT_ID,
            sub=sub,
            sid=f"{sub}-{number}",
            sub_key=digest(ISSUER, CLIENT_ID, sub),
            sid_key=digest(ISSUER, CLIENT_ID, f"{sub}-{number}"),
            user=user,
            session_key="" if settings.SESSION_ENGINE.endswith("signed_cookies") else f"key{sub[-1]}{number}",
            expires_at=timezone.now(),
        )
        for number in numbers
    )


@pytest.mark.parametrize("by", ["sid", "sub"])
def test_cost_does_not_depend_on_other_sessions(op: FakeOP, engine: str, by: str) -> None:
    costs = []
    for others in (range(10), range(10, 1_000)):
        sub = f"subject-of-{len(others)}"
        browser = sign_in_browser(op, sid=f"session-{sub}", sub=sub)
        add_rows(others, "subject-2")
        token = sign_logout_token(sid=f"session-{sub}" if by == "sid" else None, sub=sub, jti=f"jti-{sub}")
        with CaptureQueriesContext(connection) as queries:
            assert post_logout_token(token).status_code == 200
        costs.append(len(queries))
        assert not is_signed_in(browser)
    assert costs[0] == costs[1] <= 10
    assert OIDCSession.objects.filter(sub="subject-2", ended_at=None).count() == 1_000


def test_subject_with_many_sessions(op: FakeOP, engine: str) -> None:
    browser = sign_in_browser(op)
    add_rows(range(MANY), "subject-1")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if engine in ("db", "cached_db"):
        Session.objects.bulk_create(
            Session(session_key=f"key1{number}", session_data="", expire_date=timezone.now()) for number in range(MANY)
        )
    elif engine in ("cache", "file"):
        for number in range(MANY):
            session = store(f"key1{number}")
            session.save(must_create=True)
    with CaptureQueriesContext(connection) as queries:
        assert post_logout_token(sign_logout_token(sid=None)).status_code == 200
    assert len(queries) < 20
    assert not is_signed_in(browser)
    assert not OIDCSession.objects.filter(ended_at=None).exists()
    assert not OIDCSession.objects.exclude(session_key="").exists()
    assert not Session.objects.exists()
    if engine in ("cache", "file"):
        assert not any(store().exists(f"key1{number}") for number in range(MANY))
    assert get_row().end_reason == "backchannel_logout"


def test_user_with_many_sessions(op: FakeOP, engine: str) -> None:
    sign_in_browser(op)
    add_rows(range(MANY), "subject-1")
    with CaptureQueriesContext(connection) as queries:
        assert end_sessions(user=User.objects.get()) == MANY + 1
    assert len(queries) < 20


def test_ordinary_request_asks_for_the_row_only_with_signed_cookies(op: FakeOP, engine: str) -> None:
    browser = sign_in_browser(op)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/read/").content
    asked = [query for query in queries if OIDCSession._meta.db_table in query["sql"]]
    assert len(asked) == (engine == "signed_cookies")
