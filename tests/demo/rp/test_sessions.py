"""The page "Your sessions", and what a browser is told whose session others have ended."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from demo_project.rp.devices import NOTICES, describe
from demo_project.rp.journal.recorder import recording
from demo_project.rp.models import Device
from oidc_rp.models import OIDCSession
from oidc_rp.sessions import end_sessions
from tests.support.fake_op import FakeOP

LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def sign_in(op: FakeOP, browser: Client) -> OIDCSession:
    begun = browser.get("/oidc/login/")
    browser.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    return OIDCSession.objects.latest("created_at")


@pytest.fixture
def laptop(site: Client) -> Client:
    return Client(headers={"User-Agent": LINUX})


@pytest.fixture
def phone(site: Client) -> Client:
    return Client(headers={"User-Agent": IPHONE})


def test_page_lists_the_users_live_sessions_this_one_first(op: FakeOP, laptop: Client, phone: Client) -> None:
    own = sign_in(op, laptop)
    other = sign_in(op, phone)
    page = laptop.get("/sessions/")
    assert page.context["sessions"] == [own, other]
    text = page.content.decode()
    assert text.index("Chrome on Linux") < text.index("This session") < text.index("Safari on iOS")
    assert text.count("This session") == 1
    end_sessions(user=other.user)
    assert phone.get("/sessions/").status_code == 302


def test_one_other_session_is_ended(op: FakeOP, laptop: Client, phone: Client) -> None:
    own, other, third = sign_in(op, laptop), sign_in(op, phone), sign_in(op, Client())
    answer = laptop.post(f"/sessions/{other.pk}/end/")
    assert (answer.status_code, answer["Location"]) == (302, "/sessions/")
    other.refresh_from_db()
    assert other.end_reason == "ended_by_user"
    assert set(OIDCSession.objects.filter(ended_at=None)) == {own, third}
    assert phone.get("/private/").status_code == 302


def test_all_other_sessions_are_ended(op: FakeOP, laptop: Client, phone: Client) -> None:
    own, *_ = sign_in(op, laptop), sign_in(op, phone), sign_in(op, Client())
    laptop.post("/sessions/end-others/")
    assert OIDCSession.objects.get(ended_at=None) == own
    assert laptop.get("/private/").status_code == 200


def test_session_of_somebody_else_is_neither_shown_nor_ended(op: FakeOP, laptop: Client, phone: Client) -> None:
    sign_in(op, laptop)
    theirs = sign_in(op, phone)
    OIDCSession.objects.filter(pk=theirs.pk).update(user=get_user_model().objects.create(username="another"))
    assert str(theirs.pk) not in laptop.get("/sessions/").content.decode()
    laptop.post(f"/sessions/{theirs.pk}/end/")
    laptop.post("/sessions/end-others/")
    theirs.refresh_from_db()
    assert theirs.ended_at is None


def test_own_session_is_not_ended_by_its_id(op: FakeOP, laptop: Client) -> None:
    own = sign_in(op, laptop)
    laptop.post(f"/sessions/{own.pk}/end/")
    assert laptop.get("/private/").status_code == 200


@pytest.mark.parametrize("path", ["/sessions/end-others/", "/sessions/5b0e3a52-6b7c-4a4e-9a53-0f6f1c1f2d10/end/"])
def test_ending_is_for_signed_in_users_with_a_csrf_token(op: FakeOP, laptop: Client, path: str) -> None:
    own = sign_in(op, laptop)
    assert laptop.get(path).status_code == 405
    assert Client().post(path)["Location"] == "/sessions/"
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = laptop.cookies
    assert strict.post(path).status_code == 403
    own.refresh_from_db()
    assert own.ended_at is None


@pytest.mark.parametrize("reason", NOTICES)
def test_browser_is_told_once_that_others_ended_its_session(op: FakeOP, laptop: Client, reason: str) -> None:
    end_sessions(user=sign_in(op, laptop).user, reason=reason)
    assert "signed out" not in Client().get("/").content.decode()
    assert NOTICES[reason] in laptop.get("/").content.decode()
    assert NOTICES[reason] not in laptop.get("/").content.decode()


def test_browser_is_not_told_of_what_it_did_itself(op: FakeOP, laptop: Client) -> None:
    sign_in(op, laptop)
    laptop.post("/oidc/logout/")
    assert laptop.get("/").context["notice"] == ""


def test_new_login_makes_the_end_of_the_one_before_old_news(op: FakeOP, laptop: Client) -> None:
    end_sessions(user=sign_in(op, laptop).user, reason="backchannel_logout")
    sign_in(op, laptop)
    laptop.post("/oidc/logout/")
    assert laptop.get("/").context["notice"] == ""


def test_journal_asks_nothing_of_the_database_for_each_ended_session(op: FakeOP, laptop: Client) -> None:
    user = sign_in(op, laptop).user
    for _ in range(20):
        OIDCSession.objects.create(login_key=uuid4().hex, user=user, alias="default", issuer="i", sub="s")
    with (
        recording() as recorded,
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        end_sessions(user=user)
    assert len(recorded) == 21
    assert len(queries) < 10


def test_session_without_a_known_device_is_listed(op: FakeOP, laptop: Client) -> None:
    sign_in(op, laptop)
    Device.objects.all().delete()
    assert "Unknown device" in laptop.get("/sessions/").content.decode()


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (LINUX, "Chrome on Linux"),
        (f"{LINUX} Edg/140.0.0.0", "Edge on Linux"),
        (IPHONE, "Safari on iOS"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        ("curl/8.5.0", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_describe(user_agent: str, name: str) -> None:
    assert describe(user_agent) == name
