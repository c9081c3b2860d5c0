"""Tokens name keys that the OP does not have, to make the RP fetch, look in odd places, or choose wrongly (row 45)."""

from __future__ import annotations

import pytest

from tests.support.keys import jwk, private_key, sign

from .attack import WHOLE_LOGIN, Attack, Misbehaviour, attacks, both, header, minted
from .op import HostileOP
from .rp import RP


def offers_its_own_key(place: str) -> Misbehaviour:
    """The token is signed with a key of the attacker's and says where that key is to be had."""

    def misbehave(op: HostileOP) -> None:
        own = {"jwk": jwk(name="k2"), "jku": f"{op.issuer}/evil", "x5u": f"{op.issuer}/evil", "x5c": ["MIIB"]}[place]
        op.mint = lambda claims: sign(claims, name="k2", key=private_key(name="k2"), header={place: own, "kid": "k1"})

    return misbehave


@attacks(
    "token_key_unknown",
    calls=WHOLE_LOGIN,
    names_a_key_that_is_not_there=header(kid="k9"),
    names_a_file=header(kid="../../../../dev/null"),
    names_a_query=header(kid="k1' UNION SELECT 'secret"),
    names_a_command=header(kid="k1|cat /etc/passwd"),
    names_a_url=header(kid="https://evil.example/jwks"),
    names_it_in_another_case=header(kid="K1"),
    names_it_with_a_space=header(kid="k1 "),
    names_nothing=header(kid=""),
    names_a_key_of_another_kind=both(header(kid="k1"), minted(lambda claims: sign(claims, "ES256", "k1"))),
)
def test_key_that_the_op_does_not_have(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "token_signature",
    calls=WHOLE_LOGIN,
    embeds_its_own_key=offers_its_own_key("jwk"),
    says_where_its_own_key_is=offers_its_own_key("jku"),
    says_where_its_certificate_is=offers_its_own_key("x5u"),
    embeds_its_certificate=offers_its_own_key("x5c"),
)
def test_key_that_the_token_brings_along(rp: RP, attack: Attack) -> None:
    """The calls say it too: nobody went to /evil."""
    rp.refuses(attack)


@pytest.mark.parametrize("tokens", [50])
def test_storm_of_unknown_keys_is_no_storm_of_fetches(rp: RP, op: HostileOP, tokens: int) -> None:
    rp.sign_in()
    for number in range(tokens):
        op.header["kid"] = f"unknown-{number}"
        answer = rp.try_to_sign_in(prompt="login")
        assert (answer.status_code, answer.json()["error"]) == (502, "token_key_unknown")
    assert op.calls.count("jwks") <= 1
    assert op.calls.count("metadata") == 0
    assert rp.is_signed_in(), "the session that there was goes on"
