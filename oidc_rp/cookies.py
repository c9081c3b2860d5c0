"""This app's cookies: names, attributes, and the pending logins and logouts in them.

All carry the `__Host-` prefix, Secure and HttpOnly (OAuth 2.0 for Browser-Based Apps
section 6.1.3.2). A pending login has a cookie of its own, named from its `state`, so that
several tabs do not disturb each other and no server-side store can be flooded by visitors
who only ever start.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Literal

from django.http import HttpRequest, HttpResponseBase

from .conf import app_settings
from .flows.logout import PendingLogout
from .flows.transaction import LIFETIME_SECONDS, Transaction
from .protocol.errors import AuthenticationResponseError
from .sealing import SealError, open_sealed, seal

MAX_PENDING = 5
_TRANSACTION = "transaction"
_LOGOUT = "logout"

SameSite = Literal["Lax", "Strict", "None"]


def cookie_name(part: str) -> str:
    """The full name of one of this app's cookies."""
    return f"__Host-{app_settings.cookie_name}.{part}"


def set_cookie(response: HttpResponseBase, name: str, value: str, *, max_age: int, samesite: SameSite = "Lax") -> None:
    """Set a cookie with the attributes that `__Host-` demands, and HttpOnly."""
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite=samesite)


def delete_cookie(response: HttpResponseBase, name: str) -> None:
    """Delete a cookie. Without Secure, browsers would ignore the header for a `__Host-` name."""
    set_cookie(response, name, "", max_age=0)


def save_transaction(
    request: HttpRequest, response: HttpResponseBase, transaction: Transaction, *, cross_site: bool
) -> None:
    """Put a pending login into its cookie; beyond the newest five, older ones are deleted.

    `cross_site` is for form_post: its response is a POST from the OP's site, on which
    browsers send no SameSite=Lax cookies.
    """
    # Of exactly our form: what a browser sends may have a name that no header can be written with.
    ours = re.compile(re.escape(cookie_name("tx.")) + "[0-9a-f]{16}")
    pending = [name for name, value in request.COOKIES.items() if value and ours.fullmatch(name)]
    pending.sort(key=lambda name: _read_age_mark(request.COOKIES[name]), reverse=True)
    for name in pending[MAX_PENDING - 1 :]:
        delete_cookie(response, name)
    set_cookie(
        response,
        _transaction_name(transaction.state),
        # The time in front only serves to find the oldest; what counts is the one under the seal.
        f"{transaction.created_at * 1_000:.0f}.{seal(transaction.serialize(), _TRANSACTION, transaction.state)}",
        max_age=LIFETIME_SECONDS,
        samesite="None" if cross_site else "Lax",
    )


def load_transaction(request: HttpRequest, state: str) -> Transaction | None:
    """The pending login that `state` names, None if this browser has none of that name.

    Raises AuthenticationResponseError if its cookie has been tampered with, truncated or
    swapped for another.
    """
    value = request.COOKIES.get(_transaction_name(state))
    if not value:  # Django's test client keeps deleted cookies, empty
        return None
    try:
        return Transaction.deserialize(open_sealed(value.partition(".")[2], _TRANSACTION, state))
    except SealError as error:
        raise AuthenticationResponseError(f"the pending login: {error}", code="transaction_invalid") from None


def delete_transaction(response: HttpResponseBase, state: str) -> None:
    """End a pending login: its `state` works once, whatever came of it."""
    delete_cookie(response, _transaction_name(state))


def save_logout(response: HttpResponseBase, pending: PendingLogout) -> None:
    """Remember the logout that the browser is sent to the OP for."""
    set_cookie(response, cookie_name("logout"), seal(pending.serialize(), _LOGOUT), max_age=LIFETIME_SECONDS)


def load_logout(request: HttpRequest) -> PendingLogout | None:
    """The logout that this browser was sent to the OP for, None if there is none or it cannot be read."""
    value = request.COOKIES.get(cookie_name("logout"), "")
    try:
        return PendingLogout.deserialize(open_sealed(value, _LOGOUT))
    except (SealError, ValueError, TypeError):
        return None


def _transaction_name(state: str) -> str:
    # A hash, because `state` came from outside when it is looked up: it must not choose cookie names.
    return cookie_name(f"tx.{sha256(state.encode()).hexdigest()[:16]}")


def _read_age_mark(value: str) -> int:
    mark = value.partition(".")[0]
    return int(mark) if mark.isascii() and mark.isdigit() and len(mark) < 15 else 0
