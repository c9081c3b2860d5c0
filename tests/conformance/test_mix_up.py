"""One of two OPs is the attacker's, and brings the codes of the other to itself (RFC 9700 section 4.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oidc_rp.models import OIDCSession
from tests.support.browser import begin, complete

from .op import HostileOP
from .rp import RP


def test_code_for_one_op_at_the_callback_of_the_other(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    honest = op.authorize(begin(rp.browser)["Location"])
    answer = complete(rp.browser, honest, alias="other")
    rp.check_refusal(answer, "provider_mismatch", calls="metadata", status=400)
    assert attacker.calls == [], "which never sees the code"


def test_code_from_the_attacker_at_the_callback_of_the_honest_op(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    forged = attacker.authorize(begin(rp.browser, alias="other")["Location"])
    answer = complete(rp.browser, forged)
    rp.check_refusal(answer, "provider_mismatch", calls="", status=400)
    assert attacker.calls == ["metadata"]


@pytest.mark.parametrize("says", [lambda op: op.issuer, lambda op: None], ids=["and_says_so", "and_hides_it"])
def test_attacker_sends_the_browser_on_to_the_honest_op(
    rp: RP, op: HostileOP, attacker: HostileOP, says: Callable[[HostileOP], str | None]
) -> None:
    """The classic: the user chose the attacker's OP, which had them sign in at the honest one, with the same state."""
    begun = begin(rp.browser, alias="other")
    honest = op.authorize(begun["Location"])
    response = {**honest, "iss": says(op)}
    answer = complete(rp.browser, {name: v for name, v in response.items() if v is not None}, alias="other")
    code = "iss_mismatch" if says(op) else "iss_missing"
    rp.check_refusal(answer, code, calls="", status=400)
    assert attacker.calls == ["metadata"], "which never sees the code"


def test_attacker_names_the_token_endpoint_of_the_honest_op(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """Its tokens are then those of the honest OP, for a client that this one does not know."""
    attacker.metadata["token_endpoint"] = f"{op.issuer}/token"
    begun = begin(rp.browser, alias="other")
    op.authorize(begun["Location"])
    answer = complete(rp.browser, attacker.authorize(begun["Location"]), alias="other")
    assert (answer.status_code, answer.json()["error"]) == (502, "op_error")
    assert not OIDCSession.objects.exists()


def test_attacker_speaks_for_the_honest_op_in_its_id_token(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    attacker.claims.update(iss=op.issuer, aud=op.client_id)
    begun = begin(rp.browser, alias="other")
    answer = complete(rp.browser, attacker.authorize(begun["Location"]), alias="other")
    assert (answer.status_code, answer.json()["error"]) == (502, "token_iss")
    assert attacker.calls == ["metadata", "token"]
    assert not OIDCSession.objects.exists()


def test_keys_of_the_attacker_sign_for_nobody_else(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """Both publish a key of the same name. What the site knows of one OP's keys it uses for that OP only."""
    assert (
        complete(
            rp.browser, attacker.authorize(begin(rp.browser, alias="other")["Location"]), alias="other"
        ).status_code
        == 302
    )
    op.keys = []
    answer = complete(rp.browser, op.authorize(begin(rp.browser, prompt="login")["Location"]))
    assert (answer.status_code, answer.json()["error"]) == (502, "token_key_unknown")


def test_same_subject_at_the_attacker_is_another_user(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    rp.sign_in()
    mine = OIDCSession.objects.get().user_id
    begun = begin(rp.browser, alias="other", prompt="login")
    assert complete(rp.browser, attacker.authorize(begun["Location"]), alias="other").status_code == 302
    assert OIDCSession.objects.get(ended_at=None).user_id != mine


def test_redirect_uri_is_one_for_each_op(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    op.authorize(begin(rp.browser)["Location"])
    attacker.authorize(begin(rp.browser, alias="other")["Location"])
    assert op.request["redirect_uri"].endswith("/oidc/callback/default/")
    assert attacker.request["redirect_uri"].endswith("/oidc/callback/other/")
