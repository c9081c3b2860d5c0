"""The database, the cache or the process gives out in the middle of a logout: the OP's next attempt sets it right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from oidc_rp.models import LogoutReceipt, OIDCSession
from oidc_rp.signals import session_ended
from tests.logout.driver import FORM
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import is_signed_in, sign_in_browser

pytestmark = pytest.mark.django_db(transaction=True)


class ProcessKilled(BaseException):
    """Nothing in the process runs after this; so nothing may rely on a handler or a `finally`."""


def fail_at(statement: int, error: type[BaseException]) -> Callable[..., Any]:
    """A database that gives out at the n-th statement which touches our tables or Django's sessions, once."""
    seen = 0

    def execute_or_fail(execute: Any, sql: str, *args: Any) -> Any:
        nonlocal seen
        if '"oidc_rp_' in sql or '"django_session"' in sql:
            seen += 1
            if seen == statement:
                raise error("gone")
        return execute(sql, *args)

    return execute_or_fail


def post(token: str) -> int:
    op_server = Client(raise_request_exception=False)
    return op_server.post("/oidc/backchannel-logout/default/", f"logout_token={token}", content_type=FORM).status_code


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_database_that_fails_at_any_statement(op: FakeOP, engine: str, sid: str | None) -> None:
    statement = 0
    statuses: list[int] = []
    while not statuses or statuses[-1] != 200:
        statement += 1
        browser = sign_in_browser(op)
        token = sign_logout_token(sid=sid, jti=f"jti-{statement}")
        with connection.execute_wrapper(fail_at(statement, OperationalError)):
            statuses.append(post(token))
        if statuses[-1] != 200:
            assert post(token) == 200
        assert post(token) == 400
        assert not is_signed_in(browser)
        _forget_logouts()
    assert set(statuses[:-1]) == {503}
    assert statement >= 4


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_process_that_is_killed_at_any_statement(op: FakeOP, engine: str, sid: str | None) -> None:
    statement, finished = 0, False
    while not finished:
        statement += 1
        browser = sign_in_browser(op)
        token = sign_logout_token(sid=sid, jti=f"jti-{statement}")
        try:
            with connection.execute_wrapper(fail_at(statement, ProcessKilled)):
                finished = post(token) == 200
        except ProcessKilled:
            assert post(token) == 200
        assert post(token) == 400
        assert not is_signed_in(browser)
        _forget_logouts()
    assert statement >= 4


class CacheThatIsDown(LocMemCache):
    down = False

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        if self.down:
            raise ConnectionError("the cache is down")
        super().delete_many(keys, version)


@pytest.mark.parametrize("name", ["cached_db", "cache"])
def test_cache_that_is_down(op: FakeOP, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{name}"
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.{CacheThatIsDown.__name__}"}}
    browser, token, ended = sign_in_browser(op), sign_logout_token(), []

    def remember(**facts: Any) -> None:
        ended.append(facts["reason"])

    session_ended.connect(remember, sender=OIDCSession)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(CacheThatIsDown, "down", True)
            assert [post(token), post(token)] == [500, 500]
        assert post(token) == 200
    finally:
        session_ended.disconnect(remember, sender=OIDCSession)
    assert not is_signed_in(browser)
    assert ended == ["backchannel_logout"]


def _forget_logouts() -> None:
    """What the next round would otherwise find: receipts for the same session."""
    LogoutReceipt.objects.all().delete()
    OIDCSession.objects.all().delete()
