"""The demo OP's small API: what an access token opens, and what it does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from demo_project.op.models import Account
from tests.demo.op_driver import RelyingParty

URL = "/api/account/"


def issue(scope: str = "openid api", seconds: int = 30) -> str:
    user = Account.objects.get(user__username="alice").user
    expires = timezone.now() + timedelta(seconds=seconds)
    application = Application.objects.get(client_id="site-b")
    token = f"token-{scope}-{seconds}".replace(" ", "-")
    AccessToken.objects.create(user=user, application=application, token=token, expires=expires, scope=scope)
    return token


def ask(token: str) -> tuple[int, str]:
    response = Client().get(URL, headers={"Authorization": f"Bearer {token}"})
    return response.status_code, response.json().get("error", "")


@pytest.mark.usefixtures("site_b")
def test_token_with_the_scope_opens_the_account_of_its_user() -> None:
    response = Client().get(URL, headers={"Authorization": f"Bearer {issue()}"})
    assert response.status_code == 200
    assert response.json()["owner"] == "Alice Anderson"
    assert 25 < response.json()["token_expires_in"] <= 30
    assert "no-store" in response["Cache-Control"]


@pytest.mark.usefixtures("site_b")
@pytest.mark.parametrize(
    ("scope", "seconds", "refusal"),
    [("openid", 30, (403, "insufficient_scope")), ("openid api", -1, (401, "invalid_token"))],
    ids=["without_the_scope", "expired"],
)
def test_token_that_does_not_do_is_refused(scope: str, seconds: int, refusal: tuple[int, str]) -> None:
    assert ask(issue(scope, seconds)) == refusal


def test_unknown_token_is_refused_as_rfc_6750_says(site_b: RelyingParty) -> None:
    response = Client().get(URL, headers={"Authorization": "Bearer unknown"})
    assert (response.status_code, response["WWW-Authenticate"]) == (
        401,
        'Bearer realm="demo", error="invalid_token", scope="api"',
    )
    assert Client().get(URL).status_code == 401
