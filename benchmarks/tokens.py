"""Signing keys, and ID and logout tokens such as OPs really issue them."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from oidc_rp.protocol.jose import encode_base64url
from oidc_rp.protocol.logout_token import EVENT

CLIENT_ID = "benchmark-client"
CLIENT_SECRET = "not a secret either, and long enough for every algorithm"
LOGOUT_TOKEN_TYPE = "logout+jwt"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of an OP; `kid` is as long as a real one, a thumbprint."""

    alg: str
    private: Any
    kid: str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

    @classmethod
    def generate(cls, alg: str) -> SigningKey:
        """A new key for RS256 (2048 bits) or ES256."""
        if alg == "RS256":
            return cls(alg, rsa.generate_private_key(public_exponent=65_537, key_size=2_048))
        return cls(alg, ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as the OP publishes it."""
        public = json.loads(jwt.get_algorithm_by_name(self.alg).to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "use": "sig", "alg": self.alg, "key_ops": ["verify"]}

    def sign(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        """A JWT over `claims`."""
        return jwt.encode(claims, self.private, algorithm=self.alg, headers={"kid": self.kid, "typ": typ})


def build_claims(issuer: str, subject: str, *, nonce: str, access_token: str) -> dict[str, Any]:
    """The claims of an ID token, of the number and kind that OPs send for `openid profile email`."""
    now = int(time.time())
    digest = sha256(access_token.encode()).digest()
    return {
        "exp": now + 3_600,
        "iat": now,
        "auth_time": now - 5,
        "iss": issuer,
        "aud": CLIENT_ID,
        "sub": subject,
        "nonce": nonce,
        "sid": "2f4b9a54-6a4e-4fb3-8a5c-5d5f1e3f0b7a",
        "at_hash": encode_base64url(digest[: len(digest) // 2]),
        "acr": "1",
        "amr": ["pwd", "otp"],
        "email_verified": True,
        "name": "Alice Example",
        "preferred_username": subject,
        "email": f"{subject}@example.com",
    }


def build_logout_claims(issuer: str, subject: str, sid: str | None) -> dict[str, Any]:
    """The claims of a logout token: for one session, or for all of the subject's if `sid` is None."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": subject,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": str(uuid.uuid4()),
        "events": {EVENT: {}},
    }
    return claims if sid is None else {**claims, "sid": sid}
