"""The access token is not the one that the ID token was issued with (Core 1.0 section 3.1.3.8)."""

from __future__ import annotations

from tests.support.keys import jwk
from tests.support.tokens import hash_half

from .attack import WHOLE_LOGIN, Attack, Misbehaviour, attacks, both, claims, tokens
from .op import HostileOP
from .rp import RP


def hashed(algorithm: str) -> Misbehaviour:
    """`at_hash` of an access token that is known beforehand."""
    return both(tokens(access_token="the-access-token"), claims(at_hash=hash_half("the-access-token", algorithm)))


def signed_with(alg: str) -> Misbehaviour:
    def misbehave(op: HostileOP) -> None:
        op.alg, op.keys = alg, [jwk(alg)]

    return misbehave


@attacks(
    "token_at_hash",
    calls=WHOLE_LOGIN,
    swaps_the_access_token=claims(at_hash=hash_half("another-access-token", "sha256")),
    gives_an_empty_hash=claims(at_hash=""),
    gives_a_list=claims(at_hash=["x"]),
    gives_a_number=claims(at_hash=0),
    gives_false=claims(at_hash=False),
    takes_another_hash_than_alg_says=hashed("sha512"),
    takes_the_hash_of_rs256_for_eddsa=both(signed_with("EdDSA"), hashed("sha256")),
    is_not_ascii=claims(at_hash="\N{SNOWMAN}"),
)
def test_access_token_of_another_id_token(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_access_token_of_this_id_token(rp: RP, op: HostileOP) -> None:
    hashed("sha256")(op)
    rp.sign_in()
