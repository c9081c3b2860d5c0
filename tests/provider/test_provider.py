from __future__ import annotations

import json
import time
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

import jwt
import pytest
import requests
import responses
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from oidc_rp.protocol.errors import (
    ClaimError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    SignatureError,
    UnknownKeyError,
)
from oidc_rp.protocol.id_token import IDToken
from oidc_rp.provider import Exchange, Provider
from oidc_rp.provider.documents import COOLDOWN_SECONDS, FRESH_SECONDS
from tests.support.fake_op import FakeOP
from tests.support.keys import jwk, private_key, sign
from tests.support.logout_tokens import sign_logout_token
from tests.support.site import SECRET, Clock, MemoryCache, build_provider

REDIRECT_URI = "https://rp.example/oidc/callback/default/"
INVALID_CLIENT = (401, {"Content-Type": "application/json"}, '{"error": "invalid_client"}')
STATIC = {
    "authorization_endpoint": "https://op.example/authorize",
    "token_endpoint": "https://op.example/token",
    "jwks_uri": "https://op.example/jwks",
}


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def cache(clock: Clock) -> MemoryCache:
    return MemoryCache(clock)


@pytest.fixture
def provider(cache: MemoryCache, op: FakeOP) -> Provider:
    op.nonce = "nonce-1"
    return build_provider(cache)


def login(provider: Provider) -> IDToken:
    tokens = provider.exchange_code("code-1", REDIRECT_URI, "verifier-1")
    assert tokens.id_token is not None
    return provider.validate_id_token(tokens.id_token, nonce="nonce-1", access_token=tokens.access_token)


def test_nothing_is_fetched_at_construction(provider: Provider, op: FakeOP) -> None:
    assert provider.alias == "default"
    assert op.calls == []


def test_a_login_costs_one_call_when_warm(provider: Provider, op: FakeOP) -> None:
    assert login(provider).sub == "subject-1"
    assert op.calls == ["metadata", "token", "jwks"]
    op.calls.clear()
    login(provider)
    assert op.calls == ["token"]


def test_another_process_starts_warm(provider: Provider, cache: MemoryCache, op: FakeOP) -> None:
    login(provider)
    op.calls.clear()
    login(build_provider(cache))
    assert op.calls == ["token"]


def test_two_clients_of_one_op_share_its_documents(provider: Provider, cache: MemoryCache, op: FakeOP) -> None:
    assert provider.keys.keys
    op.calls.clear()
    assert build_provider(cache, CLIENT_ID="client-2").keys.keys
    assert op.calls == []


def test_the_code_is_redeemed_with_the_verifier(provider: Provider, op: FakeOP) -> None:
    login(provider)
    index = op.calls.index("token")
    assert op.forms[index] == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "verifier-1",
    }
    pair = b64decode(op.headers[index]["Authorization"].removeprefix("Basic ")).decode()
    assert [unquote_plus(part) for part in pair.split(":")] == ["client-1", SECRET]


def test_a_key_that_was_rotated_just_before_signing_is_found(provider: Provider, op: FakeOP, clock: Clock) -> None:
    login(provider)
    clock.advance(COOLDOWN_SECONDS)
    op.keys, op.kid = [jwk(name="k2"), jwk()], "k2"
    op.calls.clear()
    assert login(provider).sub == "subject-1"
    assert op.calls == ["token", "jwks"]


@pytest.mark.parametrize("kid", ["k1", None])
def test_a_key_that_was_replaced_under_its_kid_is_found(
    provider: Provider, op: FakeOP, clock: Clock, kid: str | None
) -> None:
    op.keys = [jwk(kid=kid)]
    login_with(provider, op, "k1", kid)
    clock.advance(COOLDOWN_SECONDS)
    op.keys = [jwk(name="k2", kid=kid)]
    op.calls.clear()
    login_with(provider, op, "k2", kid)
    assert op.calls == ["jwks"]


def test_a_rotation_that_another_process_has_seen_costs_no_fetch(
    provider: Provider, op: FakeOP, cache: MemoryCache, clock: Clock
) -> None:
    other = build_provider(cache)
    for one in (provider, other):
        login(one)
    clock.advance(COOLDOWN_SECONDS)
    op.keys, op.kid = [jwk(name="k2")], "k2"
    login(provider)
    op.calls.clear()
    login(other)
    assert op.calls == ["token"]


def test_a_storm_of_unknown_kids_makes_one_fetch(provider: Provider, op: FakeOP, clock: Clock) -> None:
    login(provider)
    clock.advance(COOLDOWN_SECONDS)
    op.calls.clear()
    for number in range(20):
        with pytest.raises(UnknownKeyError) as caught:
            provider.validate_id_token(sign(op.build_claims(), header={"kid": f"evil-{number}"}), nonce="nonce-1")
        assert caught.value.kid == f"evil-{number}"
    assert op.calls == ["jwks"]


