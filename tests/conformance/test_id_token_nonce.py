"""The ID token is of another login: injected, replayed, or without a mark (Core 1.0 section 3.1.3.7, item 11)."""

from __future__ import annotations

from django.test import Client

from oidc_rp.models import OIDCSession
from tests.support.browser import begin, complete
from tests.support.keys import sign

from .attack import WHOLE_LOGIN, Attack, attacks, claims, minted, tokens
from .op import HostileOP
from .rp import RP


@attacks(
    "token_nonce",
    calls=WHOLE_LOGIN,
    brings_the_nonce_of_another_login=claims(nonce="n-0S6_WzA2Mj"),
    brings_none=claims(nonce=None),
    brings_an_empty_one=claims(nonce=""),
    brings_a_number=claims(nonce=0),
    brings_a_list_with_the_right_one=minted(lambda claims: sign({**claims, "nonce": [claims["nonce"]]})),
    brings_true=claims(nonce=True),
    brings_one_that_is_not_ascii=claims(nonce="\N{SNOWMAN}"),
)
def test_id_token_of_another_login(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_stolen_code_in_the_login_of_the_attacker(rp: RP, op: HostileOP) -> None:
    """Code injection: the OP takes the code although the verifier is not its own, and the nonce still tells."""
    op.authorize(begin(Client())["Location"])  # the victim's login, whose nonce the ID token will have
    op.claims["nonce"] = op.nonce
    op.calls.clear()
    answer = rp.try_to_sign_in()
    rp.check_refusal(answer, "token_nonce", calls="token jwks")
    assert not OIDCSession.objects.exists()


def test_nothing_of_the_tokens_is_used_before_the_nonce(rp: RP, op: HostileOP) -> None:
    rp.configure(FETCH_USERINFO=True)
    rp.refuses(Attack(claims(nonce="n-0S6_WzA2Mj"), "token_nonce", WHOLE_LOGIN))
    assert "userinfo" not in op.calls


def test_id_token_of_the_last_login_again(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    again = op.build_id_token()
    tokens(id_token=again)(op)
    answer = rp.try_to_sign_in(prompt="login")
    assert (answer.status_code, answer.json()["error"]) == (502, "token_nonce")
    assert rp.is_signed_in(), "by the first login"
    assert OIDCSession.objects.count() == 1


def test_response_that_is_completed_twice(rp: RP, op: HostileOP) -> None:
    first = op.authorize(begin(rp.browser, "/private/")["Location"])
    assert complete(rp.browser, first).status_code == 302
    rp.sign_out()
    answer = complete(rp.browser, first)
    assert (answer.status_code, answer.json()["error"]) == (400, "state_unknown")
    assert op.calls.count("token") == 1
