"""session_started, session_renewed, session_ended: each once, with the reason; receivers that fail do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.dispatch import Signal
from django.test import Client
from django.utils import timezone

from oidc_rp.models import OIDCSession
from oidc_rp.sessions import end_sessions
from oidc_rp.signals import session_ended, session_renewed, session_started
from tests.logout.driver import is_signed_in, post_logout_token, sign_in_as
from tests.support.browser import begin, complete, sign_in
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token

pytestmark = pytest.mark.django_db

Heard = list[dict[str, Any]]


@pytest.fixture
def ended() -> Iterator[Heard]:
    yield from listen(session_ended)


@pytest.fixture
def started() -> Iterator[Heard]:
    yield from listen(session_started)


@pytest.fixture
def renewed() -> Iterator[Heard]:
    yield from listen(session_renewed)


def listen(signal: Signal) -> Iterator[Heard]:
    heard: Heard = []

    def receiver(**what: Any) -> None:
        heard.append(what)

    signal.connect(receiver)
    yield heard
    signal.disconnect(receiver)


def run_cleanup() -> None:
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    call_command("oidc_cleanup", verbosity=0)


def act_in_admin(action: str) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("root", "r@x.example"), "django.contrib.auth.backends.ModelBackend")
    row = OIDCSession.objects.get()
    admin.post("/admin/oidc_rp/oidcsession/", {"action": action, "_selected_action": str(row.pk), "post": "yes"})


def sign_in_again(client: Client, op: FakeOP) -> None:
    complete(client, op.authorize(begin(client, prompt="login")["Location"]))


FRAME_URL = "/oidc/frontchannel-logout/default/?iss=https://op.example&sid=session-1"
WAYS: Mapping[str, Callable[[Client, FakeOP], object]] = {
    "logout": lambda client, op: client.post("/oidc/logout/"),
    "replaced": sign_in_again,
    "backchannel_logout": lambda client, op: post_logout_token(sign_logout_token()),
    "frontchannel_logout": lambda client, op: Client().get(FRAME_URL),
    "expired": lambda client, op: run_cleanup(),
    "admin": lambda client, op: act_in_admin("end_selected"),
    "compromised": lambda client, op: end_sessions(sid="session-1", reason="compromised"),
}


def test_start_is_told(op: FakeOP, started: Heard) -> None:
    sign_in_as(op)
    [what] = started
    assert what["sender"] is OIDCSession
    assert what["session"] == OIDCSession.objects.get()
    assert what["request"].user == OIDCSession.objects.get().user


def test_failed_login_starts_nothing(op: FakeOP, started: Heard) -> None:
    op.claims["nonce"] = "another"
    sign_in(Client(), op)
    assert started == []


@pytest.mark.parametrize("reason", WAYS)
def test_end_is_told_once_with_its_reason(op: FakeOP, ended: Heard, reason: str) -> None:
    client = sign_in_as(op)
    row = OIDCSession.objects.get()
    assert ended == []
    WAYS[reason](client, op)
    [what] = ended
    assert (what["sender"], what["session"], what["reason"]) == (OIDCSession, row, reason)
    session = what["session"]
    assert (session.sub, session.sid, session.user, session.alias) == ("subject-1", "session-1", row.user, "default")
    assert session.ended_at is not None
    assert session.sealed_tokens == ""
    WAYS["backchannel_logout"](client, op)
    assert len(ended) == (2 if reason == "replaced" else 1)


def test_end_by_djangos_own_logout_is_told(op: FakeOP, ended: Heard) -> None:
    client = sign_in_as(op)
    User.objects.update(is_staff=True)
    client.post("/admin/logout/")
    assert [what["reason"] for what in ended] == ["signed_out"]
    assert not is_signed_in(client)


def test_deleting_a_session_in_the_admin_is_told(op: FakeOP, ended: Heard) -> None:
    sign_in_as(op)
    act_in_admin("delete_selected")
    assert [what["reason"] for what in ended] == ["admin"]


def test_each_of_many_is_told(op: FakeOP, ended: Heard) -> None:
    for number in range(3):
        sign_in_as(op, sid=f"session-{number}")
    post_logout_token(sign_logout_token(sid=None))
    assert sorted(what["session"].sid for what in ended) == ["session-0", "session-1", "session-2"]


def fail(**_: Any) -> None:
    raise RuntimeError("a receiver's own fault")


def test_receiver_of_the_start_that_fails_does_no_harm(op: FakeOP, started: Heard) -> None:
    session_started.connect(fail)
    try:
        client = sign_in_as(op)
    finally:
        session_started.disconnect(fail)
    assert is_signed_in(client)


@pytest.mark.parametrize("reason", WAYS)
def test_receiver_of_the_end_that_fails_does_no_harm(op: FakeOP, reason: str) -> None:
    client = sign_in_as(op)
    old = OIDCSession.objects.get()
    session_ended.connect(fail)
    try:
        WAYS[reason](client, op)
    finally:
        session_ended.disconnect(fail)
    old.refresh_from_db()
    assert old.end_reason == reason
    assert is_signed_in(client) is (reason == "replaced")


def test_first_login_renews_nothing(client: Client, op: FakeOP, renewed: Heard) -> None:
    sign_in(client, op)
    assert renewed == []


def sign_in_anew(client: Client, op: FakeOP, sub: str) -> None:
    op.claims["sub"] = sub
    complete(client, op.authorize(client.get("/oidc/login/", {"prompt": "login"})["Location"]))


def test_login_in_place_of_a_session_of_the_same_subject_renews_it(
    op: FakeOP, started: Heard, renewed: Heard, ended: Heard
) -> None:
    sign_in_anew(sign_in_as(op), op, "subject-1")
    assert [what["session"] for what in renewed] == [started[1]["session"]]
    assert [(what["session"].pk, what["reason"]) for what in ended] == [(started[0]["session"].pk, "replaced")]


def test_login_of_another_subject_renews_nothing(op: FakeOP, started: Heard, renewed: Heard) -> None:
    sign_in_anew(sign_in_as(op), op, "subject-2")
    assert len(started) == 2
    assert renewed == []
