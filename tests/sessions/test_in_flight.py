"""A request of a session is under way while the session is ended: in every order, the session stays ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from django.test import Client

from oidc_rp.models import OIDCSession
from oidc_rp.sessions import end_sessions
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP
from tests.support.steps import VIEW, explore, pause

pytestmark = pytest.mark.django_db(transaction=True)

serial = count()


def copy(client: Client) -> Client:
    """Another tab of the same browser; or somebody who has kept the cookies."""
    other = Client()
    other.cookies.load(client.cookies)
    return other


def is_signed_in(client: Client) -> bool:
    facts = client.get("/who/").json()
    assert bool(facts["user"]) is bool(facts["sid"])
    return bool(facts["user"])


def end_by_site(sid: str, browser: Client) -> Any:
    pause(VIEW)
    return end_sessions(sid=sid)


def end_by_browser(sid: str, browser: Client) -> Any:
    return browser.post("/sync/sign-out/").status_code


class Race:
    """One request of a signed-in browser, and what ends its session."""

    def __init__(self, op: FakeOP, url: str, end: Callable[[str, Client], Any]) -> None:
        self.op, self.url, self.end = op, url, end
        self.sid = ""
        self.browser = Client()

    def build(self) -> Sequence[tuple[str, Callable[[], Any]]]:
        self.sid = f"session-{next(serial)}"
        self.op.claims["sid"] = self.sid
        self.browser = Client()
        sign_in(self.browser, self.op)
        self.stolen, tab = copy(self.browser), copy(self.browser)
        return [
            ("request", lambda: self.browser.get(self.url).status_code),
            ("end", lambda: self.end(self.sid, tab)),
        ]


@pytest.mark.parametrize("end", [end_by_site, end_by_browser])
@pytest.mark.parametrize("url", ["/sync/write/", "/sync/cycle/"])
def test_session_stays_ended(op: FakeOP, stepped: str, url: str, end: Callable[[str, Client], Any]) -> None:
    race = Race(op, url, end)
    for run in explore(race.build, from_view=True, switches=2):
        status, _ = run.results
        # 400 is SessionMiddleware's answer to a session that was deleted while the request was under way.
        assert status in (200, 400), run
        assert not is_signed_in(race.browser), run
        assert not is_signed_in(race.stolen), run
        row = OIDCSession.objects.get(sid=race.sid)
        assert (row.ended_at is not None, row.session_key) == (True, ""), run
