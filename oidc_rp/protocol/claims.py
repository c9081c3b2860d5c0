"""Checks of single claims, shared by every kind of token. Each cites what it implements.

All comparisons are plain string comparisons (Core 1.0 section 2, RFC 9207 section 2.4),
and all take the time as Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ClaimError

MAX_SUB_LENGTH = 255
MAX_SID_LENGTH = 1_024
# How long ago a token may have been issued that we have just asked for. Entra ID dates its
# tokens back by five minutes.
MAX_TOKEN_AGE = 600


def check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """Core 1.0 section 3.1.3.7, item 2: `iss` is exactly the issuer of this provider."""
    if claims.get("iss") != issuer:
        raise ClaimError("iss", "is not the configured issuer", expected=issuer, actual=_shown(claims.get("iss")))


def check_audience(claims: Mapping[str, Any], client_id: str, trusted_audiences: frozenset[str]) -> None:
    """Core 1.0 section 3.1.3.7, item 3: `aud` contains our client_id and no audience that we do not trust."""
    if claims.get("aud") == client_id:  # by far the most common
        return
    audiences = get_audiences(claims)
    if client_id not in audiences:
        raise ClaimError("aud", "does not contain our client_id", expected=client_id, actual=_shown(audiences))
    untrusted = [audience for audience in audiences if audience != client_id and audience not in trusted_audiences]
    if untrusted:
        raise ClaimError("aud", "contains audiences that are not trusted", expected=client_id, actual=_shown(untrusted))


def get_audiences(claims: Mapping[str, Any]) -> list[str]:
    """`aud` as a list, from either of its two forms (RFC 7519 section 4.1.3); empty if it has neither."""
    audience = claims.get("aud")
    if isinstance(audience, str):
        return [audience]
    if isinstance(audience, list) and all(isinstance(member, str) for member in audience):
        return audience
    return []


def check_authorized_party(claims: Mapping[str, Any], client_id: str) -> None:
    """Core 1.0 section 3.1.3.7, items 4 and 5: `azp` is us, and present if there are several audiences."""
    authorized_party = claims.get("azp")
    if authorized_party is None and len(get_audiences(claims)) == 1:
        return
    if authorized_party != client_id:
        raise ClaimError("azp", "is not our client_id", expected=client_id, actual=_shown(authorized_party))


def check_expiration(claims: Mapping[str, Any], now: float, clock_skew: float) -> None:
    """Core 1.0 section 3.1.3.7, item 9: the time is before `exp`; `nbf`, if there, has come (RFC 7519 4.1.5)."""
    expires = get_time(claims, "exp")
    if expires is None:
        raise ClaimError("exp", "is missing")
    if now >= expires + clock_skew:
        raise ClaimError("exp", "has passed", expected=f"after {now:.0f}", actual=expires)
    check_not_before(claims, now, clock_skew)


def check_not_before(claims: Mapping[str, Any], now: float, clock_skew: float) -> None:
    """RFC 7519 section 4.1.5: `nbf`, if there, has come."""
    not_before = get_time(claims, "nbf")
    if not_before is not None and now < not_before - clock_skew:
        raise ClaimError("nbf", "has not come", expected=f"at most {now:.0f}", actual=not_before)


def check_issued_at(claims: Mapping[str, Any], now: float, clock_skew: float) -> None:
    """Core 1.0 section 3.1.3.7, item 10: `iat` is neither in the future nor long ago."""
    issued = get_time(claims, "iat")
    if issued is None:
        raise ClaimError("iat", "is missing")
    if issued > now + clock_skew:
        raise ClaimError("iat", "is in the future", expected=f"at most {now:.0f}", actual=issued)
    if issued < now - MAX_TOKEN_AGE - clock_skew:
        raise ClaimError("iat", "is too long ago", expected=f"at least {now - MAX_TOKEN_AGE:.0f}", actual=issued)


def check_subject(claims: Mapping[str, Any]) -> None:
    """Core 1.0 section 2: `sub` is a string of 1 to 255 characters."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUB_LENGTH:
        raise ClaimError("sub", "is not a string of 1 to 255 characters")


def get_time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate claim (RFC 7519 section 2) in Unix seconds, None if absent; ClaimError if not a number."""
    value = claims.get(name)
    if value is None:
        return None
    # Not isinstance, to which a bool is an int. The bounds keep out what no datetime can hold, NaN too.
    if type(value) not in (int, float) or not 0 <= value < 10**12:
        raise ClaimError(name, "is not a time in seconds")
    seconds: float = value
    return seconds


def get_auth_time(claims: Mapping[str, Any]) -> int | None:
    """`auth_time` in whole Unix seconds (Core 1.0 section 2).

    Some OPs send a float, or 0 for "not known"; 0 is read as absent, so that it can
    never count as a time of authentication.
    """
    return int(get_time(claims, "auth_time") or 0) or None


def get_sid(claims: Mapping[str, Any]) -> str | None:
    """`sid`, any string of 1 to 1,024 characters (Front-Channel Logout 1.0 section 3), None if absent."""
    sid = _get_string(claims, "sid")
    if sid is not None and not 0 < len(sid) <= MAX_SID_LENGTH:
        raise ClaimError("sid", "is not a string of 1 to 1,024 characters")
    return sid


def get_acr(claims: Mapping[str, Any]) -> str | None:
    """`acr` (Core 1.0 section 2), None if absent."""
    return _get_string(claims, "acr")


def get_amr(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """`amr` (Core 1.0 section 2), empty if absent. A single string is taken as a list of one."""
    methods = claims.get("amr")
    if methods is None:
        return ()
    if isinstance(methods, str):
        return (methods,)
    if isinstance(methods, list) and all(isinstance(method, str) for method in methods):
        return tuple(methods)
    raise ClaimError("amr", "is not a list of strings")


def _get_string(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise ClaimError(name, "is not a string")
    return value


def _shown(value: object) -> object:
    """Evidence for a log: bounded, and never a structure that a hostile OP has blown up."""
    return repr(value)[:200]