def test_a_forged_signature_is_refused_and_makes_one_fetch(provider: Provider, op: FakeOP, clock: Clock) -> None:
    login(provider)
    clock.advance(COOLDOWN_SECONDS)
    op.calls.clear()
    for _ in range(5):
        with pytest.raises(SignatureError):
            provider.validate_id_token(sign(op.build_claims(), key=private_key(name="stolen")), nonce="nonce-1")
    assert op.calls == ["jwks"]


def test_no_key_is_fetched_for_a_token_of_another_op(provider: Provider, op: FakeOP) -> None:
    op.claims = {"iss": "https://evil.example"}
    with pytest.raises(ClaimError) as caught:
        provider.validate_id_token(sign(op.build_claims()), nonce="nonce-1")
    assert (caught.value.claim, op.calls) == ("iss", [])


def test_the_keys_are_served_stale_while_the_op_is_down(provider: Provider, op: FakeOP, clock: Clock) -> None:
    login(provider)
    clock.advance(FRESH_SECONDS)
    op.overrides = {"jwks": (503, {}, ""), "metadata": requests.ConnectionError("down")}
    op.claims = {"iat": int(clock()), "exp": int(clock()) + 300}
    assert login(provider).sub == "subject-1"


def test_an_op_that_is_down_is_reported_when_nothing_is_cached(provider: Provider, op: FakeOP) -> None:
    op.overrides = {"metadata": (503, {"Retry-After": "9"}, "")}
    with pytest.raises(OPUnavailableError) as caught:
        login(provider)
    assert (caught.value.endpoint, caught.value.retry_after) == ("metadata", 9)


def test_metadata_of_another_issuer_is_refused_and_not_cached(
    provider: Provider, op: FakeOP, cache: MemoryCache
) -> None:
    op.metadata = {"issuer": "https://evil.example"}
    with pytest.raises(OPResponseError) as caught:
        login(provider)
    assert (caught.value.code, cache.entries) == ("metadata_issuer", {})


def test_static_metadata_needs_no_discovery(cache: MemoryCache, op: FakeOP) -> None:
    op.nonce = "nonce-1"
    provider = build_provider(cache, METADATA=STATIC)
    assert login(provider).sub == "subject-1"
    assert op.calls == ["token", "jwks"]


def test_partial_metadata_is_laid_over_what_discovery_says(cache: MemoryCache, op: FakeOP) -> None:
    provider = build_provider(cache, METADATA={"token_endpoint": "https://op.example/other"})
    assert provider.metadata.token_endpoint == "https://op.example/other"
    assert provider.metadata.jwks_uri == "https://op.example/jwks"
    assert op.calls == ["metadata"]


def test_the_second_secret_is_tried_if_the_op_refuses_the_first(cache: MemoryCache, op: FakeOP) -> None:
    answers = [INVALID_CLIENT, (200, {}, json.dumps({"access_token": "a", "token_type": "Bearer"}))]
    op.overrides = {"token": lambda: answers.pop(0)}
    provider = build_provider(cache, CLIENT_SECRET=["new", "old"], CLIENT_AUTH_METHOD="client_secret_post")
    assert provider.exchange_code("code-1", REDIRECT_URI, "v").access_token == "a"
    assert [form.get("client_secret") for form in op.forms] == [None, "new", "old"]


def test_both_secrets_may_be_refused(cache: MemoryCache, op: FakeOP) -> None:
    op.overrides = {"token": INVALID_CLIENT}
    with pytest.raises(OPError) as caught:
        build_provider(cache, CLIENT_SECRET=["new", "old"]).exchange_code("code-1", REDIRECT_URI, "v")
    assert (caught.value.error, op.calls) == ("invalid_client", ["metadata", "token", "token"])


def test_a_single_secret_is_tried_once(cache: MemoryCache, op: FakeOP) -> None:
    op.overrides = {"token": INVALID_CLIENT}
    with pytest.raises(OPError):
        build_provider(cache).exchange_code("code-1", REDIRECT_URI, "v")
    assert op.calls.count("token") == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((400, {}, '{"error": "invalid_grant"}'), id="invalid_grant"),
        pytest.param((503, {}, '{"error": "invalid_client"}'), id="outage"),
        pytest.param((400, {}, ""), id="empty"),
    ],
)
def test_the_second_secret_is_kept_back_for_every_other_failure(
    cache: MemoryCache, op: FakeOP, answer: tuple[int, dict[str, str], str]
) -> None:
    op.overrides = {"token": answer}
    with pytest.raises((OPError, OPUnavailableError, OPResponseError)):
        build_provider(cache, CLIENT_SECRET=["new", "old"]).exchange_code("code-1", REDIRECT_URI, "v")
    assert op.calls.count("token") == 1


