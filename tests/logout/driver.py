"""The parts of the OP and of the browser in a logout, and what must not change when one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from oidc_rp.models import LogoutReceipt, OIDCIdentity, OIDCSession
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP

FORM = "application/x-www-form-urlencoded"


def sign_in_as(op: FakeOP, sub: str = "subject-1", sid: str | None = "session-1", *, alias: str = "default") -> Client:
    """A new browser, signed in; `sid` None is that of an OP which sends none."""
    op.claims.update(sub=sub, sid=sid)
    client = Client()
    response = sign_in(client, op, alias=alias)
    assert response.status_code == 302, response.content
    assert is_signed_in(client)
    return client


def is_signed_in(client: Client) -> bool:
    status = client.get("/oidc/session/").status_code
    assert (client.get("/private/").status_code == 200) is (status == 200)
    return status == 200


def post_logout_token(token: str, alias: str = "default") -> HttpResponse:
    return post_body(urlencode({"logout_token": token}), alias=alias)


def post_body(body: str | bytes, content_type: str = FORM, alias: str = "default") -> HttpResponse:
    """What the OP's server posts: no cookies, no CSRF token."""
    op_server = Client(enforce_csrf_checks=True)
    response: Any = op_server.post(f"/oidc/backchannel-logout/{alias}/", body, content_type=content_type)
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    return response  # type: ignore[no-any-return]  # the test client's own type


def snapshot() -> Mapping[str, list[dict[str, Any]]]:
    """Everything that a refused request must leave as it is."""
    models: list[type[Model]] = [User, Session, OIDCIdentity, OIDCSession, LogoutReceipt]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
