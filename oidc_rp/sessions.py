"""The signed-in session: what the Django session holds of a login, and the row behind it.

The Django session holds the row's id and the authentication context, so that an ordinary
request asks the database for nothing more. Tokens are in the row, sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import login as django_login
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest

from .flows.login import Login
from .logout_receipts import was_logged_out
from .models import OIDCSession, digest
from .protocol.errors import AuthenticationResponseError
from .provider import Provider
from .providers import DEFAULT_ALIAS, providers
from .sealing import SealError, open_sealed, seal
from .session_guard import SESSION_KEY, guard
from .session_rows import end_row, end_rows
from .signals import session_renewed, session_started


@dataclass(frozen=True, slots=True)
class AuthenticationContext:
    """How and by whom the user of a session was authenticated. Times are Unix seconds."""

    id: str
    provider: str
    iss: str
    sub: str
    sid: str | None
    acr: str | None
    amr: tuple[str, ...]
    auth_time: int | None
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """The tokens of one login, as its row keeps them under seal."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    id_token_claims: Mapping[str, Any] = field(repr=False)
    userinfo: Mapping[str, Any] = field(repr=False)


def start_session(request: HttpRequest, provider: Provider, login: Login, user: Any) -> None:
    """Sign `user` in: the row, Django's login, and the context in the session.

    The row comes first: its unique key makes sure that one authentication response
    starts one session, whatever else happens at the same time (a unique constraint, on
    every database). Then the logout receipts are read: a logout that came before the row
    is found here, and one that comes later finds the row. For that, the row must be
    visible to others at once: the caller must not be inside a transaction.
    Raises AuthenticationResponseError if the response has been used already, or if the OP
    has ended the session meanwhile.
    """
    previous = read_context(request.session)
    row = _build_row(provider, login, user)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise AuthenticationResponseError("this response has been used already", code="state_replayed") from None
    if was_logged_out(row):
        end_row(str(row.pk), "backchannel_logout")
        raise _ended_at_op()
    session = guard(request.session)
    if previous is not None:
        # Before Django changes the key: a request of the old session that is still under way must find that it
        # has ended. And out of the session, which is not to be refused with it.
        end_row(previous.id, "replaced")
        del session[SESSION_KEY]
    key_before = session.session_key
    django_login(request, user)
    if session.session_key == key_before:
        # Django keeps the key when the same user signs in again, as at a step-up.
        session.cycle_key()
    session[SESSION_KEY] = asdict(_build_context(row.id, provider, login))
    if not session.keep():
        session.flush()
        raise _ended_at_op()
    session_started.send_robust(sender=OIDCSession, session=row, request=request)
    if previous is not None and (previous.iss, previous.sub) == (row.issuer, row.sub):
        session_renewed.send_robust(sender=OIDCSession, session=row, request=request)


def end_sessions(
    *, user: Any = None, sid: str | None = None, provider: str = DEFAULT_ALIAS, reason: str = "ended_by_site"
) -> int:
    """End every session of `user`, or the one with the OP's `sid` at `provider`; with both, what fits both.

    They are over at once, in every process. Returns how many were alive. `reason`, at most
    50 characters, is kept in the rows and sent with the signal. Raises TypeError if neither
    is given, UnknownProviderError for an alias that there is not.
    """
    if user is None and sid is None:
        raise TypeError("end_sessions() needs user or sid")
    condition = Q()
    if user is not None:
        condition &= Q(user=user)
    if sid is not None:
        config = providers[provider].config
        condition &= Q(sid_key=digest(config.issuer, config.client_id, sid))
    return end_rows(condition, reason[:50])


def _ended_at_op() -> AuthenticationResponseError:
    return AuthenticationResponseError("the OP ended this session while it was being started", code="session_ended")


def read_context(session: SessionBase) -> AuthenticationContext | None:
    """The context of a loaded or loadable Django session; None if it was not started by a login here."""
    stored = session.get(SESSION_KEY)
    if stored is None:
        return None
    try:
        return AuthenticationContext(**{**stored, "amr": tuple(stored["amr"])})
    except (TypeError, KeyError):
        return None  # written by another version of this package: signed out is safe, a crash is not


def load_tokens(session_id: str) -> SessionTokens | None:
    """The tokens behind a session: one query. None if the row is gone or no key opens it any more."""
    sealed = OIDCSession.objects.filter(pk=session_id).values_list("sealed_tokens", flat=True).first()
    if not sealed:
        return None
    try:
        return SessionTokens(**json.loads(open_sealed(sealed, OIDCSession.SEAL_PURPOSE, str(session_id))))
    except (SealError, TypeError):
        return None  # under another key, or of another version of this package


def _build_row(provider: Provider, login: Login, user: Any) -> OIDCSession:
    id_token, config, session_id = login.id_token, provider.config, uuid4()
    tokens = SessionTokens(
        id_token=id_token.raw,
        access_token=login.tokens.access_token,
        id_token_claims=id_token.claims,
        userinfo=login.userinfo,
    )
    return OIDCSession(
        id=session_id,
        login_key=digest(login.transaction.state),
        alias=provider.alias,
        issuer=id_token.iss,
        client_id=config.client_id,
        sub=id_token.sub,
        sid=id_token.sid or "",
        sub_key=digest(id_token.iss, config.client_id, id_token.sub),
        sid_key=digest(id_token.iss, config.client_id, id_token.sid) if id_token.sid else "",
        user_id=user.pk,
        acr=(id_token.acr or "")[:255],
        amr=list(id_token.amr),
        auth_time=None if id_token.auth_time is None else datetime.fromtimestamp(id_token.auth_time, UTC),
        issued_at=int(id_token.claims["iat"]),
        sealed_tokens=seal(json.dumps(asdict(tokens)).encode(), OIDCSession.SEAL_PURPOSE, str(session_id)),
    )


def _build_context(session_id: UUID, provider: Provider, login: Login) -> AuthenticationContext:
    id_token = login.id_token
    return AuthenticationContext(
        id=str(session_id),
        provider=provider.alias,
        iss=id_token.iss,
        sub=id_token.sub,
        sid=id_token.sid,
        acr=id_token.acr,
        amr=id_token.amr,
        auth_time=id_token.auth_time,
        expires_at=login.expires_at,
    )
