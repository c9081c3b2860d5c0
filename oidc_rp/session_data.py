"""What is kept of a login: the authentication context in the Django session, the tokens in the row, sealed.

The context is what an ordinary request needs; it costs no query beyond the session's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from .flows.refresh import SessionTokens
from .models import OIDCSession
from .protocol import claims as check
from .sealing import SealError, open_sealed, seal
from .session_guard import SESSION_KEY


@dataclass(frozen=True, slots=True)
class AuthenticationContext:
    """How and by whom the user of a session was authenticated. Times are Unix seconds.

    `expires_at` is that of the access token, None if the OP did not say. `renewed_at` is
    when the OP last confirmed the login. `generation` counts the refresh tokens that the
    session has had, from 0; None if it has none.
    """

    id: str
    provider: str
    iss: str
    sub: str
    sid: str | None
    acr: str | None
    amr: tuple[str, ...]
    auth_time: int | None
    expires_at: int | None
    renewed_at: int
    generation: int | None

    @classmethod
    def from_claims(
        cls,
        claims: Mapping[str, Any],
        *,
        id: str,  # noqa: A002 -- the field's name
        provider: str,
        expires_at: int | None,
        renewed_at: int,
        generation: int | None,
    ) -> AuthenticationContext:
        """The context that a validated ID token's claims amount to."""
        return cls(
            id=id,
            provider=provider,
            iss=claims["iss"],
            sub=claims["sub"],
            sid=check.get_sid(claims),
            acr=check.get_acr(claims),
            amr=check.get_amr(claims),
            auth_time=check.get_auth_time(claims),
            expires_at=expires_at,
            renewed_at=renewed_at,
            generation=generation,
        )


def read_context(session: SessionBase) -> AuthenticationContext | None:
    """The context of a loaded or loadable Django session; None if it was not started by a login here."""
    return parse_context(session.get(SESSION_KEY))


def parse_context(stored: Any) -> AuthenticationContext | None:
    """What a Django session holds under SESSION_KEY as a context; None if it holds nothing usable."""
    if stored is None:
        return None
    try:
        return AuthenticationContext(**{**stored, "amr": tuple(stored["amr"])})
    except (TypeError, KeyError):
        return None  # written by another version of this package: signed out is safe, a crash is not


def load_tokens(session_id: str) -> SessionTokens | None:
    """The tokens behind a session: one query. None if the row is gone or no key opens it any more."""
    sealed = OIDCSession.objects.filter(pk=session_id).values_list("sealed_tokens", flat=True).first()
    return open_tokens(sealed or "", session_id)


def seal_tokens(tokens: SessionTokens, session_id: str) -> str:
    """`tokens` as the row of this session keeps them."""
    return seal(json.dumps(asdict(tokens)).encode(), OIDCSession.SEAL_PURPOSE, session_id)


def open_tokens(sealed: str, session_id: str) -> SessionTokens | None:
    """The reverse of `seal_tokens`; None if it was not sealed for this session, or no key opens it any more."""
    try:
        return SessionTokens(**json.loads(open_sealed(sealed, OIDCSession.SEAL_PURPOSE, str(session_id))))
    except (SealError, TypeError):
        return None  # under another key, or of another version of this package
