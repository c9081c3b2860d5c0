"""The ID token and its validation, in the order of Core 1.0 section 3.1.3.7."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import claims as check
from .errors import ClaimError
from .jose import JWS, check_access_token_hash, parse_jws
from .keys import check_algorithm

SignatureVerifier = Callable[[JWS], None]
"""Verifies a JWS whose `alg` is allowed: with the OP's keys, or with the client secret."""


@dataclass(frozen=True, slots=True)
class Client:
    """What a client knows before any token arrives, and judges every token by."""

    issuer: str
    client_id: str
    algorithms: frozenset[str]
    trusted_audiences: frozenset[str] = frozenset()
    clock_skew: float = 30


class IDToken(NamedTuple):
    """A validated ID token. `raw` is kept for `id_token_hint`; times are Unix seconds."""

    raw: str
    claims: Mapping[str, Any]
    iss: str
    sub: str
    sid: str | None
    acr: str | None
    amr: tuple[str, ...]
    auth_time: int | None

    def __repr__(self) -> str:
        """Without the token's text and the user's claims, which must not end up in a log."""
        return f"IDToken(iss={self.iss!r}, sub={self.sub!r}, sid={self.sid!r})"


def validate_id_token(
    token: str,
    client: Client,
    verify_signature: SignatureVerifier,
    *,
    now: float,
    nonce: str,
    access_token: str | None = None,
) -> IDToken:
    """Validate the ID token of a token response and return its claims.

    `now` is in Unix seconds, `nonce` is that of the authentication request, `access_token`
    the one that came along. Raises TokenError: MalformedTokenError, AlgorithmError,
    UnknownKeyError, SignatureError or ClaimError; whatever `verify_signature` raises passes
    through. Whether `acr` and `auth_time` are what was asked for (items 12 and 13) is the
    business of `step_up.Requirement`.

    The order is that of the specification. It also puts the cheap checks first, so that
    a token that is not for us never makes us fetch keys.
    """
    jws = parse_jws(token)
    claims = jws.payload
    check.check_issuer(claims, client.issuer)  # item 2
    check.check_audience(claims, client.client_id, client.trusted_audiences)  # item 3
    check.check_authorized_party(claims, client.client_id)  # items 4, 5
    check_algorithm(jws.header, client.algorithms)  # item 7
    verify_signature(jws)  # items 6, 8
    check.check_expiration(claims, now, client.clock_skew)  # item 9
    check.check_issued_at(claims, now, client.clock_skew)  # item 10
    check_nonce(claims, nonce)  # item 11
    auth_time = check_auth_time(claims, now, client.clock_skew)
    check.check_subject(claims)
    if access_token is not None:
        check_access_token_hash(claims, access_token, jws.header.alg)
    return IDToken(
        token,
        claims,
        claims["iss"],
        claims["sub"],
        check.get_sid(claims),
        check.get_acr(claims),
        check.get_amr(claims),
        auth_time,
    )


def check_nonce(claims: Mapping[str, Any], nonce: str) -> None:
    """Core 1.0 section 3.1.3.7, item 11: `nonce` is that of the authentication request.

    Neither value is shown: until the login is over, the nonce is a secret of this browser.
    """
    actual = claims.get("nonce")
    if not isinstance(actual, str) or not hmac.compare_digest(actual.encode(), nonce.encode()):
        raise ClaimError("nonce", "is not that of the authentication request")


def check_auth_time(claims: Mapping[str, Any], now: float, clock_skew: float) -> int | None:
    """`auth_time` (Core 1.0 section 2) is not in the future. Returns it, None if it is absent; or raises ClaimError."""
    auth_time = check.get_auth_time(claims)
    if auth_time is not None and auth_time > now + clock_skew:
        raise ClaimError("auth_time", "is in the future", expected=f"at most {now:.0f}", actual=auth_time)
    return auth_time
