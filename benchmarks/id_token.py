"""(a) Validating an ID token with warm keys, against nothing but its signature check, and against `jwt.decode`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from oidc_rp.protocol.errors import ClaimError, SignatureError
from oidc_rp.protocol.jose import decode_base64url
from oidc_rp.provider import Exchange, Provider
from oidc_rp.provider.config import read_config

from .common import Effort, Row, interleave
from .tokens import CLIENT_ID, CLIENT_SECRET, SigningKey, build_claims

ISSUER = "https://op.example/realms/main"
SUBJECT = "a1d0c6e8-3f02-4f7e-9a43-1f6f4a0e8f55"
NONCE = "CXCm1nmKxUrVvkoS0lzVMwSfyNOyJQGn9oFsFlw2u1s"
ACCESS_TOKEN = "an access token " * 60
MAX_RATIOS = {"RS256": 1.8, "ES256": 1.3}


def run(effort: Effort) -> list[Row]:
    """Measure both algorithms."""
    return [row for alg, max_ratio in MAX_RATIOS.items() for row in _run(alg, max_ratio, effort)]


def _run(alg: str, max_ratio: float, effort: Effort) -> list[Row]:
    key = SigningKey.generate(alg)
    token = key.sign(build_claims(ISSUER, SUBJECT, nonce=NONCE, access_token=ACCESS_TOKEN))
    ours = _build_validation(key, token)
    times = interleave(
        {"floor": _build_floor(key, token), "ours": ours, "decode": _build_decode(key, token)},
        effort.validation_rounds,
        effort.validation_calls,
    )
    return [
        Row(f"ID token {alg}: validate / signature check", times["ours"], times["floor"], "s", max_ratio),
        Row(f"ID token {alg}: jwt.decode / signature check", times["decode"], times["floor"], "s"),
    ]


@dataclass(frozen=True)
class _WarmCache:
    """A shared cache that has the OP's keys already, and lets nobody fetch them again."""

    document: Mapping[str, Any]

    def get(self, key: str) -> Any:
        return {"fetched_at": time.time(), "document": self.document}

    def set(self, key: str, value: Any, seconds: int) -> None:
        pass

    def add(self, key: str, seconds: int) -> bool:
        return False


def _build_validation(key: SigningKey, token: str) -> Callable[[], object]:
    config = read_config("default", {"ISSUER": ISSUER, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET})
    provider = Provider(config, cache=_WarmCache({"keys": [key.jwk]}), observe=_refuse_call)

    def validate(token: str = token, nonce: str = NONCE) -> object:
        return provider.validate_id_token(token, nonce=nonce, access_token=ACCESS_TOKEN)

    _check_validation(key, token, validate)
    return validate


def _check_validation(key: SigningKey, token: str, validate: Callable[..., Any]) -> None:
    """What is measured must be a real validation: it knows a good token from bad ones."""
    if validate().sub != SUBJECT:
        raise AssertionError("the token is not accepted as it should be")
    content, _, signature = token.rpartition(".")
    stale = build_claims(ISSUER, SUBJECT, nonce=NONCE, access_token=ACCESS_TOKEN) | {"exp": 1}
    _expect(SignatureError, lambda: validate(f"{content}.{signature[::-1]}"))
    _expect(ClaimError, lambda: validate(key.sign(stale)))
    _expect(ClaimError, lambda: validate(nonce="another"))


def _expect(error: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"there should have been a {error.__name__}")


def _refuse_call(exchange: Exchange) -> None:
    raise AssertionError(f"{exchange.endpoint} was called although the keys are warm")


def _build_floor(key: SigningKey, token: str) -> Callable[[], object]:
    """What no validation can do without, with everything else done beforehand."""
    content, _, encoded = token.rpartition(".")
    data, signature = content.encode(), decode_base64url(encoded.encode())
    public = key.private.public_key()
    if isinstance(public, RSAPublicKey):
        return lambda: public.verify(signature, data, PKCS1v15(), SHA256())
    return _build_ecdsa_floor(public, signature, data)


def _build_ecdsa_floor(public: EllipticCurvePublicKey, signature: bytes, data: bytes) -> Callable[[], object]:
    half = len(signature) // 2
    der = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    return lambda: public.verify(der, data, ECDSA(SHA256()))


def _build_decode(key: SigningKey, token: str) -> Callable[[], object]:
    """PyJWT as it is used: signature, times, audience and issuer, but neither nonce, azp nor at_hash."""
    jwk = jwt.PyJWK(key.jwk)
    return lambda: jwt.decode(token, jwk, algorithms=[key.alg], audience=CLIENT_ID, issuer=ISSUER)
