"""The logout token of a back-channel logout, and its validation (Back-Channel Logout 1.0 section 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import claims as check
from .errors import ClaimError
from .id_token import Client, SignatureVerifier
from .jose import JWSHeader, parse_jws
from .keys import check_algorithm

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_JTI_LENGTH = 1_024
# Section 2.4 recommends logout+jwt; OPs that are older than the recommendation say JWT or nothing.
TYPES = frozenset({"jwt", "logout+jwt", "application/logout+jwt"})


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """A validated logout token: whose sessions are to end. At least one of `sub` and `sid` is there.

    `iat` is in Unix seconds.
    """

    iss: str
    sub: str | None
    sid: str | None
    jti: str
    iat: float


def validate_logout_token(
    token: str, client: Client, verify_signature: SignatureVerifier, *, now: float
) -> LogoutToken:
    """Validate a logout token. Whether its `jti` has been seen before is for the caller to find out.

    `now` is in Unix seconds. Raises TokenError: MalformedTokenError, AlgorithmError,
    UnknownKeyError, SignatureError or ClaimError; whatever `verify_signature` raises
    passes through. What can be settled without a key comes first: anybody can post here.
    """
    jws = parse_jws(token)
    claims = jws.payload
    check_type(jws.header)
    check.check_issuer(claims, client.issuer)
    check.check_audience(claims, client.client_id, client.trusted_audiences)
    check_algorithm(jws.header, client.algorithms)
    check_event(claims)
    check_no_nonce(claims)
    check.check_issued_at(claims, now, client.clock_skew)
    check_expiration(claims, now, client.clock_skew)
    sub, sid = get_subject_and_session(claims)
    jti = get_jti(claims)
    verify_signature(jws)
    return LogoutToken(iss=claims["iss"], sub=sub, sid=sid, jti=jti, iat=claims["iat"])


def check_type(header: JWSHeader) -> None:
    """Section 2.6, last paragraph, and RFC 8725 section 3.11: no JWT of another declared kind, such as at+jwt."""
    if header.typ is not None and header.typ.lower() not in TYPES:
        raise ClaimError("typ", "is not that of a logout token", expected="logout+jwt", actual=header.typ[:100])


def check_expiration(claims: Mapping[str, Any], now: float, clock_skew: float) -> None:
    """Section 2.6, step 4: `exp` has not passed.

    The claim is required since the final specification, and real OPs leave it out. Without it the
    check of `iat`, which is always made, bounds how long the token can be used.
    """
    if claims.get("exp") is None:
        check.check_not_before(claims, now, clock_skew)
    else:
        check.check_expiration(claims, now, clock_skew)


def check_event(claims: Mapping[str, Any]) -> None:
    """Section 2.6, step 6: `events` is an object whose back-channel logout member is an object.

    This is what no ID token has: it keeps one from being used as a logout token.
    """
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise ClaimError("events", "has no back-channel logout event")


def check_no_nonce(claims: Mapping[str, Any]) -> None:
    """Section 2.6, step 7: no `nonce`, which keeps a logout token from being used as an ID token."""
    if "nonce" in claims:
        raise ClaimError("nonce", "must not be in a logout token")


def get_subject_and_session(claims: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Section 2.6, step 5: `sub`, `sid` or both."""
    sid = check.get_sid(claims)
    if "sub" in claims:
        check.check_subject(claims)
    elif sid is None:
        raise ClaimError("sub", "and sid are both missing")
    return claims.get("sub"), sid


def get_jti(claims: Mapping[str, Any]) -> str:
    """Section 2.4: `jti`, required, a string."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        raise ClaimError("jti", "is not a string of 1 to 1,024 characters")
    return jti
