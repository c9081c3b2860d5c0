"""Keys of rows: exact, of fixed length, and never the same for two different things."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from oidc_rp.models import OIDCIdentity, OIDCSession, digest

parts = st.lists(st.text(), min_size=1, max_size=3)


@given(parts, parts)
def test_digest_tells_all_tuples_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("", "a")),
        (("a",), ("a", "")),
        (("Alice",), ("alice",)),
        (("\u00e9",), ("e\u0301",)),
    ],
)
def test_digest_does_not_run_parts_together(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert digest(*left) != digest(*right)
    assert len(digest(*left)) == 64


@pytest.mark.django_db
def test_identity_is_unique_by_issuer_and_subject() -> None:
    user = User.objects.create_user("alice")
    key = OIDCIdentity.make_key("https://op.example", "s")
    OIDCIdentity.objects.create(key=key, issuer="https://op.example", sub="s", user=user)
    with pytest.raises(IntegrityError):
        OIDCIdentity.objects.create(key=key, issuer="https://op.example", sub="s", user=user)


def test_rows_say_who_they_are() -> None:
    assert str(OIDCIdentity(issuer="https://op.example", sub="s")) == "s at https://op.example"
    row = OIDCSession(issuer="https://op.example", sub="s", created_at=datetime(2026, 11, 23, 20, 57, tzinfo=UTC))
    assert str(row) == "s at https://op.example, since 2026-11-23 20:57"


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "oidc_rp", check=True, dry_run=True, verbosity=0)
