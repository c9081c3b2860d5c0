"""The two legs of a login without Django: what comes in and out of the flow, and in which order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from oidc_rp.cache import DjangoSharedCache
from oidc_rp.flows.login import Login, Wishes, begin_login, complete_login, needs_interaction
from oidc_rp.flows.transaction import Transaction
from oidc_rp.protocol.errors import (
    AuthenticationResponseError,
    ConfigurationError,
    OIDCError,
    OPError,
    RequirementError,
)
from oidc_rp.provider import Provider
from oidc_rp.provider.config import read_config
from tests.support.browser import query
from tests.support.fake_op import FakeOP

REDIRECT_URI = "https://app.example/callback"


def build_provider(**options: Any) -> Provider:
    settings = {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": "secret", **options}
    return Provider(
        read_config("default", settings), cache=DjangoSharedCache(), observe=lambda exchange: None, clock=time.time
    )


def begin(provider: Provider, **wishes: Any) -> tuple[str, Transaction]:
    return begin_login(provider, redirect_uri=REDIRECT_URI, next_url="/next/", wishes=Wishes(**wishes), now=time.time())


def finish(provider: Provider, transaction: Transaction, response: Mapping[str, str]) -> Login:
    return complete_login(provider, transaction, {name: [value] for name, value in response.items()}, now=time.time())


def test_begin_puts_into_the_transaction_what_it_puts_into_the_url(op: FakeOP) -> None:
    url, transaction = begin(build_provider(MAX_AGE=300, ACR_VALUES=["mfa"]))
    request = query(url)
    assert (request["state"], request["nonce"]) == (transaction.state, transaction.nonce)
    assert (request["max_age"], request["acr_values"]) == ("300", "mfa")
    assert (transaction.max_age, transaction.acr_values, transaction.silent) == (300, ("mfa",), False)
    assert (transaction.alias, transaction.issuer) == ("default", "https://op.example")
    assert (transaction.redirect_uri, transaction.next) == (REDIRECT_URI, "/next/")
    assert transaction.code_verifier not in url


def test_begin_wishes_come_before_the_configuration(op: FakeOP) -> None:
    _, transaction = begin(
        build_provider(MAX_AGE=300, ACR_VALUES=["mfa"], PROMPT="login"), max_age=0, acr_values=["phr"], prompt="none"
    )
    assert (transaction.max_age, transaction.acr_values, transaction.silent) == (0, ("phr",), True)


def test_begin_keeps_the_query_of_the_endpoint(op: FakeOP) -> None:
    op.metadata["authorization_endpoint"] = "https://op.example/authorize?realm=main"
    url, _ = begin(build_provider())
    assert query(url)["realm"] == "main"
    assert url.count("?") == 1


def test_begin_of_a_public_client_wants_pkce(op: FakeOP) -> None:
    op.metadata["code_challenge_methods_supported"] = []
    with pytest.raises(ConfigurationError) as caught:
        begin(build_provider(CLIENT_AUTH_METHOD="none", CLIENT_SECRET=None))
    assert caught.value.code == "pkce_unsupported"
    assert begin(build_provider())[0], "a confidential client has its secret"


def test_complete_returns_only_what_was_validated(op: FakeOP) -> None:
    provider = build_provider()
    url, transaction = begin(provider)
    op.token_answer.update(scope="openid email admin", expires_in=60)
    before = time.time()
    login = finish(provider, transaction, op.authorize(url))
    assert (login.id_token.iss, login.id_token.sub, login.id_token.sid) == (
        "https://op.example",
        "subject-1",
        "session-1",
    )
    assert login.unexpected_scopes == ("admin",)
    assert login.expires_at is not None
    assert int(before) + 60 <= login.expires_at <= time.time() + 60
    assert login.userinfo == {}


def test_complete_knows_the_scopes_that_google_calls_by_url(op: FakeOP) -> None:
    provider = build_provider()
    url, transaction = begin(provider)
    op.token_answer["scope"] = "openid https://www.googleapis.com/auth/userinfo.email https://evil.example/auth/email"
    assert finish(provider, transaction, op.authorize(url)).unexpected_scopes == ("https://evil.example/auth/email",)


def test_complete_claims_of_the_id_token_win(op: FakeOP) -> None:
    provider = build_provider(FETCH_USERINFO=True)
    op.userinfo.update(email="unsigned@example.com", locale="de")
    url, transaction = begin(provider)
    claims = finish(provider, transaction, op.authorize(url)).claims
    assert (claims["email"], claims["locale"]) == ("alice@example.com", "de")


def test_complete_without_a_userinfo_endpoint_has_no_userinfo(op: FakeOP) -> None:
    op.metadata["userinfo_endpoint"] = None
    provider = build_provider(FETCH_USERINFO=True)
    url, transaction = begin(provider)
    assert finish(provider, transaction, op.authorize(url)).userinfo == {}


def test_complete_without_a_lifetime_does_not_know_when_it_expires(op: FakeOP) -> None:
    op.token_answer["expires_in"] = None
    provider = build_provider()
    url, transaction = begin(provider)
    assert finish(provider, transaction, op.authorize(url)).expires_at is None


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        pytest.param({"iss": "https://evil.example"}, AuthenticationResponseError, "iss_mismatch", id="iss"),
        pytest.param({"code": ""}, AuthenticationResponseError, "code_missing", id="no_code"),
        pytest.param({"error": "access_denied"}, OPError, "op_error", id="error_and_code"),
    ],
)
def test_complete_sends_no_code_anywhere(op: FakeOP, change: dict[str, str], kind: type[OIDCError], code: str) -> None:
    provider = build_provider()
    url, transaction = begin(provider)
    with pytest.raises(kind) as caught:
        finish(provider, transaction, {**op.authorize(url), **change})
    assert caught.value.code == code
    assert "token" not in op.calls


@pytest.mark.parametrize("other", [{"alias": "other"}, {"issuer": "https://op.example/"}])
def test_complete_refuses_the_transaction_of_another_provider(op: FakeOP, other: dict[str, str]) -> None:
    provider = build_provider()
    url, transaction = begin(provider)
    foreign = Transaction(**{**{name: getattr(transaction, name) for name in transaction.__slots__}, **other})
    with pytest.raises(AuthenticationResponseError) as caught:
        finish(provider, foreign, op.authorize(url))
    assert caught.value.code == "provider_mismatch"
    assert "token" not in op.calls


def test_complete_compares_acr_with_what_was_asked_and_not_with_what_is_configured_now(op: FakeOP) -> None:
    url, transaction = begin(build_provider(ACR_VALUES=["mfa"]))
    with pytest.raises(RequirementError) as caught:
        finish(build_provider(), transaction, op.authorize(url))
    assert caught.value.required == ("mfa",)


@pytest.mark.parametrize(
    ("error", "endpoint", "expected"),
    [
        ("login_required", "authorization", True),
        ("interaction_required", "authorization", True),
        ("access_denied", "authorization", False),
        ("login_required", "token", False),
    ],
)
def test_interaction_is_what_the_authorization_endpoint_asks_for(error: str, endpoint: str, expected: bool) -> None:
    assert needs_interaction(OPError(error, endpoint=endpoint)) is expected
