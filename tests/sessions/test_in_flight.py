"""A request of a session is under way while the session is ended: in every order, the session stays ended.

"Every order" is here every one in which a thread is left at most twice while it could go on. That is what it takes
to put any one part of the one between any two parts of the other, and keeps the number of orders below a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections, transaction
from django.test import Client

from oidc_rp.sessions import end_sessions
from tests.logout.driver import post_logout_token
from tests.sessions.site import COMMIT
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.sessions import copy_browser, get_row, is_signed_in, sign_in_browser
from tests.support.steps import VIEW, Lane, Run, explore, pause

pytestmark = pytest.mark.django_db(transaction=True)

SWITCHES = 2
End = Callable[[str, Client], Any]


def end_by_site(sid: str, tab: Client) -> Any:
    pause(VIEW)
    return end_sessions(sid=sid)


def end_by_browser(sid: str, tab: Client) -> Any:
    assert tab.get("/sync/sign-out/").status_code == 200


def end_by_browser_in_transaction(sid: str, tab: Client) -> Any:
    assert tab.get("/sign-out-in-transaction/").status_code == 200


def end_by_site_in_transaction(sid: str, tab: Client) -> Any:
    pause(VIEW)
    with transaction.atomic():
        end_sessions(sid=sid)
        pause(COMMIT)


class Race:
    """A signed-in browser's request, and what ends its session; a new session for each order."""

    def __init__(self, op: FakeOP, url: str, end: End) -> None:
        self.op, self.url, self.end = op, url, end
        self._serial = count()

    def build(self) -> Sequence[tuple[str, Callable[[], Any]]]:
        self.sid = f"session-{next(self._serial)}"
        self.browser = sign_in_browser(self.op, self.sid)
        # The cookie as it was before: with signed cookies, that is a whole session.
        self.replay, tab = copy_browser(self.browser), copy_browser(self.browser)
        return [("request", self.request), ("end", lambda: self.end(self.sid, tab))]

    def request(self) -> int:
        return self.browser.get(self.url).status_code

    def check(self, run: Run) -> None:
        status, _ = run.results
        # 400 is SessionMiddleware's answer to a session that was deleted while the request was under way.
        assert status in (200, 400), run
        assert not is_signed_in(self.browser), run
        assert not is_signed_in(self.replay), run
        row = get_row(self.sid)
        assert (row.ended_at is not None, row.session_key) == (True, ""), run


class LoadingRace(Race):
    """The request only loads the session: with cached_db from the database, after which it fills the cache."""

    def build(self) -> Sequence[tuple[str, Callable[[], Any]]]:
        lanes = super().build()
        if settings.SESSION_ENGINE.endswith("cached_db"):
            cache.clear()
        return lanes

    def request(self) -> int:
        pause(VIEW)
        return super().request()


@pytest.mark.parametrize("end", [end_by_site, end_by_browser])
@pytest.mark.parametrize("url", ["/sync/write/", "/sync/cycle/"])
def test_session_that_is_saved_stays_ended(op: FakeOP, stepped: str, url: str, end: End) -> None:
    race = Race(op, url, end)
    for run in explore(race.build, from_view=True, switches=SWITCHES):
        race.check(run)


@pytest.mark.parametrize(
    "end", [end_by_site, end_by_browser, end_by_site_in_transaction, end_by_browser_in_transaction]
)
def test_session_that_is_loaded_stays_ended(op: FakeOP, stepped: str, end: End) -> None:
    race = LoadingRace(op, "/read/", end)
    for run in explore(race.build, from_view=True, switches=SWITCHES):
        race.check(run)


def end_and_disconnect() -> int:
    try:
        return end_sessions(sid="session-1")
    finally:
        connections.close_all()


def test_session_with_a_key_that_is_not_committed_yet_stays_ended(op: FakeOP, stepped: str) -> None:
    """The logout has to wait for the row, or else to find it as it was; the request then finds what it has done."""
    browser = sign_in_browser(op)
    request = Lane("request", lambda: browser.get("/cycle-in-transaction/").status_code)
    request.start()
    while request.next_label != COMMIT:
        request.step()
    # It may be held up until the request's transaction is over.
    with ThreadPoolExecutor(1) as pool:
        logout = pool.submit(end_and_disconnect)
        request.finish()
    assert logout.result() == 1
    assert (request.error, request.result in (200, 400)) == (None, True)
    assert not is_signed_in(browser)
    assert get_row().session_key == ""


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_slow_request_finds_its_session_ended_by_the_op(op: FakeOP, engine: str, sid: str | None) -> None:
    """The same through the front door: the view has begun, the logout token comes and is done, the view ends."""
    browser = sign_in_browser(op)
    replay = copy_browser(browser)
    request = Lane("request", lambda: browser.get("/sync/write/"), stepped=False)
    request.start()
    assert request.next_label == VIEW
    assert post_logout_token(sign_logout_token(sid=sid)).status_code == 200
    request.finish()
    assert request.result.status_code == 400
    assert not is_signed_in(browser)
    assert not is_signed_in(replay)


def test_other_session_of_a_slow_request_goes_on(op: FakeOP, engine: str) -> None:
    browser, other = sign_in_browser(op), sign_in_browser(op, "session-2")
    request = Lane("request", lambda: other.get("/sync/write/"), stepped=False)
    request.start()
    post_logout_token(sign_logout_token())
    request.finish()
    assert request.result.status_code == 200
    assert is_signed_in(other)
    assert not is_signed_in(browser)
