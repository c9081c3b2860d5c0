"""Starting and ending sessions: the row, Django's login, and the context in the Django session."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import login as django_login
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest

from .flows.login import Login
from .flows.refresh import SessionTokens
from .logout_receipts import was_logged_out
from .models import OIDCSession, digest
from .protocol.errors import AuthenticationResponseError
from .provider import Provider
from .providers import DEFAULT_ALIAS, providers
from .session_data import AuthenticationContext, read_context, seal_tokens
from .session_guard import SESSION_KEY, guard
from .session_rows import end_row, end_rows
from .signals import session_renewed, session_started


def start_session(request: HttpRequest, provider: Provider, login: Login, user: Any) -> AuthenticationContext:
    """Sign `user` in: the row, Django's login, and the context in the session, which is returned.

    The row comes first: its unique key makes sure that one authentication response
    starts one session, whatever else happens at the same time (a unique constraint, on
    every database). Then the logout receipts are read: a logout that came before the row
    is found here, and one that comes later finds the row. For that, the row must be
    visible to others at once: the caller must not be inside a transaction.
    Raises AuthenticationResponseError if the response has been used already, or if the OP
    has ended the session meanwhile.
    """
    previous = read_context(request.session)
    session_id = uuid4()
    context = AuthenticationContext.from_claims(
        login.id_token.claims,
        id=str(session_id),
        provider=provider.alias,
        expires_at=login.expires_at,
        renewed_at=int(time.time()),
        generation=None if login.tokens.refresh_token is None else 0,
    )
    row = _build_row(session_id, provider, login, user)
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
    session[SESSION_KEY] = asdict(context)
    if not session.keep():
        session.flush()
        raise _ended_at_op()
    session_started.send_robust(sender=OIDCSession, session=row, request=request)
    if previous is not None and (previous.iss, previous.sub) == (row.issuer, row.sub):
        session_renewed.send_robust(sender=OIDCSession, session=row, request=request)
    return context


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


def _build_row(session_id: UUID, provider: Provider, login: Login, user: Any) -> OIDCSession:
    id_token, config = login.id_token, provider.config
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
        sealed_tokens=seal_tokens(tokens, str(session_id)),
        access_expires_at=login.expires_at,
    )
