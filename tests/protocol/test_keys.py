from __future__ import annotations

import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from oidc_rp.protocol.errors import (
    AlgorithmError,
    ConfigurationError,
    OPResponseError,
    SignatureError,
    UnknownKeyError,
)
from oidc_rp.protocol.jose import JWSHeader, parse_jws
from oidc_rp.protocol.keys import MAX_KEYS, check_algorithm, is_hmac, parse_key_set, verify_hmac
from oidc_rp.protocol.signatures import ALGORITHMS, ASYMMETRIC_ALGORITHMS
from tests.support.keys import jwk, private_key, sign
from tests.support.tokens import build_claims, public_key_pem

RSA_JWK = jwk()


def private_jwk() -> dict[str, Any]:
    key: dict[str, Any] = jwt.get_algorithm_by_name("RS256").to_jwk(private_key(), as_dict=True)
    return {**key, "kid": "k1", "key_ops": ["verify"]}


def foreign_jwk(key: Any, alg: str) -> dict[str, Any]:
    return {**json.loads(jwt.get_algorithm_by_name(alg).to_jwk(key.public_key())), "key_ops": ["verify"]}


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS))
@pytest.mark.parametrize("pinned", [True, False])
def test_a_published_key_verifies(alg: str, pinned: bool) -> None:
    keys = parse_key_set({"keys": [{**jwk(alg), "alg": alg} if pinned else jwk(alg)]})
    keys.verify_signature(parse_jws(sign(build_claims(), alg)))


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS))
def test_a_signature_by_another_key_is_refused(alg: str) -> None:
    keys = parse_key_set({"keys": [jwk(alg)]})
    with pytest.raises(SignatureError) as caught:
        keys.verify_signature(parse_jws(sign(build_claims(), alg, key=private_key(alg, "stolen"))))
    assert caught.value.code == "token_signature"


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({**RSA_JWK, "use": "enc"}, id="for_encryption"),
        pytest.param({**RSA_JWK, "use": ["sig"]}, id="use_is_a_list"),
        pytest.param({**RSA_JWK, "key_ops": ["sign"]}, id="for_signing_only"),
        pytest.param({**RSA_JWK, "key_ops": []}, id="for_nothing"),
        pytest.param({**RSA_JWK, "key_ops": "verify"}, id="key_ops_is_a_string"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}, id="symmetric"),
        pytest.param({**RSA_JWK, "kty": "rsa"}, id="kty_in_lower_case"),
        pytest.param({**RSA_JWK, "kty": None}, id="kty_null"),
        pytest.param({"kid": "k1"}, id="kty_missing"),
        pytest.param({**RSA_JWK, "kid": 1}, id="kid_number"),
        pytest.param({**RSA_JWK, "alg": ["RS256"]}, id="alg_list"),
        pytest.param({**RSA_JWK, "n": 12345}, id="modulus_number"),
        pytest.param({**RSA_JWK, "n": ""}, id="modulus_empty"),
        pytest.param({**RSA_JWK, "n": "!!!!"}, id="modulus_not_base64url"),
        pytest.param({**RSA_JWK, "n": "é"}, id="modulus_not_ascii"),
        pytest.param({**RSA_JWK, "e": "AQ"}, id="exponent_one"),
        pytest.param({**RSA_JWK, "e": "BA"}, id="exponent_even"),
        pytest.param({"kty": "RSA", "e": "AQAB"}, id="modulus_missing"),
        pytest.param(foreign_jwk(rsa.generate_private_key(65_537, 1_024), "RS256"), id="rsa_of_1024_bits"),
        pytest.param({**jwk("ES256"), "crv": "P-384"}, id="curve_of_another_size"),
        pytest.param({**jwk("ES256"), "x": jwk("ES256")["y"]}, id="point_not_on_the_curve"),
        pytest.param({**jwk("ES256"), "y": None}, id="coordinate_null"),
        pytest.param({"kty": "EC", "crv": "P-256", "x": "AA"}, id="coordinate_missing"),
        pytest.param(foreign_jwk(ec.generate_private_key(ec.SECP256K1()), "ES256K"), id="secp256k1"),
        pytest.param(foreign_jwk(ed448.Ed448PrivateKey.generate(), "EdDSA"), id="ed448"),
        pytest.param({"kty": "OKP", "crv": "X25519", "x": jwk("EdDSA")["x"]}, id="x25519"),
        pytest.param({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, id="ed25519_too_short"),
        pytest.param({"kty": "OKP", "crv": "Ed25519"}, id="ed25519_without_x"),
        pytest.param("k1", id="a_string"),
        pytest.param(None, id="null"),
        pytest.param([RSA_JWK], id="a_list"),
    ],
)
def test_an_unusable_key_is_left_out_and_the_others_stay(member: object) -> None:
    keys = parse_key_set({"keys": [member, jwk("ES256", "good")]}).keys
    assert [key.kid for key in keys] == ["good"]


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({**RSA_JWK, "key_ops": ["verify", "encrypt"]}, id="verify_among_others"),
        pytest.param({name: value for name, value in RSA_JWK.items() if name != "use"}, id="without_use"),
        pytest.param({**RSA_JWK, "x5c": ["MII"], "x5t": 1, "foo": {}}, id="further_members"),
        pytest.param({**RSA_JWK, "crv": "P-256"}, id="curve_that_means_nothing_here"),
    ],
)
def test_a_usable_key_is_kept(member: object) -> None:
    assert len(parse_key_set({"keys": [member]}).keys) == 1


