"""RP-CHECKLIST rows 29 to 40, each as one change of one valid ID token."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

import jwt
import pytest

from oidc_rp.protocol.errors import (
    AlgorithmError,
    ClaimError,
    MalformedTokenError,
    SignatureError,
    TokenError,
    UnknownKeyError,
)
from oidc_rp.protocol.id_token import Client
from oidc_rp.protocol.jose import JWS, encode_base64url, parse_jws
from oidc_rp.protocol.keys import parse_key_set, verify_hmac
from oidc_rp.protocol.signatures import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from tests.support.keys import jwk, private_key, sign
from tests.support.tokens import (
    ACCESS_TOKEN,
    CLIENT,
    ISSUER,
    NOW,
    SKEW,
    build_claims,
    compact,
    hash_half,
    public_key_pem,
    validate,
    validate_claims,
)

SECRET = "a client secret that is long enough for HS512 to take it as a key ..."


def never(jws: JWS) -> None:
    raise AssertionError("the signature is looked at, for which keys may have to be fetched")


def test_a_valid_token_is_accepted() -> None:
    claims = build_claims(sid="s/+1", acr="mfa", amr=["pwd", "otp"], at_hash=hash_half(ACCESS_TOKEN, "sha256"))
    raw = sign(claims)
    token = validate(raw)
    assert (token.iss, token.sub, token.sid) == (ISSUER, "subject-1", "s/+1")
    assert (token.acr, token.amr, token.auth_time) == ("mfa", ("pwd", "otp"), NOW - 60)
    assert (token.raw, token.claims) == (raw, claims)


def test_a_valid_token_does_not_show_its_text_or_the_claims() -> None:
    token = validate_claims(email="alice@example.com")
    assert repr(token) == "IDToken(iss='https://op.example', sub='subject-1', sid=None)"


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS))
def test_every_allowed_algorithm_is_accepted(alg: str) -> None:
    verify = parse_key_set({"keys": [jwk(alg)]}).verify_signature
    client = replace(CLIENT, algorithms=frozenset({alg}))
    assert validate(sign(build_claims(), alg), client, verify).sub == "subject-1"


@pytest.mark.parametrize("alg", sorted(HMAC_ALGORITHMS))
def test_hmac_is_accepted_when_it_is_configured(alg: str) -> None:
    client = replace(CLIENT, algorithms=frozenset({alg}))
    token = jwt.encode(build_claims(), SECRET, alg)
    assert validate(token, client, lambda jws: verify_hmac(jws, [SECRET])).sub == "subject-1"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "noNe"])
@pytest.mark.parametrize("signature", [b"", b"signature"])
def test_an_unsigned_token_is_refused(alg: str, signature: bytes) -> None:
    with pytest.raises(AlgorithmError) as caught:
        validate(compact({"alg": alg}, build_claims(), signature), verify=never)
    assert (caught.value.code, caught.value.alg) == ("token_alg", alg)


@pytest.mark.parametrize("alg", sorted(HMAC_ALGORITHMS))
def test_a_mac_with_the_public_key_as_secret_is_refused(alg: str) -> None:
    unsigned = compact({"alg": alg, "kid": "k1"}, build_claims()).rstrip(".")
    mac = hmac.digest(public_key_pem(), unsigned.encode(), f"sha{alg[2:]}")
    with pytest.raises(AlgorithmError) as caught:
        validate(f"{unsigned}.{encode_base64url(mac)}", verify=never)
    assert caught.value.alg == alg


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS - {"ES256"}))
def test_an_algorithm_that_is_not_on_the_list_is_refused(alg: str) -> None:
    with pytest.raises(AlgorithmError) as caught:
        validate(sign(build_claims(), alg), replace(CLIENT, algorithms=frozenset({"ES256"})), never)
    assert (caught.value.alg, caught.value.allowed) == (alg, ("ES256",))


@pytest.mark.parametrize("alg", ["RS384", "PS256", "ES256", "EdDSA"])
def test_alg_rewritten_in_the_header_is_refused(alg: str) -> None:
    """The signature is by RS256; the header names something else that the client allows."""
    parts = sign(build_claims()).split(".")
    header = encode_base64url(b'{"alg": "%s", "kid": "k1"}' % alg.encode())
    with pytest.raises((SignatureError, UnknownKeyError)):
        validate(".".join([header, *parts[1:]]))


@pytest.mark.parametrize(
    ("token", "error"),
    [
        pytest.param(sign(build_claims(), key=private_key(name="stolen")), SignatureError, id="key_of_someone_else"),
        pytest.param(sign(build_claims(), name="unknown"), UnknownKeyError, id="kid_unknown"),
        pytest.param(sign(build_claims(), header={"kid": "../../dev/null"}), UnknownKeyError, id="kid_is_a_path"),
        pytest.param(
            sign(build_claims(), key=private_key(name="k9"), header={"jwk": jwk(name="k9")}),
            SignatureError,
            id="key_brought_along_in_the_header",
        ),
        pytest.param(
            sign(build_claims(), key=private_key(name="k9"), header={"jku": "https://evil.example/jwks"}),
            SignatureError,
            id="key_url_brought_along_in_the_header",
        ),
        pytest.param(sign(build_claims(), header={"crit": ["exp"], "exp": 1}), MalformedTokenError, id="crit"),
        pytest.param(compact({"alg": "RS256", "kid": "k1"}, build_claims()), SignatureError, id="signature_removed"),
    ],
)
def test_a_token_that_the_op_did_not_sign_is_refused(token: str, error: type[TokenError]) -> None:
    with pytest.raises(error):
        validate(token)


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = sign(build_claims()).split(".")
    payload = sign(build_claims(sub="admin")).split(".")[1]
    with pytest.raises(SignatureError):
        validate(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        pytest.param("iss", {"iss": ISSUER + "/"}, id="iss_trailing_slash"),
        pytest.param("iss", {"iss": None}, id="iss_missing"),
        pytest.param("aud", {"aud": "another"}, id="aud_another_client"),
        pytest.param("aud", {"aud": None}, id="aud_missing"),
        pytest.param("aud", {"aud": ["client-1", "another"]}, id="aud_untrusted"),
        pytest.param("azp", {"azp": "another"}, id="azp_another_client"),
    ],
)
def test_no_key_is_fetched_for_a_token_that_is_not_for_us(claim: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ClaimError) as caught:
        validate(sign(build_claims(**changes)), verify=never)
    assert caught.value.claim == claim


def test_the_signature_comes_before_every_other_claim() -> None:
    """What an unsigned token says of itself must not choose the error, let alone be shown."""
    with pytest.raises(SignatureError):
        validate(sign(build_claims(exp=1, nonce="x", sub=None), key=private_key(name="stolen")))


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        pytest.param("exp", {"exp": NOW - SKEW}, id="expired"),
        pytest.param("exp", {"exp": None}, id="exp_missing"),
        pytest.param("exp", {"exp": str(NOW + 300)}, id="exp_string"),
        pytest.param("exp", {"exp": True}, id="exp_boolean"),
        pytest.param("exp", {"exp": 10**400}, id="exp_huge"),
        pytest.param("nbf", {"nbf": NOW + SKEW + 1}, id="not_valid_yet"),
        pytest.param("iat", {"iat": NOW + SKEW + 1}, id="issued_in_the_future"),
        pytest.param("iat", {"iat": NOW - 3_600}, id="issued_an_hour_ago"),
        pytest.param("iat", {"iat": None}, id="iat_missing"),
        pytest.param("nonce", {"nonce": None}, id="nonce_missing"),
        pytest.param("nonce", {"nonce": ""}, id="nonce_empty"),
        pytest.param("nonce", {"nonce": "a nonce of this browsers"}, id="nonce_longer"),
        pytest.param("nonce", {"nonce": "A NONCE OF THIS BROWSER"}, id="nonce_upper_case"),
        pytest.param("nonce", {"nonce": "é"}, id="nonce_not_ascii"),
        pytest.param("nonce", {"nonce": ["a nonce of this browser"]}, id="nonce_list"),
        pytest.param("auth_time", {"auth_time": NOW + SKEW + 1}, id="auth_time_in_the_future"),
        pytest.param("auth_time", {"auth_time": True}, id="auth_time_boolean"),
        pytest.param("sub", {"sub": None}, id="sub_missing"),
        pytest.param("sub", {"sub": ""}, id="sub_empty"),
        pytest.param("sub", {"sub": "x" * 256}, id="sub_too_long"),
        pytest.param("sub", {"sub": 1}, id="sub_number"),
        pytest.param("at_hash", {"at_hash": hash_half("another", "sha256")}, id="at_hash_of_another_token"),
        pytest.param("at_hash", {"at_hash": hash_half(ACCESS_TOKEN, "sha512")}, id="at_hash_by_another_hash"),
        pytest.param("at_hash", {"at_hash": 1}, id="at_hash_number"),
        pytest.param("sid", {"sid": ""}, id="sid_empty"),
        pytest.param("acr", {"acr": ["pwd"]}, id="acr_list"),
        pytest.param("amr", {"amr": {"pwd": True}}, id="amr_object"),
    ],
)
def test_a_signed_token_with_a_wrong_claim_is_refused(claim: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ClaimError) as caught:
        validate_claims(**changes)
    assert (caught.value.claim, caught.value.code) == (claim, f"token_{claim}")


@pytest.mark.parametrize("changes", [{"nonce": "another"}, {"at_hash": "another"}, {"sub": 5}])
def test_values_that_work_as_secrets_are_not_shown(changes: dict[str, Any]) -> None:
    with pytest.raises(ClaimError) as caught:
        validate_claims(**changes)
    assert (caught.value.expected, caught.value.actual) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": NOW - SKEW + 1}, id="expired_within_the_skew"),
        pytest.param({"iat": NOW + SKEW}, id="clock_of_the_op_ahead"),
        pytest.param({"auth_time": NOW + SKEW}, id="auth_time_ahead"),
        pytest.param({"auth_time": NOW - 60.5}, id="auth_time_float"),
        pytest.param({"auth_time": None}, id="auth_time_absent"),
        pytest.param({"auth_time": 0}, id="auth_time_zero"),
        pytest.param({"aud": ["client-1"]}, id="aud_list"),
        pytest.param({"azp": "client-1"}, id="azp_us"),
        pytest.param({"amr": "pwd"}, id="amr_string"),
        pytest.param({"sub": "x" * 255}, id="longest_sub"),
        pytest.param({"sid": "/+" * 512}, id="longest_sid"),
        pytest.param({"email": "\U0001f600", "groups": [{"a": [1]}]}, id="further_claims"),
    ],
)
def test_what_real_ops_send_is_accepted(changes: dict[str, Any]) -> None:
    assert validate_claims(**changes).iss == ISSUER


def test_a_trusted_audience_needs_azp() -> None:
    trusted = frozenset({"api"})
    assert validate_claims(trusted=trusted, aud=["client-1", "api"], azp="client-1").sub == "subject-1"
    with pytest.raises(ClaimError) as caught:
        validate_claims(trusted=trusted, aud=["client-1", "api"])
    assert caught.value.claim == "azp"


def test_at_hash_is_not_compared_without_an_access_token() -> None:
    token = sign(build_claims(at_hash="whatever"))
    assert validate(token, access_token=None).sub == "subject-1"


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS))
def test_at_hash_follows_alg(alg: str) -> None:
    digest = "sha512" if alg == "EdDSA" else f"sha{alg[2:]}"
    verify = parse_key_set({"keys": [jwk(alg)]}).verify_signature
    assert validate(sign(build_claims(at_hash=hash_half(ACCESS_TOKEN, digest)), alg), verify=verify)
    with pytest.raises(ClaimError) as caught:
        validate(sign(build_claims(at_hash=hash_half("another", digest)), alg), verify=verify)
    assert caught.value.claim == "at_hash"


def test_an_encrypted_token_is_refused() -> None:
    with pytest.raises(MalformedTokenError) as caught:
        validate("a.b.c.d.e", verify=never)
    assert caught.value.code == "token_encrypted"


def test_a_logout_token_is_no_id_token() -> None:
    events: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    with pytest.raises(ClaimError) as caught:
        validate_claims(events=events, jti="1", nonce=None)
    assert caught.value.claim == "nonce"


def test_no_error_shows_the_token() -> None:
    token = sign(build_claims(exp=1))
    with pytest.raises(ClaimError) as caught:
        validate(token)
    assert parse_jws(token).payload["nonce"] not in f"{caught.value} {caught.value.evidence}"
    assert token not in f"{caught.value} {caught.value.evidence}"


def test_a_wrong_auth_time_is_shown_beside_the_right_one() -> None:
    with pytest.raises(ClaimError) as caught:
        validate_claims(auth_time=NOW + SKEW + 1)
    assert (caught.value.expected, caught.value.actual) == (f"at most {NOW}", NOW + SKEW + 1)


def test_a_client_allows_half_a_minute_of_skew_and_no_further_audience() -> None:
    client = Client(issuer=ISSUER, client_id="client-1", algorithms=CLIENT.algorithms)
    assert (client.clock_skew, client.trusted_audiences) == (30, frozenset())
