"""session/: the session's facts for scripts."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


def test_session_of_a_signed_in_user(client: Client, op: FakeOP) -> None:
    with time_machine.travel(1_800_000_000, tick=False):
        sign_in(client, op)
        response = client.get("/oidc/session/")
    assert response.status_code == 200
    assert response.json() == {
        "authenticated": True,
        "provider": "default",
        "iss": "https://op.example",
        "sub": "subject-1",
        "sid": "session-1",
        "acr": "pwd",
        "amr": ["pwd"],
        "auth_time": 1_799_999_995,
        "expires_at": 1_800_000_300,
        "username": User.objects.get().username,
    }


def test_session_of_a_taciturn_op_has_the_same_members(client: Client, op: FakeOP) -> None:
    op.claims.update(sid=None, acr=None, amr=None, auth_time=None)
    op.token_answer["expires_in"] = None
    sign_in(client, op)
    facts = client.get("/oidc/session/").json()
    missing = {name: facts[name] for name in ("sid", "acr", "amr", "auth_time", "expires_at")}
    assert missing == {"sid": None, "acr": None, "amr": [], "auth_time": None, "expires_at": None}


def test_session_of_nobody(client: Client) -> None:
    response = client.get("/oidc/session/")
    assert (response.status_code, response.json()) == (401, {"authenticated": False})


def test_session_of_a_user_signed_in_by_password_is_not_ours(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/oidc/session/").status_code == 401


@pytest.mark.parametrize("change", [{"is_active": False}, None], ids=["inactive", "deleted"])
def test_session_of_a_user_who_is_no_longer_welcome(client: Client, op: FakeOP, change: dict[str, Any] | None) -> None:
    sign_in(client, op)
    if change is None:
        User.objects.all().delete()
    else:
        User.objects.update(**change)
    assert client.get("/oidc/session/").status_code == 401


@pytest.mark.parametrize("stored", ["text", ["list"], {}, {"amr": None}, {"amr": [], "id": "x"}])
def test_session_written_by_another_version_is_none(client: Client, op: FakeOP, stored: Any) -> None:
    sign_in(client, op)
    session = client.session
    session["_oidc_rp"] = stored
    session.save()
    assert client.get("/oidc/session/").status_code == 401


def test_session_is_never_cached(client: Client, op: FakeOP) -> None:
    assert "no-store" in client.get("/oidc/session/")["Cache-Control"]
    sign_in(client, op)
    assert "no-store" in client.get("/oidc/session/")["Cache-Control"]


def test_session_is_read_only(client: Client) -> None:
    assert client.head("/oidc/session/").status_code == 401
    assert client.post("/oidc/session/").status_code == 405
