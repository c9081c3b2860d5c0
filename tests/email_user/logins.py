"""Logins of a site whose users are keyed by e-mail; run by tests/test_email_user.py under this folder's settings."""

from __future__ import annotations

import pytest
from django.test import Client

from oidc_rp.models import OIDCIdentity
from tests.email_user.models import Account
from tests.support.browser import JSON, begin, complete, get_error, sign_in
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


def test_account_is_made_from_the_email_claim(client: Client, op: FakeOP) -> None:
    assert sign_in(client, op, "/x/")["Location"] == "/x/"
    assert Account.objects.get().email == "alice@example.com"
    assert client.get("/oidc/session/").json()["username"] == "alice@example.com"


def test_account_follows_the_subject_when_the_email_changes(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    op.claims["email"] = "alice@new.example"
    sign_in(Client(), op)
    assert Account.objects.get().email == "alice@new.example"
    assert OIDCIdentity.objects.count() == 1


def test_account_of_somebody_else_is_not_taken_over(client: Client, op: FakeOP) -> None:
    Account.objects.create(email="alice@example.com")
    begun = begin(client)
    assert get_error(complete(client, op.authorize(begun["Location"]), headers=JSON)) == (403, "user_conflict")
    assert not OIDCIdentity.objects.exists()


def test_account_needs_the_email_claim(client: Client, op: FakeOP) -> None:
    op.claims["email"] = None
    begun = begin(client)
    assert get_error(complete(client, op.authorize(begun["Location"]), headers=JSON)) == (403, "username_missing")


def test_account_is_not_made_under_the_beginning_of_an_address(client: Client, op: FakeOP) -> None:
    op.claims["email"] = "a" * 48 + "@example.com" + ".evil.example"
    begun = begin(client)
    assert get_error(complete(client, op.authorize(begun["Location"]), headers=JSON)) == (403, "username_too_long")
    assert not Account.objects.exists()
