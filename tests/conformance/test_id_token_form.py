"""The ID token is no compact JWS, or one that is made to hurt its reader (RFC 7515; RFC 8725 section 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oidc_rp.protocol.jose import encode_base64url
from tests.support.keys import sign
from tests.support.tokens import compact

from .attack import BEFORE_KEYS, Attack, Misbehaviour, attacks, header, minted, tokens
from .rp import RP

Claims = Mapping[str, Any]


def with_header(content: bytes) -> Misbehaviour:
    """The header is exactly this."""
    return minted(lambda claims: compact(content, claims, b"x"))


def with_payload(build: Any) -> Misbehaviour:
    """The payload is what `build` makes of the right one, as text."""
    return minted(lambda claims: compact({"alg": "RS256", "kid": "k1"}, build(json.dumps(claims)).encode(), b"x"))


def segments(build: Any) -> Misbehaviour:
    """The token is what `build` makes of a right one's three segments."""
    return minted(lambda claims: build(*sign(claims).split(".")))


def break_a_line(header: str, payload: str, signature: str) -> str:
    return f"{header}.{payload[:10]} {payload[10:]}.{signature}"


@attacks(
    "token_malformed",
    calls=BEFORE_KEYS,
    is_one_word=tokens(id_token="token"),
    is_dots=tokens(id_token=".."),
    has_two_segments=segments(lambda header, payload, signature: f"{header}.{payload}"),
    has_four_segments=segments(lambda *parts: ".".join([*parts, "x"])),
    has_a_thousand_segments=tokens(id_token="." * 1_000),
    is_padded=segments(lambda header, payload, signature: f"{header}.{payload}=.{signature}"),
    has_a_space_in_it=segments(break_a_line),
    is_in_the_other_alphabet=segments(lambda header, payload, signature: f"{header}.{payload}.+/{signature[2:]}"),
    is_json=tokens(id_token=json.dumps({"payload": "x", "protected": "x", "signature": "x"})),
    has_no_algorithm=with_header(b'{"kid": "k1"}'),
    has_a_number_for_its_algorithm=with_header(b'{"alg": 256}'),
    has_a_number_for_its_key=with_header(b'{"alg": "RS256", "kid": 1}'),
    has_a_list_for_its_type=with_header(b'{"alg": "RS256", "typ": ["JWT"]}'),
    has_a_list_for_its_header=with_header(b'["RS256"]'),
    has_two_algorithms=with_header(b'{"alg": "RS256", "alg": "none"}'),
    has_a_header_of_5_kb=with_header(b'{"alg": "RS256", "kid": "%s"}' % (b"k" * 4_000)),
    has_a_payload_that_is_no_json=with_payload(lambda text: "claims"),
    has_a_payload_that_is_a_list=with_payload(lambda text: f"[{text}]"),
    has_two_payloads=with_payload(lambda text: text + text),
    has_two_audiences_of_one_name=with_payload(lambda text: text[:-1] + ', "aud": "client-2"}'),
    has_two_subjects_of_one_name=with_payload(lambda text: '{"sub": "admin", ' + text[1:]),
    has_not_a_number=with_payload(lambda text: text[:-1] + ', "x": NaN}'),
    has_a_number_beyond_all_floats=with_payload(lambda text: text[:-1] + ', "x": 1e999}'),
    has_a_number_of_5000_digits=with_payload(lambda text: text[:-1] + f', "x": {"9" * 5_000}}}'),
    is_nested_33_deep=with_payload(lambda text: text[:-1] + f', "x": {"[" * 33}{"]" * 33}}}'),
    is_nested_10000_deep=with_payload(lambda text: text[:-1] + f', "x": {"[" * 10_000}{"]" * 10_000}}}'),
    is_compressed=minted(lambda claims: f"{encode_base64url(b'{}')}.{encode_base64url(b'x' * 9)}.x"),
)
def test_id_token_that_is_none(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_crit",
    calls=BEFORE_KEYS,
    needs_an_unknown_extension=header(crit=["http://example.invalid/ext"]),
    needs_b64=header(crit=["b64"], b64=True),
    needs_what_is_known=header(crit=["alg"]),
    needs_nothing=header(crit=[]),
    needs_null=with_header(b'{"alg": "RS256", "kid": "k1", "crit": null}'),
)
def test_id_token_with_critical_extensions(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_encrypted",
    calls=BEFORE_KEYS,
    is_encrypted_to_nobody=minted(lambda claims: f"{compact({'alg': 'dir', 'enc': 'A256GCM'}, b'')}.eA.eA"),
    is_encrypted_with_a_password=minted(
        lambda claims: f"{compact({'alg': 'PBES2-HS256+A128KW', 'p2c': 2**31}, b'')}.eA.eA"
    ),
)
def test_id_token_that_is_encrypted(rp: RP, attack: Attack) -> None:
    """Nothing is decrypted, so nobody can make the RP count to 2 to the 31st either."""
    rp.refuses(attack)


@attacks("token_too_large", calls=BEFORE_KEYS, is_of_100_kb=minted(lambda claims: sign({**claims, "x": "y" * 80_000})))
def test_id_token_that_is_huge(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)
