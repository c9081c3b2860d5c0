"""Real keys for tests, made once per run, and JWTs signed with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CURVES: Mapping[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}


def private_key(alg: str = "RS256", name: str = "k1") -> Any:
    """The private key called `name` for `alg`; the same one throughout the run."""
    return _generate(alg, name)


# A cache tells a default from the same value given, hence the function in front of it.
@cache
def _generate(alg: str, name: str) -> Any:
    if alg in CURVES:
        return ec.generate_private_key(CURVES[alg])
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def jwk(alg: str = "RS256", name: str = "k1", **members: Any) -> dict[str, Any]:
    """The public JWK of that key, with `kid` and `use`; `members` change it, None removes one."""
    algorithm = jwt.get_algorithm_by_name(alg)
    public = json.loads(algorithm.to_jwk(private_key(alg, name).public_key()))
    public.pop("key_ops", None)
    key = {**public, "kid": name, "use": "sig", **members}
    return {member: value for member, value in key.items() if value is not None}


def sign(
    claims: Mapping[str, Any],
    alg: str = "RS256",
    name: str = "k1",
    *,
    header: Mapping[str, Any] | None = None,
    key: Any = None,
) -> str:
    """A JWT over `claims`, even if `jwt.encode` would refuse them; `header` members are added, and None removes one."""
    members: dict[str, Any] = {"kid": name, **(header or {})}
    return jwt.PyJWS().encode(
        json.dumps(claims).encode(),
        key if key is not None else private_key(alg, name),
        alg,
        {member: value for member, value in members.items() if value is not None},
    )
