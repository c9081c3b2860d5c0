"""Userinfo is about somebody else, by somebody else, or nothing at all (Core 1.0 section 5.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from oidc_rp.models import OIDCSession
from oidc_rp.session_data import load_tokens
from tests.support.keys import private_key, sign
from tests.support.tokens import compact

from .attack import WHOLE_LOGIN, Attack, Misbehaviour, answers, attacks, both, metadata, userinfo
from .op import HostileOP
from .rp import RP

CALLS = f"{WHOLE_LOGIN} userinfo"


@pytest.fixture(autouse=True)
def fetched(rp: RP) -> None:
    rp.configure(FETCH_USERINFO=True)


def signed(make: Any = sign, **claims: Any) -> Misbehaviour:
    """A signed answer, right but for these claims and for how `make` makes it."""

    def misbehave(op: HostileOP) -> None:
        right = {"iss": op.issuer, "aud": op.client_id, "sub": "subject-1", **claims}
        content = make({name: value for name, value in right.items() if value is not None})
        op.overrides["userinfo"] = (200, {"Content-Type": "application/jwt"}, content)

    return misbehave


@attacks(
    "token_sub",
    calls=CALLS,
    is_about_somebody_else=userinfo(sub="subject-2"),
    is_about_nobody=userinfo(sub=None),
    is_about_the_subject_in_capitals=userinfo(sub="SUBJECT-1"),
    is_about_several=userinfo(sub=["subject-1"]),
    is_signed_and_about_somebody_else=signed(sub="subject-2"),
    is_signed_and_about_nobody=signed(sub=None),
)
def test_userinfo_about_another_subject(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_signature",
    calls=f"{CALLS}",
    signs_with_a_key_of_its_own=signed(lambda claims: sign(claims, key=private_key(name="k2"))),
)
def test_userinfo_that_the_op_did_not_sign(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_alg",
    calls=CALLS,
    signs_nothing=signed(lambda claims: compact({"alg": "none"}, claims)),
    uses_an_algorithm_that_was_not_agreed=signed(lambda claims: sign(claims, "RS384")),
)
def test_userinfo_with_an_algorithm_of_its_own(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("token_iss", calls=CALLS, names_another_issuer=signed(iss="https://evil.example"))
def test_userinfo_of_another_issuer(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("token_aud", calls=CALLS, names_another_client=signed(aud="client-2"))
def test_userinfo_for_another_client(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_answer_malformed",
    calls=CALLS,
    is_a_list=answers("userinfo", '["subject-1"]'),
    has_two_subjects=answers("userinfo", '{"sub": "subject-1", "sub": "admin"}'),
    is_a_token_that_does_not_say_so=answers("userinfo", sign({"sub": "subject-1"})),
)
def test_userinfo_that_is_no_json_object(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_malformed",
    calls=CALLS,
    is_json_that_says_it_is_a_token=answers("userinfo", '{"sub": "subject-1"}', Content_Type="application/jwt"),
)
def test_userinfo_that_is_no_token(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "op_error",
    calls=CALLS,
    does_not_take_the_access_token=answers("userinfo", json.dumps({"error": "invalid_token"}), 401),
)
def test_userinfo_that_is_refused(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("op_status", calls=CALLS, answers_401_and_nothing_else=answers("userinfo", "", 401))
def test_userinfo_that_is_refused_without_a_word(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_userinfo_does_not_overrule_the_id_token(rp: RP, op: HostileOP) -> None:
    userinfo(email="victim@example.com", email_verified=True, iss="https://evil.example", acr="mfa")(op)
    rp.sign_in()
    assert User.objects.get().email == "alice@example.com"
    row = OIDCSession.objects.get()
    assert (row.issuer, row.acr) == (op.issuer, "pwd")


def test_userinfo_signed_by_the_op_is_taken(rp: RP, op: HostileOP) -> None:
    both(signed(department="Sales"))(op)
    rp.sign_in()
    stored = load_tokens(str(OIDCSession.objects.get().pk))
    assert stored is not None
    assert stored.userinfo["department"] == "Sales"


def test_userinfo_that_is_not_offered_is_not_asked_for(rp: RP, op: HostileOP) -> None:
    metadata(userinfo_endpoint=None)(op)
    assert rp.try_to_sign_in().status_code == 302
    assert op.calls == WHOLE_LOGIN.split()
