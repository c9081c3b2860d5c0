"""The signed-in session: what the Django session holds of a login, and the row behind it.

The Django session holds the row's id and the authentication context, so that an ordinary
request asks the database for nothing more. Tokens are in the row, sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import login as django_login
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from .flows.login import Login
from .models import OIDCSession, digest
from .protocol.errors import AuthenticationResponseError
from .provider import Provider
from .sealing import SealError, open_sealed, seal

SESSION_KEY = "_oidc_rp"


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

    id_token: str
    access_token: str
    id_token_claims: Mapping[str, Any]
    userinfo: Mapping[str, Any]


def start_session(request: HttpRequest, provider: Provider, login: Login, user: Any) -> None:
    """Sign `user` in: the row, Django's login, and the context in the session.

    The row comes first: its unique key makes sure that one authentication response
    starts one session, whatever else happens at the same time (a unique constraint, on
    every database). Raises AuthenticationResponseError if this one has been used already.
    """
    previous = read_context(request.session)
    row = _build_row(provider, login, user)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise AuthenticationResponseError("this response has been used already", code="state_replayed") from None
    django_login(request, user)
    request.session[SESSION_KEY] = asdict(_build_context(row.id, provider, login))
    OIDCSession.objects.filter(pk=row.pk).update(session_key=request.session.session_key or "")
    if previous is not None:
        end_row(previous.id, "replaced")


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
        opened = open_sealed(sealed, OIDCSession.SEAL_PURPOSE, str(session_id))
    except SealError:
        return None
    return SessionTokens(**json.loads(opened))


def end_row(session_id: str, reason: str) -> None:
    """Mark a row as ended and drop its tokens. One that has ended keeps its first reason."""
    OIDCSession.objects.filter(pk=session_id, ended_at=None).update(
        ended_at=timezone.now(), end_reason=reason, sealed_tokens=""
    )


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
