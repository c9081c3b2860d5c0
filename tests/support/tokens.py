"""One valid ID token, and the client that accepts it: tests change one thing of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oidc_rp.protocol.id_token import Client, IDToken, SignatureVerifier, validate_id_token
from oidc_rp.protocol.jose import encode_base64url
from oidc_rp.protocol.keys import parse_key_set
from oidc_rp.protocol.signatures import ASYMMETRIC_ALGORITHMS

from .keys import jwk, private_key, sign

NOW = 1_800_000_000
SKEW = 30
ISSUER = "https://op.example"
CLIENT_ID = "client-1"
NONCE = "a nonce of this browser"
ACCESS_TOKEN = "access-token-1"
CLIENT = Client(issuer=ISSUER, client_id=CLIENT_ID, algorithms=ASYMMETRIC_ALGORITHMS, clock_skew=SKEW)


def build_claims(**changes: Any) -> dict[str, Any]:
    """Valid claims; `changes` replace some, None removes one."""
    claims = {
        "iss": ISSUER,
        "sub": "subject-1",
        "aud": CLIENT_ID,
        "exp": NOW + 300,
        "iat": NOW,
        "auth_time": NOW - 60,
        "nonce": NONCE,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def validate(
    token: str,
    client: Client = CLIENT,
    verify: SignatureVerifier | None = None,
    *,
    access_token: str | None = ACCESS_TOKEN,
) -> IDToken:
    """Validate as the RP would, with the RS256 key "k1" unless `verify` says otherwise."""
    if verify is None:
        verify = parse_key_set({"keys": [jwk()]}).verify_signature
    return validate_id_token(token, client, verify, now=NOW, nonce=NONCE, access_token=access_token)


def validate_claims(*, trusted: frozenset[str] = frozenset(), **changes: Any) -> IDToken:
    """Sign the valid claims with `changes`, and validate them."""
    client = replace(CLIENT, trusted_audiences=trusted)
    return validate(sign(build_claims(**changes)), client)


def compact(header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes, signature: bytes = b"") -> str:
    """A compact JWS of exactly these parts; bytes are taken as they are."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    return ".".join(encode_base64url(part) for part in (*parts, signature))


def hash_half(token: str, algorithm: str) -> str:
    """The left half of a hash, as `at_hash` holds it."""
    digest = hashlib.new(algorithm, token.encode()).digest()
    return encode_base64url(digest[: len(digest) // 2])


def public_key_pem() -> bytes:
    """What a confused RP might take for a shared secret: the OP's public key as text."""
    pem: bytes = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem
