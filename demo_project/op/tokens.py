"""Tokens that the OP makes or reads itself; django-oauth-toolkit issues the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem

LOGOUT_TOKEN_TYPE = "logout+jwt"


@dataclass(frozen=True)
class IDTokenHint:
    """What an ID token that comes back as `id_token_hint` says about the session that it was issued in."""

    client_id: str
    subject: str
    sid: str


def sign_logout_token(claims: Mapping[str, Any]) -> str:
    pem = oauth2_settings.OIDC_RSA_PRIVATE_KEY
    return jwt.encode(
        dict(claims),
        pem,
        algorithm="RS256",
        headers={"typ": LOGOUT_TOKEN_TYPE, "kid": jwk_from_pem(pem).thumbprint()},
    )


def read_id_token_hint(token: str, issuer: str) -> IDTokenHint | None:
    """None for anything but an ID token of this OP.

    It may have expired: RP-Initiated Logout 1.0 section 4 asks to accept it, and a hint grants nothing.
    """
    try:
        decoded = jwt.decode_complete(
            token,
            _find_key(jwt.get_unverified_header(token).get("kid")),
            algorithms=["RS256"],
            issuer=issuer,
            options={"verify_exp": False, "verify_aud": False, "require": ["aud", "sub", "sid"]},
        )
    except jwt.InvalidTokenError:
        return None
    claims = decoded["payload"]
    # The same key signs logout tokens, which are not ID tokens.
    if decoded["header"].get("typ") == LOGOUT_TOKEN_TYPE:
        return None
    return IDTokenHint(client_id=claims["aud"], subject=claims["sub"], sid=claims["sid"])


def _find_key(kid: object) -> RSAPublicKey:
    """The newest if none has this kid. A session may be older than the key that signs now."""
    older: Sequence[str] = oauth2_settings.OIDC_RSA_PRIVATE_KEYS_INACTIVE
    matching = (pem for pem in older if jwk_from_pem(pem).thumbprint() == kid)
    return _public_key(next(matching, oauth2_settings.OIDC_RSA_PRIVATE_KEY))


@lru_cache(maxsize=4)
def _public_key(pem: str) -> RSAPublicKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("OIDC_RSA_PRIVATE_KEY is not an RSA key")
    return key
