"""An OP, or a user of it, wants somebody else's account here (PROBLEMS: the e-mail address as identity)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from oidc_rp.models import OIDCIdentity

from .attack import WHOLE_LOGIN, Attack, attacks, claims
from .rp import RP

NEARLY = ["al\u0131ce@example.com", "alice@example.com ", "alice@example.com\n", "%", ["alice@example.com"]]


@pytest.fixture
def victim(rp: RP) -> User:
    """An account of this site that no OP is linked to."""
    return User.objects.create_user(
        "alice", "alice@example.com", first_name="Alice", last_name="Example", is_staff=True
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="where_linking_is_off"),
        pytest.param({"LINK_BY_EMAIL": True}, id="without_having_verified_it"),
    ],
)
def test_address_of_the_victim_makes_another_account(rp: RP, victim: User, options: dict[str, Any]) -> None:
    rp.configure(**options)
    claims(email=victim.email, email_verified=not options)(rp.op)
    rp.sign_in()
    assert OIDCIdentity.objects.get().user != victim
    assert not OIDCIdentity.objects.get().user.is_staff


@pytest.mark.parametrize("verified", ["true", 1, "1", [True], None], ids=repr)
def test_address_that_is_nearly_verified_links_nobody(rp: RP, victim: User, verified: object) -> None:
    rp.configure(LINK_BY_EMAIL=True)
    claims(email=victim.email, email_verified=verified)(rp.op)
    rp.sign_in()
    assert OIDCIdentity.objects.get().user != victim


@pytest.mark.parametrize("email", NEARLY, ids=repr)
def test_address_that_is_nearly_the_victims_links_nobody(rp: RP, victim: User, email: object) -> None:
    rp.configure(LINK_BY_EMAIL=True)
    claims(email=email, email_verified=True)(rp.op)
    rp.sign_in()
    assert OIDCIdentity.objects.get().user != victim


@attacks(
    "user_linked",
    status=403,
    calls=WHOLE_LOGIN,
    gets_the_address_of_a_predecessor=claims(sub="subject-2", email="alice@example.com", email_verified=True),
)
def test_address_that_has_changed_hands(rp: RP, victim: User, attack: Attack) -> None:
    rp.configure(LINK_BY_EMAIL=True)
    OIDCIdentity.objects.create(
        key=OIDCIdentity.make_key(rp.op.issuer, "subject-1"),
        issuer=rp.op.issuer,
        sub="subject-1",
        user=victim,
        email_verified=True,
    )
    rp.refuses(attack)


@attacks(
    "user_unknown",
    status=403,
    calls=WHOLE_LOGIN,
    is_unknown_here=claims(sub="subject-9"),
    claims_to_be_the_super_user=claims(sub="admin", is_superuser=True),
)
def test_user_that_nobody_has_made(rp: RP, attack: Attack) -> None:
    rp.configure(CREATE_USERS=False)
    rp.refuses(attack)


@attacks("user_inactive", status=403, calls=WHOLE_LOGIN, was_locked_out=claims(sub="subject-1"))
def test_user_that_was_locked_out(rp: RP, victim: User, attack: Attack) -> None:
    User.objects.update(is_active=False)
    OIDCIdentity.objects.create(
        key=OIDCIdentity.make_key(rp.op.issuer, "subject-1"),
        issuer=rp.op.issuer,
        sub="subject-1",
        user=victim,
        email_verified=True,
    )
    rp.refuses(attack)
