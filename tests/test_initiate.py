"""initiate/: a login that a third party begins (Core 1.0 section 4)."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.browser import JSON, complete, get_error, query
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db

INITIATE = "/oidc/initiate/default/"
ISS = "https://op.example"


@pytest.mark.parametrize("method", ["get", "post"])
def test_initiate_begins_a_login(op: FakeOP, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    asked = {"iss": ISS, "login_hint": "alice", "target_link_uri": "http://testserver/private/"}
    begun = getattr(client, method)(INITIATE, asked)
    request = query(begun["Location"])
    assert request["login_hint"] == "alice"
    assert request["redirect_uri"] == "http://testserver/oidc/callback/default/"
    assert complete(client, op.authorize(begun["Location"]))["Location"] == "http://testserver/private/"


def test_initiate_without_target_ends_at_home(client: Client, op: FakeOP) -> None:
    begun = client.get(INITIATE, {"iss": ISS})
    assert "login_hint" not in query(begun["Location"])
    assert complete(client, op.authorize(begun["Location"]))["Location"] == "/home/"


@pytest.mark.parametrize(
    "iss",
    [None, "", "https://op.example/", "https://OP.example", "https://evil.example", "https://other.example/tenant/"],
)
def test_initiate_verifies_iss(client: Client, iss: str | None) -> None:
    response = client.get(INITIATE, {} if iss is None else {"iss": iss}, headers=JSON)
    assert get_error(response) == (400, "initiate_iss")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/" + "a" * 2_000]
)
def test_initiate_verifies_the_target(client: Client, target: str) -> None:
    response = client.get(INITIATE, {"iss": ISS, "target_link_uri": target}, headers=JSON)
    assert get_error(response) == (400, "initiate_target")


@pytest.mark.parametrize(
    ("hint", "code"),
    [(["a", "b"], "response_parameter_repeated"), ("x" * 17_000, "response_parameter_too_long")],
    ids=["repeated", "over_long"],
)
def test_initiate_refuses_a_hint(client: Client, hint: str | list[str], code: str) -> None:
    assert get_error(client.post(INITIATE, {"iss": ISS, "login_hint": hint}, headers=JSON)) == (400, code)


def test_initiate_takes_no_other_parameters(client: Client, op: FakeOP) -> None:
    begun = client.get(
        INITIATE, {"iss": ISS, "prompt": "none", "scope": "admin", "redirect_uri": "https://evil.example/"}
    )
    request = query(begun["Location"])
    assert "prompt" not in request
    assert (request["scope"], request["redirect_uri"]) == (
        "openid profile email",
        "http://testserver/oidc/callback/default/",
    )


def test_initiate_cannot_be_framed(client: Client, op: FakeOP) -> None:
    for response in (client.get(INITIATE, {"iss": ISS}), client.get(INITIATE)):
        assert response["X-Frame-Options"] == "DENY"
        assert response["Content-Security-Policy"] == "frame-ancestors 'none'"


def test_initiate_at_an_unknown_provider_is_not_found(client: Client) -> None:
    assert client.get("/oidc/initiate/unknown/", {"iss": ISS}).status_code == 404
