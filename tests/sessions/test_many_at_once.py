"""Logout tokens in real threads, all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connections

from oidc_rp.models import LogoutReceipt, OIDCSession
from tests.logout.driver import post_logout_token
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import is_signed_in, sign_in_browser

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 30


def do_at_once(works: Sequence[Callable[[], int]]) -> list[int]:
    """Do all of them in threads that begin together; their results."""
    barrier = Barrier(len(works))

    def do(work: Callable[[], int]) -> int:
        barrier.wait(timeout=60)
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(do, works))


def post_at_once(tokens: Sequence[str]) -> list[int]:
    return do_at_once([lambda token=token: post_logout_token(token).status_code for token in tokens])  # type: ignore[misc]


def test_tokens_of_many_sessions_at_once(op: FakeOP, engine: str) -> None:
    names = [f"session-{number}" for number in range(AT_ONCE)]
    browsers = [sign_in_browser(op, name) for name in names]
    stays = sign_in_browser(op, "session-that-stays")
    assert post_at_once([sign_logout_token(sid=name, jti=f"jti-{name}") for name in names]) == [200] * AT_ONCE
    assert not any(is_signed_in(browser) for browser in browsers)
    assert is_signed_in(stays)
    assert LogoutReceipt.objects.exclude(settled_at=None).count() == AT_ONCE


def test_tokens_of_one_subject_at_once(op: FakeOP, engine: str) -> None:
    """They all want the same rows."""
    browsers = [sign_in_browser(op, f"session-{number}") for number in range(5)]
    tokens = [sign_logout_token(sid=None, jti=f"jti-{number}") for number in range(AT_ONCE)]
    assert post_at_once(tokens) == [200] * AT_ONCE
    assert not any(is_signed_in(browser) for browser in browsers)
    assert not OIDCSession.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("copies", [2, AT_ONCE])
def test_same_token_at_once(op: FakeOP, engine: str, copies: int) -> None:
    browser = sign_in_browser(op)
    statuses = post_at_once([sign_logout_token()] * copies)
    assert sorted(statuses) == [200] + [400] * (copies - 1)
    assert not is_signed_in(browser)


def test_sid_and_sub_at_once(op: FakeOP, engine: str) -> None:
    names = [f"session-{number}" for number in range(10)]
    browsers = [sign_in_browser(op, name) for name in names]
    tokens = [sign_logout_token(sid=None, jti="jti-of-all"), *(sign_logout_token(sid=name, jti=name) for name in names)]
    assert post_at_once(tokens) == [200] * len(tokens)
    assert not any(is_signed_in(browser) for browser in browsers)
    assert User.objects.count() == 1
