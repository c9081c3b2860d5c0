from __future__ import annotations

import pytest
from django.test import Client

from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


def test_login_round_trip(client: Client, op: FakeOP) -> None:
    begun = client.get("/oidc/login/", {"next": "/private/"})
    assert begun.status_code == 302
    back = client.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert (back.status_code, back["Location"]) == (302, "/private/")
    assert client.get("/private/").status_code == 200
    facts = client.get("/oidc/session/").json()
    assert facts["sub"] == "subject-1"
