"""The ID token is by another issuer (Core 1.0 section 3.1.3.7, item 2)."""

from __future__ import annotations

from .attack import BEFORE_KEYS, Attack, Misbehaviour, attacks, claims
from .rp import RP


def issuer_and(end: str) -> Misbehaviour:
    return lambda op: op.claims.update(iss=op.issuer + end)


@attacks(
    "token_iss",
    calls=BEFORE_KEYS,
    names_another_issuer=claims(iss="https://accounts.example"),
    names_none=claims(iss=None),
    names_ours_in_a_list=lambda op: op.claims.update(iss=[op.issuer]),
    adds_a_slash=issuer_and("/"),
    adds_a_path=issuer_and("/realms/evil"),
    adds_a_line_break=issuer_and("\n"),
    writes_it_in_capitals=lambda op: op.claims.update(iss=op.issuer.upper()),
    leaves_out_the_scheme=lambda op: op.claims.update(iss=op.issuer.removeprefix("http://")),
    fills_the_tenant_into_a_placeholder=issuer_and("/00000000-0000-0000-0000-000000000000/v2.0"),
)
def test_id_token_of_another_issuer(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)
