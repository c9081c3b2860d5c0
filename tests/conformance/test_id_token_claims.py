"""Claims of the ID token about the user and the session that are none (Core 1.0 section 2)."""

from __future__ import annotations

from django.contrib.auth.models import User

from .attack import WHOLE_LOGIN, Attack, attacks, claims
from .op import HostileOP
from .rp import RP


@attacks(
    "token_sub",
    calls=WHOLE_LOGIN,
    names_nobody=claims(sub=None),
    names_an_empty_subject=claims(sub=""),
    names_a_number=claims(sub=1),
    names_several=claims(sub=["subject-1", "admin"]),
    names_a_subject_of_256_characters=claims(sub="s" * 256),
)
def test_id_token_about_no_subject(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_sid",
    calls=WHOLE_LOGIN,
    gives_a_list=claims(sid=["session-1"]),
    gives_an_empty_one=claims(sid=""),
    gives_one_of_1025_characters=claims(sid="s" * 1_025),
)
def test_id_token_with_a_sid_that_is_none(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("token_acr", calls=WHOLE_LOGIN, gives_a_number=claims(acr=2), gives_a_list=claims(acr=["mfa"]))
def test_id_token_with_an_acr_that_is_none(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("token_amr", calls=WHOLE_LOGIN, gives_an_object=claims(amr={"pwd": True}), gives_numbers=claims(amr=[1]))
def test_id_token_with_an_amr_that_is_none(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_malformed",
    calls="metadata token",
    puts_nul_into_the_subject=claims(sub="subject-1\0"),
    puts_half_a_character_into_the_subject=claims(sub="\ud800"),
    puts_nul_into_a_name=claims(given_name="Al\0ice"),
    puts_nul_into_the_name_of_a_claim=claims(**{"x\0": 1}),
)
def test_id_token_with_what_no_database_stores(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_subject_of_another_person_in_other_letters_is_another_person(rp: RP, op: HostileOP) -> None:
    for sub in ("subject-1", "Subject-1", "subject-1 ", "\u017fubject-1"):
        op.claims["sub"] = sub
        assert rp.try_to_sign_in(prompt="login").status_code == 302
    assert User.objects.count() == 4


def test_profile_of_odd_types_fills_nothing(rp: RP, op: HostileOP) -> None:
    op.claims.update(email=["a"], given_name={"b": 1}, family_name=5, amr=None, auth_time=0, acr=None, sid=None)
    rp.sign_in()
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("", "", "")
    assert not user.is_staff
    assert not user.is_superuser


def test_claims_that_name_privileges_give_none(rp: RP, op: HostileOP) -> None:
    """Only CLAIMS_MAPPING gives any, and this site has none."""
    op.claims.update(is_staff=True, is_superuser=True, groups=["admin"], username="root", password="x", pk=1)
    rp.sign_in()
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert user.username != "root"
    assert not user.has_usable_password()
