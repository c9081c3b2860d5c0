"""Token requests and responses (RFC 6749 sections 4.1.3, 4.4, 5 and 6; Core 1.0 section 3.1.3; RFC 8693; RFC 8707)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .answers import Answer
from .errors import OPResponseError
from .jose import MAX_TOKEN_LENGTH

# RFC 6749 appendix A.12 and A.17. Anything else could not even be sent in a header.
_TOKEN = re.compile(r"[\x20-\x7e]+")
# RFC 3986 section 2: what a URI is written with, without the fragment.
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
# Google answers with URLs for what was asked for by name.
SCOPE_ALIASES = {
    "https://www.googleapis.com/auth/userinfo.email": "email",
    "https://www.googleapis.com/auth/userinfo.profile": "profile",
}

# One or several, with spaces between them or as a list.
Names = str | Sequence[str]
# The parameters of a request. One that has a list is sent once for each of its members.
Form = Mapping[str, str | Sequence[str]]


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


def build_client_credentials_grant(scope: Sequence[str] = (), resource: Sequence[str] = ()) -> Form:
    """The form of a client credentials grant (RFC 6749 section 4.4.2, RFC 8707 section 2)."""
    return _leave_out_empty(
        {"grant_type": "client_credentials", "scope": " ".join(scope), "resource": check_resources(resource)}
    )


def build_token_exchange(
    access_token: str, *, audience: Sequence[str] = (), resource: Sequence[str] = (), scope: Sequence[str] = ()
) -> Form:
    """The form that exchanges an access token for one for another API (RFC 8693 section 2.1).

    `audience` has the names that the OP knows the APIs by, `resource` their URIs.
    """
    return _leave_out_empty(
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": access_token,
            "subject_token_type": ACCESS_TOKEN_TYPE,
            "requested_token_type": ACCESS_TOKEN_TYPE,
            "audience": list(audience),
            "resource": check_resources(resource),
            "scope": " ".join(scope),
        }
    )


def read_names(names: Names) -> tuple[str, ...]:
    """Each of `names` once, in their order."""
    return tuple(dict.fromkeys((names if isinstance(names, str) else " ".join(names)).split()))


def check_resources(resource: Sequence[str]) -> list[str]:
    """RFC 8707 section 2: each is an absolute URI without a fragment. ValueError if one is not."""
    for uri in resource:
        parts = urlsplit(uri) if _URI.fullmatch(uri) else None
        if parts is None or not (parts.netloc or parts.path):
            raise ValueError(f"resource must be an absolute URI without a fragment, not {uri!r}")
    return list(resource)


def find_unexpected_scopes(granted: str | None, asked: Iterable[str]) -> tuple[str, ...]:
    """The scopes of a token response that were not asked for (RFC 6749 section 3.3 lets an OP widen them)."""
    scopes = [SCOPE_ALIASES.get(scope, scope) for scope in (granted or "").split()]
    return tuple(scope for scope in scopes if scope not in asked)


def build_refresh_grant(refresh_token: str, scope: Sequence[str] = (), resource: Sequence[str] = ()) -> Form:
    """The form of a refresh token grant (RFC 6749 section 6, RFC 8707 section 2.2).

    Without `scope`, for what was granted before; `resource` has the URIs of the APIs that
    the access token is to be for.
    """
    return _leave_out_empty(
        {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "scope": " ".join(scope),
            "resource": check_resources(resource),
        }
    )


def process_token_response(answer: Answer) -> TokenResponse:
    """Turn an answer of the token endpoint into tokens.

    Raises OPError for an OAuth error response (RFC 6749 section 5.2), OPUnavailableError
    for 5xx and 429, OPResponseError for everything else that is not a token response.
    """
    return _read_tokens(answer, answer.parse())


def process_token_exchange_response(answer: Answer) -> TokenResponse:
    """Turn the answer to a token exchange (RFC 8693 section 2.2.1) into an access token.

    Raises as `process_token_response` does; OPResponseError also for another kind of token than was asked for.
    """
    members = answer.parse()
    if members.get("issued_token_type") != ACCESS_TOKEN_TYPE:
        raise answer.malformed("issued_token_type is not that of an access token")
    return _read_tokens(answer, members)


def _read_tokens(answer: Answer, members: Mapping[str, Any]) -> TokenResponse:
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


def _leave_out_empty(form: Form) -> Form:
    return {name: value for name, value in form.items() if value}
