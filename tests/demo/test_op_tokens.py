"""Userinfo, refresh, introspection and revocation."""

from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from time_machine import TimeMachineFixture

from demo_project.op.models import Account
from tests.demo.op_driver import Browser, RelyingParty, answer

START = 1_900_000_000


def userinfo(access_token: str) -> Any:
    return Client().get(reverse("oauth2_provider:user-info"), headers={"authorization": f"Bearer {access_token}"})


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", set()),
        ("openid email", {"email", "email_verified"}),
        ("openid profile", {"name", "given_name", "family_name", "preferred_username"}),
        ("openid groups", {"groups"}),
    ],
)
def test_claims_follow_the_scope(browser: Browser, site_a: RelyingParty, scope: str, claims: set[str]) -> None:
    tokens = browser.sign_in(site_a, "bob", scope=scope)
    of_the_user = userinfo(tokens["access_token"]).json()
    assert set(of_the_user) == {"sub"} | claims
    id_token = site_a.id_token_claims(tokens["id_token"])
    assert of_the_user.items() <= {name: id_token[name] for name in of_the_user}.items()


def test_claims_are_those_of_the_user(browser: Browser, site_a: RelyingParty) -> None:
    tokens = browser.sign_in(site_a, "bob", scope="openid profile email groups")
    assert userinfo(tokens["access_token"]).json() == {
        "sub": str(Account.objects.get(user__username="bob").subject),
        "name": "Bob Brown",
        "given_name": "Bob",
        "family_name": "Brown",
        "preferred_username": "bob",
        "email": "bob@example.com",
        "email_verified": True,
        "groups": ["staff"],
    }


def test_userinfo_needs_a_live_access_token(
    browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(START, tick=False)
    tokens = browser.sign_in(site_a)
    time_machine.move_to(START + tokens["expires_in"] + 1, tick=False)
    assert userinfo(tokens["access_token"]).status_code == HTTPStatus.UNAUTHORIZED


class TestRefresh:
    def test_states_the_original_login(
        self, browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture
    ) -> None:
        time_machine.move_to(START, tick=False)
        tokens = browser.sign_in(site_a)
        before = site_a.id_token_claims(tokens["id_token"])
        # Neither a step-up nor another browser of the same user changes what this login was.
        time_machine.move_to(START + 60, tick=False)
        browser.give_code(browser.authorize(site_a, acr_values="mfa"))
        Browser().sign_in(site_a)
        after = site_a.id_token_claims(site_a.refresh(tokens["refresh_token"]).json()["id_token"])
        kept = ("iss", "sub", "aud", "sid", "acr", "amr", "auth_time")
        assert [after[name] for name in kept] == [before[name] for name in kept]
        assert after["iat"] == START + 60

    def test_rotates(self, browser: Browser, site_a: RelyingParty) -> None:
        first = browser.sign_in(site_a)
        second = site_a.refresh(first["refresh_token"]).json()
        assert second["refresh_token"] != first["refresh_token"]
        assert userinfo(first["access_token"]).status_code == HTTPStatus.UNAUTHORIZED
        third = site_a.refresh(second["refresh_token"])
        assert third.status_code == HTTPStatus.OK

    def test_token_that_is_used_again_kills_its_family(self, browser: Browser, site_a: RelyingParty) -> None:
        first = browser.sign_in(site_a)
        second = site_a.refresh(first["refresh_token"]).json()
        assert site_a.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert site_a.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
        assert userinfo(second["access_token"]).status_code == HTTPStatus.UNAUTHORIZED

    def test_token_of_another_client_is_refused(
        self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty
    ) -> None:
        tokens = browser.sign_in(site_a)
        assert site_b.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_wrong_client_secret_is_refused(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        site_a.secret = "wrong"
        response = site_a.refresh(tokens["refresh_token"])
        assert (response.status_code, response.json()["error"]) == (
            HTTPStatus.UNAUTHORIZED,
            "invalid_client",
        )


class TestIntrospection:
    def test_tells_a_resource_server_about_the_login(
        self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty
    ) -> None:
        tokens = browser.sign_in(site_a, scope="openid api")
        of_the_login = site_a.id_token_claims(tokens["id_token"])
        answered = site_b.token_request("introspect", token=tokens["access_token"]).json()
        assert (answered["active"], answered["client_id"], answered["scope"]) == (True, "site-a", "openid api")
        for name in ("iss", "sub", "sid", "acr", "amr", "auth_time"):
            assert answered[name] == of_the_login[name]

    def test_of_an_unknown_token_says_inactive(self, site_a: RelyingParty) -> None:
        assert site_a.token_request("introspect", token="unknown").json() == {"active": False}

    def test_needs_client_authentication(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        response = Client().post(reverse("oauth2_provider:introspect"), {"token": tokens["access_token"]})
        assert response.status_code == HTTPStatus.FORBIDDEN


def test_revoked_refresh_token_ends_the_access_token_too(browser: Browser, site_a: RelyingParty) -> None:
    tokens = browser.sign_in(site_a)
    site_a.token_request("revoke-token", token=tokens["refresh_token"])
    assert userinfo(tokens["access_token"]).status_code == HTTPStatus.UNAUTHORIZED
    assert site_a.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert "code" in answer(browser.authorize(site_a))
