"""What django-pyoidc keeps of a login: a row with the session's key, and its `state` in the session."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django_pyoidc.models import OIDCSession

from .logout_data import SignedIn


def build_user(subject: str) -> Any:
    return get_user_model()(username=subject)


def keep(logins: Sequence[SignedIn]) -> list[dict[str, Any]]:
    rows = OIDCSession.objects.bulk_create(
        OIDCSession(state=secrets.token_hex(16), sub=login.subject, cache_session_key=login.session_key)
        for login in logins
    )
    return [{"oidc_sid": row.state} for row in rows]
