"""What django-lasuite keeps of a login: `sid` in the session, and `sub` with the user. It has no tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .lasuite_users.models import User
from .logout_data import SignedIn


def build_user(subject: str) -> Any:
    return User(username=subject, sub=subject)


def keep(logins: Sequence[SignedIn]) -> list[dict[str, Any]]:
    return [{"oidc_sid": login.sid} for login in logins]
