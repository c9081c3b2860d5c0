"""When a session is due to be confirmed by its OP: OIDC_RP_SESSION_RENEWAL, and for how long that may wait."""

from __future__ import annotations

from hashlib import sha256

from .conf import app_settings
from .session_data import AuthenticationContext

# An access token is renewed this long before it expires, so that it lives through the call it is for; and
# the sessions of one rush of logins a little apart from each other.
MARGIN_SECONDS = 60
JITTER_SECONDS = 15


def due_at(context: AuthenticationContext) -> int | None:
    """When the session is due, in Unix seconds; None for never.

    "auto" is when the access token has expired, for sessions with a refresh token;
    "expired" the same for all; a number so many seconds after the OP last confirmed it.
    """
    return compute_due(context.expires_at, context.renewed_at, context.generation)


def compute_due(expires_at: int | None, renewed_at: int, generation: int | None) -> int | None:
    """`due_at` from the three facts that it rests on."""
    policy = app_settings.session_renewal
    if policy == "off" or (policy == "auto" and generation is None):
        return None
    return renewed_at + policy if isinstance(policy, int) else expires_at


def is_due(context: AuthenticationContext, now: float) -> bool:
    """Whether the session is due at `now`, in Unix seconds."""
    due = due_at(context)
    return due is not None and now >= due


def is_tolerable(context: AuthenticationContext, now: float) -> bool:
    """Whether a session that may be due can go on for now although it is not renewed."""
    due = due_at(context)
    return due is None or now < due + app_settings.renewal_tolerance


def is_expired(expires_at: int | None, now: float) -> bool:
    """Whether an access token has expired; never, if the OP did not say when it does."""
    return expires_at is not None and now >= expires_at


def is_expiring(context: AuthenticationContext, now: float) -> bool:
    """Whether the access token is to be renewed before it is used.

    The margin is a quarter of its lifetime at most: one that lives for 30 seconds is not
    renewed at each use.
    """
    if context.expires_at is None:
        return False
    jitter = sha256(f"{context.id}{context.generation}".encode()).digest()[0] / 255 * JITTER_SECONDS
    margin = min(MARGIN_SECONDS + jitter, (context.expires_at - context.renewed_at) / 4)
    return now >= context.expires_at - margin
