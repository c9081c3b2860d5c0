"""The OP's signing keys: JWK Set parsing, selection and signature verification (RFC 7517)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import InvalidKeyError, PyJWKError

from .errors import AlgorithmError, ConfigurationError, OPResponseError, SignatureError, UnknownKeyError
from .jose import JWS, JWSHeader
from .signatures import ALGORITHMS, HMAC_ALGORITHMS, verify_signature

MAX_KEYS = 100
MIN_RSA_BITS = 2_048

# Only these members are read: a private part that an OP publishes by mistake is never loaded.
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
# By `kty` and `crv`, the algorithms that a key is good for (RFC 7518 section 3.1, RFC 8037).
_ALGORITHMS: Mapping[tuple[str, str | None], frozenset[str]] = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, ready to verify with. `algorithms` is one alone where the OP pins it."""

    kid: str | None
    algorithms: frozenset[str]
    material: Any = field(repr=False)

    def fits(self, header: JWSHeader) -> bool:
        """Whether a token with this header can have been signed by this key."""
        return header.alg in self.algorithms and header.kid in (None, self.kid)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable signing keys of one OP."""

    keys: tuple[Key, ...]

    def select(self, header: JWSHeader) -> Key:
        """Find the key for `header`; UnknownKeyError if there is none or it is ambiguous.

        Core 1.0 section 10.1: without `kid` there must be a single key that fits.
        """
        fitting = [key for key in self.keys if key.fits(header)]
        if not fitting:
            raise UnknownKeyError("the OP publishes no key that fits the token", kid=header.kid, alg=header.alg)
        if len(fitting) > 1 and header.kid is None:
            raise UnknownKeyError("the token has no kid and several keys fit", kid=None, alg=header.alg)
        return fitting[0]

    def verify_signature(self, jws: JWS) -> None:
        """Verify `jws` with the key that its header names.

        `alg` must have been checked against the client's allowlist before. Raises
        UnknownKeyError or SignatureError.
        """
        key = self.select(jws.header)
        if not verify_signature(jws.header.alg, key.material, jws.signing_input, jws.signature):
            raise SignatureError("the signature does not verify")


def parse_key_set(document: Mapping[str, Any]) -> KeySet:
    """Read a JWK Set (RFC 7517 section 5).

    Keys that are for encryption, of an unknown kind, symmetric, malformed or weak (RSA
    under 2,048 bits) are left out, as the section says: one bad key must not take the
    others with it. Raises OPResponseError if this is no JWK Set at all.
    """
    members = document.get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise OPResponseError("not a JWK Set of at most 100 keys", endpoint="jwks", code="jwks_malformed")
    return KeySet(tuple(key for member in members if (key := _parse_key(member)) is not None))


def check_algorithm(header: JWSHeader, allowed: frozenset[str]) -> None:
    """Core 1.0 section 3.1.3.7, item 7: `alg` is on the client's list, whatever the token says."""
    if header.alg not in allowed or header.alg not in ALGORITHMS:
        raise AlgorithmError(header.alg, sorted(allowed))


def verify_hmac(jws: JWS, client_secrets: Sequence[str]) -> None:
    """Core 1.0 section 3.1.3.7, item 8: the MAC key is the client_secret's UTF-8 octets.

    During a rotation there are two secrets; either may have signed. Raises
    SignatureError, or ConfigurationError for a secret shorter than the hash (RFC 7518
    section 3.2), which could be guessed offline from any ID token.
    """
    keys = [secret.encode() for secret in client_secrets]
    if any(len(key) * 8 < int(jws.header.alg[2:]) for key in keys):
        raise ConfigurationError(f"the client secret is too short for {jws.header.alg}", code="secret_too_short")
    if not any(verify_signature(jws.header.alg, key, jws.signing_input, jws.signature) for key in keys):
        raise SignatureError("the signature does not verify")


def is_hmac(header: JWSHeader) -> bool:
    """Whether the token is signed with a shared secret rather than a key of the OP."""
    return header.alg in HMAC_ALGORITHMS


def _parse_key(member: object) -> Key | None:
    if not isinstance(member, dict) or not _is_for_verifying(member):
        return None
    kid, alg = member.get("kid"), member.get("alg")
    public = {name: member[name] for name in _PUBLIC_MEMBERS if name in member}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    algorithms = _ALGORITHMS.get((public.get("kty", ""), public.get("crv") if public.get("kty") != "RSA" else None))
    if algorithms is None or not isinstance(kid, str | None) or not isinstance(alg, str | None):
        return None
    material = _load(public, min(algorithms))  # PyJWT loads a key of one kind alike for each of its algorithms
    return None if material is None else Key(kid, algorithms if alg is None else algorithms & {alg}, material)


def _is_for_verifying(member: dict[str, Any]) -> bool:
    """RFC 7517 sections 4.2 and 4.3: neither `use` nor `key_ops` keeps the key for something else."""
    operations = member.get("key_ops")
    return member.get("use") in (None, "sig") and (
        operations is None or (isinstance(operations, list) and "verify" in operations)
    )


def _load(public: dict[str, str], alg: str) -> Any:
    try:
        material = PyJWK(public, algorithm=alg).key
    except (InvalidKeyError, PyJWKError, ValueError):
        return None
    if isinstance(material, RSAPublicKey) and material.key_size < MIN_RSA_BITS:
        return None
    return material
