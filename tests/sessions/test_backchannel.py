from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from oidc_rp.models import OIDCSession
from oidc_rp.protocol.logout_token import EVENT
from tests.support.fake_op import FakeOP
from tests.support.keys import sign

pytestmark = pytest.mark.django_db


def sign_in(client: Client, op: FakeOP) -> None:
    begun = client.get("/oidc/login/", {"prompt": "login"})
    client.get("/oidc/callback/default/", op.authorize(begun["Location"]))


def logout_token(**claims: Any) -> str:
    now = int(time.time())
    payload = {
        "iss": "https://op.example",
        "aud": "client-1",
        "iat": now,
        "exp": now + 120,
        "jti": "jti-1",
        "events": {EVENT: {}},
        "sub": "subject-1",
        "sid": "session-1",
        **claims,
    }
    return sign({k: v for k, v in payload.items() if v is not None}, header={"typ": "logout+jwt"})


ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]


@pytest.mark.parametrize("engine", ENGINES)
def test_backchannel_logout_ends_the_session(client: Client, op: FakeOP, settings, engine) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    client = Client()
    sign_in(client, op)
    assert client.get("/oidc/session/").status_code == 200
    answer = (
        Client().post(
            "/oidc/backchannel-logout/default/",
            {"logout_token": logout_token()},
            content_type="application/x-www-form-urlencoded",
        )
        if False
        else Client().post(
            "/oidc/backchannel-logout/default/",
            "logout_token=" + logout_token(),
            content_type="application/x-www-form-urlencoded",
        )
    )
    assert answer.status_code == 200, answer.content
    assert client.get("/oidc/session/").status_code == 401
    assert client.get("/private/").status_code == 302
    answer = Client().post(
        "/oidc/backchannel-logout/default/",
        "logout_token=" + logout_token(),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 400, answer.content
    row = OIDCSession.objects.get()
    assert row.end_reason == "backchannel_logout"
