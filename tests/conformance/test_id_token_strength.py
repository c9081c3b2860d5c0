"""The OP did not authenticate the user as it was asked to, or says so (Core 1.0 section 3.1.3.7, items 12 and 13)."""

from __future__ import annotations

import time

from .attack import WHOLE_LOGIN, Attack, Misbehaviour, attacks, claims
from .rp import RP


def signed_in(seconds_ago: float) -> Misbehaviour:
    return lambda op: op.claims.update(auth_time=time.time() - seconds_ago)


@attacks(
    "acr_not_met",
    status=403,
    calls=WHOLE_LOGIN,
    takes_the_password_alone=claims(acr="pwd"),
    says_nothing=claims(acr=None),
    says_it_in_another_case=claims(acr="MFA"),
    says_both_in_one=claims(acr="pwd mfa"),
    says_it_in_amr_only=claims(acr=None, amr=["mfa"]),
)
def test_login_weaker_than_acr_values(rp: RP, attack: Attack) -> None:
    rp.configure(ACR_VALUES=["mfa"])
    rp.refuses(attack)


@attacks(
    "max_age_not_met",
    status=403,
    calls=WHOLE_LOGIN,
    takes_a_login_of_an_hour_ago=signed_in(3_600),
    does_not_say_when=claims(auth_time=None),
    says_zero_for_not_known=claims(auth_time=0),
    says_zero_point_zero=claims(auth_time=0.0),
)
def test_login_older_than_max_age(rp: RP, attack: Attack) -> None:
    rp.configure(MAX_AGE=60)
    rp.refuses(attack)


@attacks(
    "token_auth_time",
    calls=WHOLE_LOGIN,
    takes_a_login_of_tomorrow=signed_in(-86_400),
    says_it_in_words=claims(auth_time="just now"),
    says_it_in_quotes=claims(auth_time="1800000000"),
    says_true=claims(auth_time=True),
    says_it_is_infinite=claims(auth_time=10**300),
    says_it_was_before_1970=claims(auth_time=-1),
)
def test_login_at_no_time(rp: RP, attack: Attack) -> None:
    rp.configure(MAX_AGE=60)
    rp.refuses(attack)


def test_login_just_now_and_strong_enough(rp: RP) -> None:
    rp.configure(MAX_AGE=60, ACR_VALUES=["mfa"])
    claims(acr="mfa", auth_time=time.time() - 1.5)(rp.op)
    rp.sign_in()
