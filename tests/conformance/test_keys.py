"""The OP publishes keys that must not be used, or no keys (RFC 7517, Core 1.0 section 10.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import RSAAlgorithm

from oidc_rp.protocol.jose import encode_base64url
from tests.support.keys import jwk
from tests.support.tokens import compact

from .attack import WHOLE_LOGIN, Attack, answers, attacks, both, header, keys, minted
from .op import HostileOP
from .rp import RP

WEAK = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)


def weak_jwk() -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(WEAK.public_key())), "kid": "k1"}


def sign_weakly(claims: Mapping[str, Any]) -> str:
    """PyJWT warns of such a key."""
    unsigned = compact({"alg": "RS256", "kid": "k1"}, claims).removesuffix(".")
    return f"{unsigned}.{encode_base64url(WEAK.sign(unsigned.encode(), PKCS1v15(), SHA256()))}"


def encode(number: int) -> str:
    return encode_base64url(number.to_bytes((number.bit_length() + 7) // 8))


def other_modulus() -> str:
    modulus: str = jwk(name="k2")["n"]
    return modulus


@attacks(
    "token_key_unknown",
    calls=WHOLE_LOGIN,
    publishes_none=keys(),
    publishes_only_another=keys(jwk(name="k2")),
    publishes_it_for_encryption=keys(jwk(use="enc")),
    publishes_it_for_signing_only=keys(jwk(key_ops=["sign"])),
    publishes_it_for_another_algorithm=keys({**jwk(), "alg": "RS512"}),
    publishes_it_as_another_kind=keys(jwk(kty="EC")),
    publishes_a_secret_key=keys({"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}),
    publishes_a_key_of_1024_bits=both(keys(weak_jwk()), minted(sign_weakly)),
    publishes_an_exponent_of_one=keys(jwk(e=encode(1))),
    publishes_an_even_exponent=keys(jwk(e=encode(65_536))),
    publishes_no_modulus=keys(jwk(n=None)),
    publishes_a_modulus_that_is_no_text=keys(jwk(n=5)),
    publishes_a_modulus_that_is_no_base64=keys(jwk(n="§" * 342)),
    publishes_a_kid_that_is_a_number=keys(jwk(kid=1)),
    publishes_things_that_are_no_keys=keys("k1", None, 5, [], {}),
    leaves_open_which_of_two_it_was=both(keys(jwk(kid=None), jwk(name="k2", kid=None)), header(kid=None)),
)
def test_keys_that_do_not_count(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_key_unknown",
    calls=WHOLE_LOGIN,
    publishes_a_point_that_is_not_on_the_curve=keys(jwk("ES256", y=jwk("ES256")["x"])),
    publishes_a_point_without_y=keys(jwk("ES256", y=None)),
    publishes_it_for_another_curve=keys(jwk("ES256", crv="P-521")),
    publishes_one_of_an_unknown_curve=keys(jwk("ES256", crv="P-257")),
    publishes_one_of_a_curve_that_is_not_allowed=keys(jwk("ES256", crv="secp256k1")),
)
def test_keys_on_a_curve_that_do_not_count(rp: RP, attack: Attack) -> None:
    rp.op.alg = "ES256"
    rp.refuses(attack)


@attacks(
    "token_signature",
    calls=WHOLE_LOGIN,
    publishes_another_under_the_same_name=keys(jwk(name="k2", kid="k1")),
    publishes_another_modulus=keys(jwk(n=other_modulus())),
)
def test_keys_that_did_not_sign(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "jwks_malformed",
    calls=WHOLE_LOGIN,
    gives_no_list=answers("jwks", "{}"),
    gives_an_object_for_the_list=answers("jwks", '{"keys": {"k1": {}}}'),
    gives_a_single_key=answers("jwks", json.dumps(jwk())),
    gives_101_keys=keys(*(jwk(kid=str(number)) for number in range(101))),
)
def test_key_set_that_is_none(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_answer_malformed",
    calls=WHOLE_LOGIN,
    gives_a_list=answers("jwks", json.dumps([jwk()])),
    gives_the_keys_twice=answers("jwks", f'{{"keys": [], "keys": {json.dumps([jwk()])}}}'),
)
def test_key_set_that_is_no_json_object(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_keys_elsewhere_are_not_followed(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    away = answers("jwks", "", 307, Location=f"{attacker.issuer}/jwks")
    rp.refuses(Attack(away, "op_redirect", WHOLE_LOGIN))
    assert attacker.calls == []


def test_bad_keys_do_not_take_the_good_one_with_them(rp: RP, op: HostileOP) -> None:
    op.keys = [jwk(name="k2", use="enc"), {"kty": "unheard-of", "kid": "k1"}, {}, jwk(), jwk("ES256", "k1", x="AA")]
    rp.sign_in()


def test_only_key_needs_no_name(rp: RP, op: HostileOP) -> None:
    op.keys, op.header = [jwk(kid=None)], {"kid": None}
    rp.sign_in()
