"""RP-CHECKLIST row 41: the ID token of a refresh, as one change of one that is valid."""

from __future__ import annotations

from typing import Any

import pytest

from oidc_rp.protocol.errors import AlgorithmError, ClaimError, MalformedTokenError, SignatureError
from oidc_rp.protocol.id_token import IDToken
from oidc_rp.protocol.keys import parse_key_set
from oidc_rp.protocol.refreshed_id_token import merge_claims, validate_refreshed_id_token
from tests.support.keys import jwk, sign
from tests.support.tokens import ACCESS_TOKEN, CLIENT, CLIENT_ID, NONCE, NOW, SKEW, build_claims, hash_half

ORIGINAL = build_claims()


def refresh(original: dict[str, Any] = ORIGINAL, **changes: Any) -> IDToken:
    """Validate the ID token of a refresh ten minutes after the login; `changes` replace claims, None removes one."""
    now = NOW + 600
    claims = build_claims(**{"iat": now, "exp": now + 300, "nonce": None, **changes})
    return validate(sign(claims), original)


def validate(token: str, original: dict[str, Any] = ORIGINAL) -> IDToken:
    verify = parse_key_set({"keys": [jwk()]}).verify_signature
    return validate_refreshed_id_token(
        token, CLIENT, verify, now=NOW + 600, original=original, access_token=ACCESS_TOKEN
    )


def test_refreshed_token_is_accepted_without_nonce_and_auth_time() -> None:
    token = refresh(auth_time=None, sid="s", acr="mfa", amr=["otp"], at_hash=hash_half(ACCESS_TOKEN, "sha256"))
    assert (token.sub, token.sid, token.acr, token.amr, token.auth_time) == ("subject-1", "s", "mfa", ("otp",), None)


def test_refreshed_token_may_repeat_the_nonce_of_the_login() -> None:
    assert refresh(nonce=NONCE).sub == "subject-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "token_iss"),
        ({"iss": None}, "token_iss"),
        ({"sub": "subject-2"}, "token_sub"),
        ({"sub": "Subject-1"}, "token_sub"),
        ({"sub": None}, "token_sub"),
        ({"aud": "client-2"}, "token_aud"),
        ({"aud": [CLIENT_ID, "client-2"]}, "token_aud"),
        ({"azp": "client-2"}, "token_azp"),
        ({"nonce": "another"}, "token_nonce"),
        ({"nonce": 1}, "token_nonce"),
        ({"exp": NOW + 600 - SKEW}, "token_exp"),
        ({"exp": None}, "token_exp"),
        ({"iat": NOW - SKEW - 1}, "token_iat"),
        ({"iat": NOW + 600 + SKEW + 1}, "token_iat"),
        ({"at_hash": hash_half("another token", "sha256")}, "token_at_hash"),
        ({"sid": 1}, "token_sid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(f"{name}={text}" for name, text in value.items()),
)
def test_refreshed_token_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(ClaimError) as caught:
        refresh(**changes)
    assert caught.value.code == code


def test_refreshed_token_must_keep_every_audience() -> None:
    original = build_claims(aud=[CLIENT_ID, "api"], azp=CLIENT_ID)
    with pytest.raises(ClaimError) as caught:
        refresh(original)
    assert caught.value.code == "token_aud"


def test_refreshed_token_has_no_nonce_where_the_login_had_none() -> None:
    with pytest.raises(ClaimError) as caught:
        refresh(build_claims(nonce=None), nonce=NONCE)
    assert caught.value.code == "token_nonce"


def test_refreshed_token_signed_by_another_is_refused() -> None:
    claims = build_claims(iat=NOW + 600, exp=NOW + 900, nonce=None)
    with pytest.raises(SignatureError):
        validate(sign(claims, name="k2", header={"kid": "k1"}))


def test_refreshed_token_of_another_algorithm_is_refused() -> None:
    claims = build_claims(iat=NOW + 600, exp=NOW + 900, nonce=None)
    with pytest.raises(AlgorithmError):
        validate(sign(claims, "HS256", key="a key that anybody could have chosen, of 32 octets"))


def test_refreshed_token_that_is_none_is_refused() -> None:
    with pytest.raises(MalformedTokenError):
        validate("not a token")


def test_merged_claims_are_the_newest_that_the_op_has_said() -> None:
    original = {"sub": "s", "acr": "mfa", "name": "Alice", "auth_time": 5, "nonce": "n"}
    refreshed = {"sub": "s", "acr": "pwd", "auth_time": 900, "email": "a@example.com"}
    assert merge_claims(original, refreshed) == {
        "sub": "s",
        "acr": "pwd",
        "name": "Alice",
        "auth_time": 5,
        "nonce": "n",
        "email": "a@example.com",
    }


def test_merged_claims_have_no_auth_time_that_the_login_did_not_have() -> None:
    assert merge_claims({"sub": "s"}, {"sub": "s", "auth_time": 900}) == {"sub": "s"}


def test_refreshed_token_is_of_the_configured_issuer_also_if_the_login_was_at_another() -> None:
    """The provider was given another ISSUER while the session went on."""
    with pytest.raises(ClaimError) as caught:
        refresh({**ORIGINAL, "iss": "https://old.example"}, iss="https://old.example")
    assert (caught.value.code, caught.value.expected) == ("token_iss", CLIENT.issuer)


def test_refreshed_token_shows_its_own_auth_time() -> None:
    assert refresh(auth_time=NOW - 30).auth_time == NOW - 30


@pytest.mark.parametrize("nonce", ["None", "XXXX", "a"])
def test_refreshed_token_brings_no_nonce_that_the_login_had_not(nonce: str) -> None:
    original = {name: value for name, value in ORIGINAL.items() if name != "nonce"}
    with pytest.raises(ClaimError) as caught:
        refresh(original, nonce=nonce)
    assert caught.value.code == "token_nonce"


def test_merged_claims_keep_nonce_and_auth_time_of_the_login() -> None:
    merged = merge_claims({"sub": "1", "nonce": "n", "auth_time": 5}, {"sub": "1", "nonce": "m", "auth_time": 9})
    assert merged == {"sub": "1", "nonce": "n", "auth_time": 5}
    assert merge_claims({"sub": "1"}, {"sub": "1", "acr": "mfa"}) == {"sub": "1", "acr": "mfa"}
