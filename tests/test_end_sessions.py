"""end_sessions(): the site's own code ends sessions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from oidc_rp.models import OIDCSession
from oidc_rp.providers import UnknownProviderError
from oidc_rp.sessions import end_sessions
from tests.logout.driver import is_signed_in, sign_in_as
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


def user_of(sub: str) -> User:
    user: User = OIDCSession.objects.filter(sub=sub).first().user  # type: ignore[union-attr]
    return user


def test_user_is_signed_out_everywhere(op: FakeOP, other_op: FakeOP, settings: Settings) -> None:
    clients = [sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2"), sign_in_as(op, sid=None)]
    somebody_else = sign_in_as(op, "subject-2", "session-3")
    assert end_sessions(user=user_of("subject-1")) == 3
    assert [is_signed_in(client) for client in clients] == [False, False, False]
    assert is_signed_in(somebody_else)
    assert set(OIDCSession.objects.filter(sub="subject-1").values_list("end_reason", flat=True)) == {"ended_by_site"}


def test_sid_names_one_session_at_one_provider(op: FakeOP, other_op: FakeOP) -> None:
    named, other = sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2")
    elsewhere = sign_in_as(other_op, sid="session-1", alias="other")
    assert end_sessions(sid="session-1") == 1
    assert [is_signed_in(client) for client in (named, other, elsewhere)] == [False, True, True]
    assert end_sessions(sid="session-1", provider="other") == 1
    assert not is_signed_in(elsewhere)


def test_both_end_what_fits_both(op: FakeOP) -> None:
    alice, bob = sign_in_as(op, "alice", "session-1"), sign_in_as(op, "bob", "session-2")
    assert end_sessions(user=user_of("alice"), sid="session-2") == 0
    assert end_sessions(user=user_of("bob"), sid="session-2") == 1
    assert is_signed_in(alice)
    assert not is_signed_in(bob)


@pytest.mark.parametrize("arguments", [{"sid": "nothing"}, {"sid": ""}, {"sid": "session-1", "provider": "other"}])
def test_what_is_not_there_is_none(op: FakeOP, arguments: dict[str, Any]) -> None:
    """An empty `sid` is no wildcard for the sessions of OPs that send none."""
    clients = [sign_in_as(op), sign_in_as(op, sid=None)]
    assert end_sessions(**arguments) == 0
    assert all(is_signed_in(client) for client in clients)


def test_reason_is_kept(op: FakeOP) -> None:
    sign_in_as(op)
    assert end_sessions(user=user_of("subject-1"), reason="password changed") == 1
    assert end_sessions(user=user_of("subject-1"), reason="again") == 0
    assert OIDCSession.objects.get().end_reason == "password changed"


def test_reason_is_cut_to_what_the_row_holds(op: FakeOP) -> None:
    sign_in_as(op)
    end_sessions(user=user_of("subject-1"), reason="x" * 100)
    assert OIDCSession.objects.get().end_reason == "x" * 50


def test_one_of_them_is_needed(db: None) -> None:
    with pytest.raises(TypeError, match="user or sid"):
        end_sessions()


def test_provider_must_exist(db: None) -> None:
    with pytest.raises(UnknownProviderError):
        end_sessions(sid="session-1", provider="nobody")


def test_user_that_is_not_saved_has_no_sessions(op: FakeOP) -> None:
    client = sign_in_as(op)
    with pytest.raises(ValueError, match="must be saved"):
        end_sessions(user=User())
    assert is_signed_in(client)
