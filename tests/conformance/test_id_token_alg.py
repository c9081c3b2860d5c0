"""The token chooses how it is to be verified (Core 1.0 section 3.1.3.7, items 6 to 8; RFC 8725 section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jwt

from tests.support.keys import jwk, sign
from tests.support.tokens import compact, public_key_pem

from .attack import BEFORE_KEYS, Attack, attacks, both, keys, minted
from .op import SECRET, HostileOP
from .rp import RP

Claims = Mapping[str, Any]


def unsigned(alg: str, kid: str | None = "k1") -> Callable[[Claims], str]:
    return lambda claims: compact({"alg": alg, **({} if kid is None else {"kid": kid})}, claims)


def mac_with(key: bytes) -> Callable[[Claims], str]:
    """PyJWT itself refuses a public key for this."""
    mac = jwt.get_algorithm_by_name("HS256")

    def mint(claims: Claims) -> str:
        unsigned_part = compact({"alg": "HS256", "kid": "k1"}, claims).rsplit(".", 1)[0]
        header, payload = unsigned_part.split(".")
        signature = mac.sign(unsigned_part.encode(), key)
        return compact_of(header, payload, signature)

    return mint


def compact_of(header: str, payload: str, signature: bytes) -> str:
    return f"{header}.{payload}.{compact(b'', b'', signature).rsplit('.', 1)[1]}"


@attacks(
    "token_alg",
    calls=BEFORE_KEYS,
    signs_nothing=minted(unsigned("none")),
    signs_nothing_and_names_no_key=minted(unsigned("none", None)),
    signs_nothing_in_capitals=minted(unsigned("NONE")),
    signs_nothing_in_mixed_case=minted(unsigned("nOnE")),
    names_no_algorithm=minted(unsigned("")),
    names_an_unknown_algorithm=minted(unsigned("RS257")),
    names_an_algorithm_in_another_case=minted(unsigned("rs256")),
    names_an_encryption=minted(unsigned("RSA-OAEP")),
    uses_a_weaker_hash_than_agreed=minted(unsigned("RS1")),
    uses_an_algorithm_that_was_not_agreed=both(minted(lambda claims: sign(claims, "RS384")), keys(jwk(), jwk("RS384"))),
    macs_with_the_public_key=minted(mac_with(public_key_pem())),
    macs_with_the_client_secret=minted(mac_with(SECRET.encode())),
    macs_with_an_empty_key=minted(mac_with(b"")),
)
def test_id_token_with_an_algorithm_of_its_own(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_alg",
    calls=BEFORE_KEYS,
    signs_nothing=minted(unsigned("none")),
    signs_with_a_key_where_a_secret_was_agreed=minted(sign),
    uses_another_hash_than_agreed=minted(lambda claims: sign(claims, "HS512", key=SECRET)),
)
def test_id_token_of_a_client_with_hmac(rp: RP, attack: Attack) -> None:
    rp.configure(SIGNING_ALGORITHMS=["HS256"])
    rp.refuses(attack)


@attacks(
    "token_signature",
    calls=BEFORE_KEYS,
    macs_with_the_public_key=minted(mac_with(public_key_pem())),
    macs_with_an_empty_key=minted(mac_with(b"")),
    macs_with_the_client_id=minted(mac_with(b"client-1")),
)
def test_id_token_mac_by_somebody_else(rp: RP, attack: Attack) -> None:
    rp.configure(SIGNING_ALGORITHMS=["HS256"])
    rp.refuses(attack)


def test_hmac_that_was_agreed_signs_in(rp: RP, op: HostileOP) -> None:
    rp.configure(SIGNING_ALGORITHMS=["HS256"])
    op.mint = mac_with(SECRET.encode())
    rp.sign_in()


def test_mac_over_the_key_set_is_not_taken_for_a_signature(rp: RP, op: HostileOP) -> None:
    """The set itself publishes a symmetric key under the name that the token uses."""
    symmetric = keys({"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"})
    rp.refuses(Attack(both(symmetric, minted(mac_with(b"secret"))), "token_alg", BEFORE_KEYS))
