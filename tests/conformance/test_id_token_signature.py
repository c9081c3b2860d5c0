"""Somebody other than the OP has made or changed the ID token (Core 1.0 section 3.1.3.7, item 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from oidc_rp.protocol.jose import decode_base64url, encode_base64url
from tests.support.keys import jwk, private_key, sign
from tests.support.tokens import compact

from .attack import WHOLE_LOGIN, Attack, attacks, both, keys, minted
from .op import HostileOP
from .rp import RP

Claims = Mapping[str, Any]


def changed(change: Callable[[bytes], bytes], alg: str = "RS256") -> Callable[[Claims], str]:
    """A right token whose signature is changed."""

    def mint(claims: Claims) -> str:
        head, _, signature = sign(claims, alg).rpartition(".")
        return f"{head}.{encode_base64url(change(decode_base64url(signature.encode())))}"

    return mint


def with_other_payload(claims: Claims) -> str:
    header, _, signature = sign(claims).split(".")
    return f"{header}.{compact(b'', {**claims, 'sub': 'admin'}).split('.')[1]}.{signature}"


def with_other_header(claims: Claims) -> str:
    _, payload, signature = sign(claims).split(".")
    return f"{compact({'alg': 'RS256', 'kid': 'k1', 'typ': 'JWT', 'x': 1}, b'').split('.')[0]}.{payload}.{signature}"


def as_der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


es256 = both(keys(jwk("ES256")), lambda op: setattr(op, "alg", "ES256"))


@attacks(
    "token_signature",
    calls=WHOLE_LOGIN,
    signs_with_a_key_of_its_own=minted(lambda claims: sign(claims, key=private_key(name="k2"))),
    signs_for_another_algorithm=minted(lambda claims: compact_with_alg(claims, "PS256")),
    changes_the_payload=minted(with_other_payload),
    changes_the_header=minted(with_other_header),
    leaves_the_signature_out=minted(changed(lambda signature: b"")),
    flips_a_bit=minted(changed(lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]))),
    cuts_the_signature=minted(changed(lambda signature: signature[:-1])),
    lengthens_the_signature=minted(changed(lambda signature: signature + b"\0")),
    signs_with_zeros=minted(changed(lambda signature: bytes(len(signature)))),
)
def test_id_token_that_the_op_did_not_sign(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def compact_with_alg(claims: Claims, alg: str) -> str:
    _, payload, signature = sign(claims).split(".")
    return f"{compact({'alg': alg, 'kid': 'k1'}, b'').split('.')[0]}.{payload}.{signature}"


@attacks(
    "token_signature",
    calls=WHOLE_LOGIN,
    signs_with_r_and_s_of_zero=both(es256, minted(changed(lambda signature: bytes(64), "ES256"))),
    signs_in_der=both(es256, minted(changed(as_der, "ES256"))),
    signs_with_nothing=both(es256, minted(changed(lambda signature: b"", "ES256"))),
    cuts_the_signature=both(es256, minted(changed(lambda signature: signature[:63], "ES256"))),
)
def test_id_token_on_a_curve_that_the_op_did_not_sign(rp: RP, attack: Attack) -> None:
    """The zeros are CVE-2022-21449, "psychic signatures"."""
    rp.refuses(attack)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_id_token_that_the_op_did_sign(rp: RP, op: HostileOP, alg: str) -> None:
    op.alg, op.keys = alg, [jwk(alg)]
    rp.sign_in()
