"""When a session is due, and when an access token is to be renewed before it is used."""

from __future__ import annotations

from typing import Any

import pytest

from oidc_rp.renewal_policy import JITTER_SECONDS, due_at, is_due, is_expired, is_expiring, is_tolerable
from oidc_rp.session_data import AuthenticationContext

NOW = 1_800_000_000


def build(**changes: Any) -> AuthenticationContext:
    """A session that was renewed at NOW and whose access token lives for an hour."""
    values = {
        "id": "a-session", "provider": "default", "iss": "https://op.example", "sub": "subject-1", "sid": None,
        "acr": None, "amr": (), "auth_time": None, "expires_at": NOW + 3_600, "renewed_at": NOW, "generation": 0,
    }  # fmt: skip
    return AuthenticationContext(**{**values, **changes})


@pytest.mark.parametrize(
    ("policy", "changes", "due"),
    [
        ("auto", {}, NOW + 3_600),
        ("auto", {"generation": None}, None),
        ("auto", {"expires_at": None}, None),
        ("expired", {}, NOW + 3_600),
        ("expired", {"generation": None}, NOW + 3_600),
        (300, {}, NOW + 300),
        (300, {"generation": None, "expires_at": None}, NOW + 300),
        ("off", {}, None),
    ],
)
def test_session_is_due(settings: Any, policy: Any, changes: dict[str, Any], due: int | None) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = policy
    context = build(**changes)
    assert due_at(context) == due
    if due is None:
        assert not is_due(context, NOW + 10**9)
        assert is_tolerable(context, NOW + 10**9)
    else:
        assert (is_due(context, due - 1), is_due(context, due)) == (False, True)
        assert (is_tolerable(context, due + 299), is_tolerable(context, due + 300)) == (True, False)


def test_access_token_of_an_op_that_says_nothing_never_expires() -> None:
    assert not is_expired(None, NOW)
    assert not is_expiring(build(expires_at=None), NOW + 10**9)
    assert (is_expired(NOW + 1, NOW), is_expired(NOW, NOW)) == (False, True)


def find_margin(context: AuthenticationContext) -> float:
    assert context.expires_at is not None
    tenths = next(tenths for tenths in range(36_000) if is_expiring(context, context.expires_at - 3_600 + tenths / 10))
    return 3_600 - tenths / 10


def test_access_token_is_renewed_a_minute_early_with_jitter() -> None:
    margins = {find_margin(build(id=f"session-{number}")) for number in range(20)}
    assert all(60 <= margin <= 60 + JITTER_SECONDS for margin in margins)
    assert len(margins) > 5


@pytest.mark.parametrize(("lifetime", "margin"), [(120, 30), (30, 7.5), (2, 0.5)])
def test_access_token_of_a_short_life_is_used_for_most_of_it(lifetime: int, margin: float) -> None:
    context = build(expires_at=NOW + lifetime)
    assert not is_expiring(context, NOW + lifetime - margin - 0.1)
    assert is_expiring(context, NOW + lifetime - margin)
