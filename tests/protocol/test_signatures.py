from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from oidc_rp.protocol.jose import JWS, parse_jws
from oidc_rp.protocol.signatures import ALGORITHMS, ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS, verify_signature
from tests.support.keys import private_key, sign
from tests.support.tokens import build_claims

SECRET = b"s" * 64


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS))
def test_a_signature_verifies_with_its_own_key_only(alg: str) -> None:
    jws = parse_jws(sign(build_claims(), alg))
    assert verifies(jws, private_key(alg).public_key())
    assert not verifies(jws, private_key(alg, "another").public_key())


@pytest.mark.parametrize("alg", sorted(HMAC_ALGORITHMS))
def test_a_mac_verifies_with_its_own_secret_only(alg: str) -> None:
    jws = parse_jws(jwt.encode(build_claims(), SECRET, alg))
    assert verifies(jws, SECRET)
    assert not verifies(jws, SECRET + b"s")


@pytest.mark.parametrize("alg", sorted(ASYMMETRIC_ALGORITHMS | HMAC_ALGORITHMS))
@pytest.mark.parametrize("change", ["data", "flipped", "truncated", "extended", "empty", "zeros"])
def test_a_changed_signature_does_not_verify(alg: str, change: str) -> None:
    key = SECRET if alg in HMAC_ALGORITHMS else private_key(alg)
    jws = parse_jws(jwt.encode(build_claims(), key, alg))
    signature = jws.signature
    changed = {
        "data": jws._replace(signing_input=jws.signing_input + b"x"),
        "flipped": jws._replace(signature=signature[:-1] + bytes([signature[-1] ^ 1])),
        "truncated": jws._replace(signature=signature[:-1]),
        "extended": jws._replace(signature=signature + b"\0"),
        "empty": jws._replace(signature=b""),
        # CVE-2022-21449: r = s = 0 verified in another library
        "zeros": jws._replace(signature=bytes(len(signature))),
    }[change]
    assert not verifies(changed, SECRET if alg in HMAC_ALGORITHMS else private_key(alg).public_key())


def test_an_ecdsa_signature_in_der_does_not_verify() -> None:
    jws = parse_jws(sign(build_claims(), "ES256"))
    der = private_key("ES256").sign(jws.signing_input, ECDSA(SHA256()))
    assert decode_dss_signature(der)
    assert not verifies(jws._replace(signature=der), private_key("ES256").public_key())


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512"])
def test_an_ecdsa_signature_has_one_spelling(alg: str) -> None:
    """With a zero between R and S, the numbers are the same, but the octets are not (RFC 7518 section 3.4)."""
    jws = parse_jws(sign(build_claims(), alg))
    half = len(jws.signature) // 2
    longer = jws.signature[:half] + b"\0" + jws.signature[half:]
    assert not verifies(jws._replace(signature=longer), private_key(alg).public_key())


def test_the_algorithms_are_those_of_rfc_7518_and_8037() -> None:
    names = {f"{family}{size}" for family in ("RS", "PS", "ES", "HS") for size in (256, 384, 512)}
    assert names | {"EdDSA"} == ALGORITHMS


@pytest.mark.parametrize(("claimed", "actual"), [("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512")])
def test_algorithms_of_one_key_are_kept_apart(claimed: str, actual: str) -> None:
    jws = parse_jws(sign(build_claims(), actual, key=private_key()))
    assert not verify_signature(claimed, private_key().public_key(), jws.signing_input, jws.signature)


def verifies(jws: JWS, key: object) -> bool:
    return verify_signature(jws.header.alg, key, jws.signing_input, jws.signature)
