"""Token requests and responses (RFC 6749 sections 4.1.3, 5 and 6; Core 1.0 section 3.1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer
from .errors import OPResponseError
from .jose import MAX_TOKEN_LENGTH

# RFC 6749 appendix A.12 and A.17. Anything else could not even be sent in a header.
_TOKEN = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful token response. `expires_in` is in seconds, None where the OP does not say."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int | None
    refresh_token: str | None = field(repr=False)
    id_token: str | None = field(repr=False)
    scope: str | None


def build_code_grant(code: str, redirect_uri: str, code_verifier: str) -> dict[str, str]:
    """The form of an authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier,
    }


def process_token_response(answer: Answer) -> TokenResponse:
    """Turn an answer of the token endpoint into tokens.

    Raises OPError for an OAuth error response (RFC 6749 section 5.2), OPUnavailableError
    for 5xx and 429, OPResponseError for everything else that is not a token response.
    """
    members = answer.parse()
    access_token = _get_text(answer, members, "access_token")
    if access_token is None:
        raise answer.malformed("access_token is missing")
    token_type = _get_text(answer, members, "token_type") or ""
    if token_type.lower() != "bearer":  # case-insensitive: RFC 6749 section 5.1
        raise answer.malformed("token_type is not Bearer")
    response = TokenResponse(
        access_token=access_token,
        token_type="Bearer",
        expires_in=_get_lifetime(answer, members),
        refresh_token=_get_text(answer, members, "refresh_token"),
        id_token=_get_text(answer, members, "id_token"),
        scope=_get_text(answer, members, "scope"),
    )
    for token in (response.access_token, response.refresh_token, response.id_token):
        if token is not None and len(token) > MAX_TOKEN_LENGTH:
            raise OPResponseError("a token is longer than 100,000 characters", endpoint="token", code="token_too_large")
        if token is not None and not _TOKEN.fullmatch(token):
            raise answer.malformed("a token has characters other than printable ASCII")
    return response


def _get_lifetime(answer: Answer, members: Mapping[str, Any]) -> int | None:
    lifetime = members.get("expires_in")
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit() and len(lifetime) < 12:
        lifetime = int(lifetime)  # some OPs quote the number
    if lifetime is None:
        return None
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 <= lifetime < 1e10:
        raise answer.malformed("expires_in is not a number of seconds")
    return int(lifetime)


def _get_text(answer: Answer, members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    if not isinstance(value, str | None):
        raise answer.malformed(f"{name} is not a string")
    return value or None