def test_a_private_key_published_by_mistake_is_read_as_its_public_part() -> None:
    (key,) = parse_key_set({"keys": [private_jwk()]}).keys
    assert isinstance(key.material, rsa.RSAPublicKey)


def test_a_key_does_not_show_its_material() -> None:
    assert "material" not in repr(parse_key_set({"keys": [RSA_JWK]}))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="keys_missing"),
        pytest.param({"keys": None}, id="keys_null"),
        pytest.param({"keys": {"k1": RSA_JWK}}, id="keys_object"),
        pytest.param(RSA_JWK, id="single_key"),
        pytest.param({"keys": [RSA_JWK] * (MAX_KEYS + 1)}, id="too_many_keys"),
    ],
)
def test_what_is_no_key_set_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(OPResponseError) as caught:
        parse_key_set(document)
    assert (caught.value.code, caught.value.endpoint) == ("jwks_malformed", "jwks")


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        pytest.param([], {}, id="no_keys"),
        pytest.param([jwk(name="k2")], {}, id="kid_unknown"),
        pytest.param([jwk(name="K1")], {}, id="kid_in_another_case"),
        pytest.param([jwk(kid=None)], {}, id="key_without_kid"),
        pytest.param([jwk()], {"kid": ""}, id="kid_empty"),
        pytest.param([{**RSA_JWK, "alg": "RS512"}], {}, id="key_pinned_to_another_alg"),
        pytest.param([{**RSA_JWK, "alg": "RSA-OAEP"}], {}, id="key_pinned_to_encryption"),
        pytest.param([jwk("ES256")], {}, id="key_of_another_family"),
        pytest.param([jwk(), jwk(name="k2")], {"kid": None}, id="no_kid_and_two_keys"),
    ],
)
def test_no_key_fits(keys: list[dict[str, Any]], header: dict[str, Any]) -> None:
    jws = parse_jws(sign(build_claims(), header=header))
    with pytest.raises(UnknownKeyError) as caught:
        parse_key_set({"keys": keys}).verify_signature(jws)
    assert (caught.value.code, caught.value.kid, caught.value.alg) == ("token_key_unknown", jws.header.kid, "RS256")


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        pytest.param([jwk()], {"kid": None}, id="no_kid_and_one_key"),
        pytest.param([jwk(kid=None)], {"kid": None}, id="no_kid_on_either_side"),
        pytest.param(
            [jwk(), jwk("ES256", "k2"), {**jwk(name="k3"), "alg": "PS256"}], {"kid": None}, id="no_kid_one_key_fits"
        ),
        pytest.param([jwk("ES256"), jwk()], {}, id="kid_repeated_for_another_family"),
        pytest.param([jwk(use="enc", n=jwk(name="k2")["n"]), jwk()], {}, id="kid_repeated_for_encryption"),
    ],
)
def test_one_key_fits(keys: list[dict[str, Any]], header: dict[str, Any]) -> None:
    parse_key_set({"keys": keys}).verify_signature(parse_jws(sign(build_claims(), header=header)))


