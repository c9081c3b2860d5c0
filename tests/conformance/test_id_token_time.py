"""The ID token is of another time, or says no time at all (Core 1.0 section 3.1.3.7, items 9 and 10)."""

from __future__ import annotations

import time

from .attack import WHOLE_LOGIN, Attack, Misbehaviour, attacks, claims
from .op import HostileOP
from .rp import RP

SKEW = 30
OLDEST = 600


def shifted(name: str, seconds: float) -> Misbehaviour:
    """Reckoned when the attack is made, not when this module is read."""
    return lambda op: op.claims.update({name: time.time() + seconds})


@attacks(
    "token_exp",
    calls=WHOLE_LOGIN,
    has_expired=shifted("exp", -SKEW - 5),
    expired_in_1970=claims(exp=0),
    never_expires=claims(exp=None),
    expires_in_words=claims(exp="tomorrow"),
    expires_in_digits_in_quotes=lambda op: op.claims.update(exp=str(int(time.time()) + 300)),
    expires_at_true=claims(exp=True),
    expires_beyond_all_calendars=claims(exp=10**15),
    expired_before_1970=claims(exp=-1),
    expires_in_a_list=claims(exp=[9_999_999_999]),
)
def test_id_token_that_has_expired(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_iat",
    calls=WHOLE_LOGIN,
    was_issued_in_the_future=shifted("iat", SKEW + 30),
    was_issued_long_ago=shifted("iat", -OLDEST - SKEW - 30),
    was_issued_never=claims(iat=None),
    was_issued_in_words=claims(iat="now"),
)
def test_id_token_that_was_not_issued_just_now(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_nbf",
    calls=WHOLE_LOGIN,
    is_not_valid_yet=shifted("nbf", SKEW + 30),
    is_valid_from_words=claims(nbf="soon"),
)
def test_id_token_that_is_not_valid_yet(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_clock_that_is_a_little_off_is_no_attack(rp: RP, op: HostileOP) -> None:
    for seconds in (-SKEW + 10, SKEW - 10):
        shifted("iat", seconds)(op)
        shifted("exp", -SKEW + 10)(op)
        assert rp.try_to_sign_in(prompt="login").status_code == 302
