"""The refresh token's cookie: sealed for one session, HttpOnly, in several parts where one cannot hold it.

The first part begins with the generation of the refresh token and the number of parts, in
the clear: an ordinary request can see without opening anything that its cookie is that
of the session. Nothing rests on it; what counts is under the seal.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponseBase

from .conf import app_settings
from .cookies import SameSite
from .models import digest
from .sealing import SealError, open_sealed, seal
from .session_data import AuthenticationContext

logger = logging.getLogger("oidc_rp")

# Browsers keep 4,096 bytes of name, value and attributes together (RFC 6265 section 6.1).
PART_LENGTH = 3_800
MAX_PARTS = 4
_PURPOSE = "refresh token"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of one session. `issued_at` is when this cookie was made, in Unix seconds."""

    token: str = field(repr=False)
    generation: int
    issued_at: int


def read_generation(request: HttpRequest) -> int | None:
    """The generation that the cookie says its refresh token is of; None without a cookie. Costs next to nothing."""
    generation = request.COOKIES.get(_name(0), "").partition(".")[0]
    return int(generation) if generation.isascii() and generation.isdigit() and len(generation) < 19 else None


def load_refresh_token(request: HttpRequest, context: AuthenticationContext, now: float) -> RefreshToken | None:
    """The refresh token of this session, None if the browser has none that is for it and still valid.

    A cookie that was made for another session, user, provider or purpose does not open, nor
    does one that was changed. One that is older than its lifetime is not used either,
    whatever the browser makes of that.
    """
    _, _, rest = request.COOKIES.get(_name(0), "").partition(".")
    count, _, first = rest.partition(".")
    if not count.isascii() or not count.isdigit() or not 1 <= int(count[:2]) <= MAX_PARTS:
        return None
    parts = [first, *(request.COOKIES.get(_name(number), "") for number in range(1, int(count[:2])))]
    try:
        refresh_token = RefreshToken(**json.loads(open_sealed("".join(parts), _PURPOSE, _owner(context))))
    except (SealError, TypeError):
        return None  # TypeError: of another version of this package
    age = app_settings.refresh_cookie_age
    return refresh_token if age is None or now < refresh_token.issued_at + age else None


def save_refresh_token(
    request: HttpRequest,
    response: HttpResponseBase,
    refresh_token: RefreshToken,
    context: AuthenticationContext,
    session_age: int | None,
) -> None:
    """Put a session's refresh token into its cookie, and delete parts that an earlier, longer one has left.

    `session_age` is for how many seconds the browser keeps the session's cookie, None for
    until it is closed. A refresh token that does not fit is reported and not kept: the
    session goes on as one without.
    """
    sealed = seal(json.dumps(asdict(refresh_token), separators=(",", ":")).encode(), _PURPOSE, _owner(context))
    # The head is as long for each number of parts.
    count = -(-(len(sealed) + len(f"{refresh_token.generation}.0.")) // PART_LENGTH)
    if count > MAX_PARTS:
        logger.error(
            "refresh_token_too_large: provider %r issued one of %d characters, and cookies hold about 11,000. Have it "
            "issue shorter ones: references in place of JWTs, or fewer claims in them.",
            context.provider,
            len(refresh_token.token),
        )
        delete_refresh_token(request, response)
        return
    value = f"{refresh_token.generation}.{count}.{sealed}"
    age = app_settings.refresh_cookie_age
    for number in range(count):
        part = value[number * PART_LENGTH : (number + 1) * PART_LENGTH]
        _set(response, _name(number), part, session_age if age is None else age)
    _delete_from(count, request, response)


def get_session_age(session: SessionBase) -> int | None:
    """For how many seconds the browser keeps a session's cookie; None for until it is closed."""
    return None if session.get_expire_at_browser_close() else session.get_expiry_age()


def delete_refresh_token(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete every part of the cookie that the browser has."""
    _delete_from(0, request, response)


def _delete_from(number: int, request: HttpRequest, response: HttpResponseBase) -> None:
    for later in range(number, MAX_PARTS):
        if _name(later) in request.COOKIES:
            _set(response, _name(later), "", 0)


def _set(response: HttpResponseBase, name: str, value: str, max_age: int | None) -> None:
    samesite: SameSite = app_settings.refresh_cookie_samesite
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=app_settings.refresh_cookie_path,
        secure=True,
        httponly=True,
        samesite=samesite,
    )


def _name(number: int) -> str:
    # The `__Host-` prefix demands Path=/ (RFC 6265bis section 4.1.3.2).
    prefix = "__Host-" if app_settings.refresh_cookie_path == "/" else "__Secure-"
    return f"{prefix}{app_settings.cookie_name}.refresh{number or ''}"


def _owner(context: AuthenticationContext) -> str:
    return digest(context.id, context.provider, context.iss, context.sub)
