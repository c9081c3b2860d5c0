"""What oidc_rp keeps of a login: a row, and the authentication context in the session."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from oidc_rp.models import OIDCSession, digest
from oidc_rp.session_data import AuthenticationContext
from oidc_rp.session_guard import SESSION_KEY

from .logout_data import SignedIn
from .settings import OP
from .tokens import CLIENT_ID

ALIAS = "default"
# As long as sealed tokens are that are none too long.
SEALED = "sealed tokens " * 150


def build_user(subject: str) -> Any:
    return get_user_model()(username=subject)


def keep(logins: Sequence[SignedIn]) -> list[dict[str, Any]]:
    expires_at = timezone.now() + timedelta(days=14)
    rows = OIDCSession.objects.bulk_create(
        OIDCSession(
            login_key=digest(uuid.uuid4().hex),
            alias=ALIAS,
            issuer=OP,
            client_id=CLIENT_ID,
            sub=login.subject,
            sid=login.sid,
            sub_key=digest(OP, CLIENT_ID, login.subject),
            sid_key=digest(OP, CLIENT_ID, login.sid),
            user_id=login.user_id,
            session_key=login.session_key,
            amr=["pwd", "otp"],
            expires_at=expires_at,
            sealed_tokens=SEALED,
        )
        for login in logins
    )
    return [{SESSION_KEY: asdict(_build_context(row))} for row in rows]


def _build_context(row: OIDCSession) -> AuthenticationContext:
    return AuthenticationContext(
        id=str(row.pk),
        provider=row.alias,
        iss=row.issuer,
        sub=row.sub,
        sid=row.sid,
        acr="1",
        amr=tuple(row.amr),
        auth_time=None,
        expires_at=None,
        renewed_at=0,
        generation=None,
    )