def test_of_two_keys_with_one_kid_the_first_is_used() -> None:
    keys = parse_key_set({"keys": [jwk(name="k2", kid="k1"), jwk()]})
    with pytest.raises(SignatureError):
        keys.verify_signature(parse_jws(sign(build_claims())))


@pytest.mark.parametrize("alg", ["ES384", "ES512", "EdDSA", "PS256"])
def test_alg_confusion_finds_no_key(alg: str) -> None:
    """A key for one algorithm never verifies a token that names another."""
    keys = parse_key_set({"keys": [jwk("ES256"), {**RSA_JWK, "alg": "RS256"}]})
    with pytest.raises(UnknownKeyError):
        keys.select(JWSHeader(alg=alg, kid="k1", typ=None))


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", "rs256", "HS256", "RS1", "ES256K", "dir", "Ed25519"]
)
def test_an_alg_that_is_not_allowed_is_refused(alg: str) -> None:
    with pytest.raises(AlgorithmError) as caught:
        check_algorithm(JWSHeader(alg=alg, kid=None, typ=None), frozenset({"RS256", "ES256"}))
    assert (caught.value.code, caught.value.alg, caught.value.allowed) == ("token_alg", alg, ("ES256", "RS256"))


@pytest.mark.parametrize("alg", ["none", "RS1"])
def test_an_alg_that_is_not_known_is_refused_even_if_it_is_allowed(alg: str) -> None:
    with pytest.raises(AlgorithmError):
        check_algorithm(JWSHeader(alg=alg, kid=None, typ=None), frozenset({alg}))


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_an_allowed_alg_passes(alg: str) -> None:
    check_algorithm(JWSHeader(alg=alg, kid=None, typ=None), frozenset({alg}))


@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_hmac_takes_the_client_secret(alg: str, size: int) -> None:
    secret = "s" * size
    jws = parse_jws(jwt.encode(build_claims(), secret, alg))
    assert is_hmac(jws.header)
    verify_hmac(jws, [secret])
    with pytest.raises(SignatureError):
        verify_hmac(jws, ["t" * size])
    with pytest.raises(ConfigurationError) as caught:
        verify_hmac(jws, [secret[1:]])
    assert caught.value.code == "secret_too_short"


def test_hmac_counts_the_octets_of_the_secret() -> None:
    secret = "é" * 16
    verify_hmac(parse_jws(jwt.encode(build_claims(), secret, "HS256")), [secret])


@pytest.mark.parametrize("position", [0, 1])
def test_hmac_takes_either_secret_during_a_rotation(position: int) -> None:
    secrets = ["n" * 32, "o" * 32]
    verify_hmac(parse_jws(jwt.encode(build_claims(), secrets[position], "HS256")), secrets)


def test_a_mac_with_the_public_key_as_secret_is_refused() -> None:
    # signed by hand, because PyJWT refuses to take a PEM for a secret
    token = parse_jws(jwt.encode(build_claims(), "s" * 32, "HS256"))
    with pytest.raises(SignatureError):
        verify_hmac(token._replace(signature=hmac.digest(public_key_pem(), token.signing_input, "sha256")), ["s" * 32])


def test_a_key_set_may_have_a_hundred_keys() -> None:
    assert parse_key_set({"keys": [None] * 99 + [RSA_JWK]}).keys[0].kid == "k1"
    with pytest.raises(OPResponseError):
        parse_key_set({"keys": [RSA_JWK] + [None] * 100})