def test_private_key_jwt_takes_the_algorithm_that_the_op_advertises(cache: MemoryCache, op: FakeOP) -> None:
    op.metadata = {"token_endpoint_auth_signing_alg_values_supported": ["PS256"]}
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    provider = build_provider(cache, CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_KEY=pem, CLIENT_SECRET=None)
    provider.exchange_code("code-1", REDIRECT_URI, "v")
    assert jwt.get_unverified_header(op.forms[-1]["client_assertion"])["alg"] == "PS256"
    assert "Authorization" not in op.headers[-1]


def test_hmac_tokens_need_no_keys_and_take_either_secret(cache: MemoryCache, op: FakeOP) -> None:
    op.nonce = "nonce-1"
    provider = build_provider(cache, SIGNING_ALGORITHMS=["HS256"], CLIENT_SECRET=["n" * 32, lambda: "o" * 32])
    for secret in ("n" * 32, "o" * 32):
        assert provider.validate_id_token(jwt.encode(op.build_claims(), secret, "HS256"), nonce="nonce-1").sub
    assert op.calls == []


def test_userinfo_is_fetched_with_the_access_token(provider: Provider, op: FakeOP) -> None:
    op.userinfo = {"groups": ["staff"]}
    assert provider.fetch_userinfo("access-1", "subject-1") == {"sub": "subject-1", "groups": ["staff"]}
    assert op.headers[-1]["Authorization"] == "Bearer access-1"


def test_signed_userinfo_is_verified_with_the_keys_of_the_op(provider: Provider, op: FakeOP) -> None:
    def answer(**key: Any) -> tuple[int, dict[str, str], str]:
        return 200, {"Content-Type": "application/jwt"}, sign({"sub": "subject-1", "aud": "client-1"}, **key)

    op.overrides = {"userinfo": answer()}
    assert provider.fetch_userinfo("access-1", "subject-1")["sub"] == "subject-1"
    op.overrides = {"userinfo": answer(key=private_key(name="stolen"))}
    with pytest.raises(SignatureError):
        provider.fetch_userinfo("access-1", "subject-1")


def test_userinfo_is_empty_if_the_op_has_none(provider: Provider, op: FakeOP) -> None:
    op.metadata = {"userinfo_endpoint": None}
    assert provider.fetch_userinfo("access-1", "subject-1") == {}
    assert op.calls == ["metadata"]


def test_every_call_is_observed(cache: MemoryCache, op: FakeOP) -> None:
    op.nonce = "nonce-1"
    exchanges: list[Exchange] = []
    login(build_provider(cache, exchanges))
    assert [(one.endpoint, one.method, one.status) for one in exchanges] == [
        ("metadata", "GET", 200),
        ("token", "POST", 200),
        ("jwks", "GET", 200),
    ]


def test_a_logout_token_is_verified_with_the_keys_of_the_op(provider: Provider, op: FakeOP, clock: Clock) -> None:
    assert provider.validate_logout_token(sign_logout_token(now=clock())).sub == "subject-1"
    assert op.calls == ["metadata", "jwks"]


def test_a_logout_without_a_browser_does_not_follow_the_redirect(
    provider: Provider, http: responses.RequestsMock
) -> None:
    http.post("https://op.example/other/logout", status=302, headers={"Location": "https://rp.example/out/"})
    answer = provider.request_logout("https://op.example/other/logout", {"id_token_hint": "a.b.c"})
    assert (answer.status, answer.location) == (302, "https://rp.example/out/")


def login_with(provider: Provider, op: FakeOP, name: str, kid: str | None) -> None:
    provider.validate_id_token(sign(op.build_claims(), name=name, header={"kid": kid}), nonce="nonce-1")


def test_exchange_token_is_one_call_as_this_client(provider: Provider, op: FakeOP) -> None:
    op.token_answer = {"access_token": "access-2", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    tokens = provider.exchange_token("access-1", audience=["billing"], scope=["read"])
    assert (tokens.access_token, op.calls) == ("access-2", ["metadata", "token"])
    assert op.forms[-1]["subject_token"] == "access-1"
    assert op.headers[-1]["Authorization"].startswith("Basic ")


def test_revoke_token_is_one_call_as_this_client(provider: Provider, op: FakeOP) -> None:
    op.metadata["revocation_endpoint"] = "https://op.example/revoke"
    assert provider.revoke_token("access-1", "access_token")
    assert op.calls == ["metadata", "revocation"]
    assert op.forms[-1] == {"token": "access-1", "token_type_hint": "access_token"}
    assert op.headers[-1]["Authorization"].startswith("Basic ")


def test_revoke_token_where_the_op_cannot(provider: Provider, op: FakeOP) -> None:
    assert not provider.revoke_token("access-1", "access_token")
    assert op.calls == ["metadata"]
