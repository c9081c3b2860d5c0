"""The ID token of a refresh, and its validation (Core 1.0 section 12.2)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from . import claims as check
from .errors import ClaimError
from .id_token import Client, IDToken, SignatureVerifier
from .jose import check_access_token_hash, parse_jws
from .keys import check_algorithm


def validate_refreshed_id_token(
    token: str,
    client: Client,
    verify_signature: SignatureVerifier,
    *,
    now: float,
    original: Mapping[str, Any],
    access_token: str,
) -> IDToken:
    """Validate an ID token that came in answer to a refresh token, and return its claims.

    `original` are the validated claims of the login's ID token, `now` is in Unix seconds.
    What holds for every ID token holds here (section 3.1.3.7), but there was no
    authentication request: in the place of `nonce` and `max_age`, the claims must be those
    of the same login. Raises TokenError; whatever `verify_signature` raises passes through.
    """
    jws = parse_jws(token)
    claims = jws.payload
    check.check_issuer(claims, client.issuer)
    check.check_audience(claims, client.client_id, client.trusted_audiences)
    check.check_authorized_party(claims, client.client_id)
    check_algorithm(jws.header, client.algorithms)
    check_same_login(claims, original)
    verify_signature(jws)
    check.check_expiration(claims, now, client.clock_skew)
    check.check_issued_at(claims, now, client.clock_skew)
    check_access_token_hash(claims, access_token, jws.header.alg)
    return IDToken(
        token,
        claims,
        claims["iss"],
        claims["sub"],
        check.get_sid(claims),
        check.get_acr(claims),
        check.get_amr(claims),
        check.get_auth_time(claims),
    )


def check_same_login(claims: Mapping[str, Any], original: Mapping[str, Any]) -> None:
    """Section 12.2: the same `iss` and `sub`, every original audience, and `nonce`, if present, that of the login."""
    for name in ("iss", "sub"):
        if claims.get(name) != original[name]:
            raise ClaimError(name, "is not that of the login")
    if not set(check.get_audiences(original)) <= set(check.get_audiences(claims)):
        raise ClaimError("aud", "lacks an audience of the login's ID token")
    nonce = claims.get("nonce")
    if nonce is not None and not (
        isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), str(original.get("nonce", "")).encode())
    ):
        raise ClaimError("nonce", "is not that of the login")


def merge_claims(original: Mapping[str, Any], refreshed: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of the login as they are after a refresh: the new ones, and what the OP has left out of them.

    `auth_time` stays that of the login (section 12.2): a refresh makes no authentication
    fresher. `nonce` stays too, for the next comparison.
    """
    kept = {name: original[name] for name in ("auth_time", "nonce") if name in original}
    merged = {**original, **refreshed, **kept}
    if "auth_time" not in original:
        merged.pop("auth_time", None)
    return merged
