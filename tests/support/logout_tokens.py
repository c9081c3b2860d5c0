"""One valid logout token: tests change one thing of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from oidc_rp.protocol.logout_token import EVENT

from .keys import sign
from .tokens import CLIENT_ID, ISSUER

TYP = "logout+jwt"


def build_logout_claims(*, now: float | None = None, **changes: Any) -> dict[str, Any]:
    """Valid claims, issued `now` (Unix seconds, or else this moment); `changes` replace some, None removes one."""
    issued = int(time.time() if now is None else now)
    claims = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "iat": issued,
        "exp": issued + 120,
        "jti": "jti-1",
        "events": {EVENT: {}},
        "sub": "subject-1",
        "sid": "session-1",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def sign_logout_token(*, typ: str | None = TYP, now: float | None = None, **changes: Any) -> str:
    """The token over these claims, signed with the RS256 key "k1"."""
    return sign_any(build_logout_claims(now=now, **changes), typ)


def sign_any(claims: Mapping[str, Any], typ: str | None = TYP, name: str = "k1") -> str:
    """Sign these claims, of which nothing needs to be right."""
    # PyJWT leaves an empty typ out, and puts its own where none is given.
    return sign(claims, name=name, header={"typ": typ or ""})
