"""A step-up that the OP does not give, or gives to somebody else (Core 1.0 section 3.1.3.7, RFC 9470)."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from django.urls import path
from pytest_django.fixtures import Settings

from oidc_rp.models import OIDCSession
from tests.logout.driver import snapshot
from tests.support import step_up_site
from tests.support.browser import Response, complete
from tests.support.keys import private_key, sign
from tests.support.loopback import Last
from tests.urls import private

from .attack import Misbehaviour, both, claims, minted, misbehaviours, response, sends, tokens
from .op import HostileOP
from .rp import RP

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [*step_up_site.urlpatterns, path("private/", private)]

VISIT = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
# What would be enough: everything but the one thing that an attack changes.
strong = claims(acr="mfa", amr=["pwd", "otp"])


@pytest.fixture(autouse=True)
def signed_in(rp: RP, settings: Settings) -> None:
    """By password, at a site whose page of payments wants a second factor, at most five minutes old."""
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"], "max_age": 300}}
    rp.sign_in()


def visit(rp: RP) -> Response:
    return rp.browser.get("/payment/", headers=VISIT)


def step_up(rp: RP) -> Response:
    """To the OP and back."""
    begun = visit(rp)
    assert begun.status_code == 302, begun.content
    return complete(rp.browser, rp.op.authorize(begun["Location"]))


def refuses(rp: RP, misbehave: Misbehaviour, code: str, status: int = 403, calls: str = "token") -> None:
    """The session is what it was, nobody else's has begun, and the page is not shown."""
    before = snapshot()
    both(strong, misbehave)(rp.op)
    rp.check_refusal(step_up(rp), code, calls, status)
    assert snapshot() == before
    assert rp.is_signed_in()
    assert rp.browser.get("/oidc/session/").json()["acr"] == "pwd"
    assert visit(rp).status_code != 200


@misbehaviours(
    ignores_the_demand=claims(acr="pwd"),
    says_nothing_of_it=claims(acr=None),
    says_it_in_another_case=claims(acr="MFA"),
    says_it_in_amr_alone=claims(acr=None, amr=["mfa"]),
    says_both_in_one=claims(acr="pwd mfa"),
)
def test_step_up_that_is_too_weak(rp: RP, misbehave: Misbehaviour) -> None:
    refuses(rp, misbehave, "acr_not_met")


@misbehaviours(
    takes_a_login_of_an_hour_ago=lambda op: op.claims.update(auth_time=int(time.time()) - 3_600),
    does_not_say_when=claims(auth_time=None),
    says_zero_for_not_known=claims(auth_time=0),
)
def test_step_up_that_is_too_old(rp: RP, misbehave: Misbehaviour) -> None:
    refuses(rp, misbehave, "max_age_not_met")


@misbehaviours(
    signs_somebody_else_in=claims(sub="subject-2"),
    signs_the_administrator_in=claims(sub="admin", email="alice@example.com", email_verified=True),
    writes_the_subject_in_capitals=claims(sub="SUBJECT-1"),
)
def test_step_up_of_another_user(rp: RP, misbehave: Misbehaviour) -> None:
    """The strength of one must not become that of another."""
    refuses(rp, misbehave, "sub_not_met")


@misbehaviours(
    cannot_reach_it=response(code=None, error="unmet_authentication_requirements"),
    denies_access=response(code=None, error="access_denied"),
    answers_in_the_name_of_nobody=response(code=None, iss=None, error="access_denied"),
)
def test_step_up_that_the_op_refuses(rp: RP, misbehave: Misbehaviour) -> None:
    refuses(rp, misbehave, "op_error", calls="")


@misbehaviours(
    was_in_the_future=lambda op: op.claims.update(auth_time=int(time.time()) + 3_600),
    was_in_words=claims(auth_time="just now"),
)
def test_step_up_at_no_time(rp: RP, misbehave: Misbehaviour) -> None:
    refuses(rp, misbehave, "token_auth_time", 502)


def test_step_up_that_the_op_did_not_sign(rp: RP) -> None:
    forged = minted(lambda right: sign(right, key=private_key(name="k2")))
    refuses(rp, forged, "token_signature", 502)


def test_step_up_with_the_id_token_of_another_login(rp: RP) -> None:
    refuses(rp, claims(nonce="n-0S6_WzA2Mj"), "token_nonce", 502)


def test_step_up_without_id_token(rp: RP) -> None:
    refuses(rp, tokens(id_token=None), "id_token_missing", 502)


def test_step_up_while_the_op_is_dead(rp: RP) -> None:
    refuses(rp, sends("token", Last([])), "op_unreachable", 503)


def test_step_up_that_another_op_answers(rp: RP, attacker: HostileOP) -> None:
    """It would say whatever is wanted."""
    begun = visit(rp)
    both(strong, response(state=None))(attacker)
    forged = {**attacker.authorize(begun["Location"]), "state": rp.op.authorize(begun["Location"])["state"]}
    rp.check_refusal(complete(rp.browser, forged), "iss_mismatch", calls="", status=400)
    assert visit(rp).status_code == 302
    assert attacker.calls == []


def test_login_at_another_op_counts_for_nothing(rp: RP, attacker: HostileOP) -> None:
    """The alias is another OP's now, and only its own OP says what an acr means."""
    strong(rp.op)
    assert step_up(rp).status_code == 302
    assert visit(rp).status_code == 200
    rp.configure(ISSUER=attacker.issuer, CLIENT_ID=attacker.client_id)
    assert visit(rp).status_code != 200


def test_step_up_does_not_last_longer_than_it_may(rp: RP) -> None:
    strong(rp.op)
    assert step_up(rp).status_code == 302
    assert visit(rp).status_code == 200
    with time_machine.travel(time.time() + 400, tick=False):
        assert visit(rp).status_code != 200


def test_step_up_changes_the_key_of_the_session(rp: RP) -> None:
    before = rp.browser.cookies["sessionid"].value
    strong(rp.op)
    assert step_up(rp)["Location"] == "/payment/"
    assert rp.browser.cookies["sessionid"].value != before
    assert [row.acr for row in OIDCSession.objects.filter(ended_at=None)] == ["mfa"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"demand": "x"}, id="makes_one_up"),
        pytest.param({"demand": ""}, id="leaves_it_empty"),
        pytest.param({}, id="leaves_it_out"),
        pytest.param({"demand": '{"max_age": 31536000}'}, id="writes_it_in_the_clear"),
    ],
)
def test_link_to_a_step_up_that_was_not_made_here(rp: RP, change: dict[str, Any]) -> None:
    answer = rp.browser.get("/oidc/step-up/", change)
    assert (answer.status_code, answer.json()["error"]) == (400, "step_up_link")
    assert rp.op.calls == []


def test_script_is_challenged_and_not_redirected(rp: RP) -> None:
    answer = rp.browser.get("/payment/", headers={"accept": "application/json", "sec-fetch-mode": "cors"})
    assert answer.status_code == 401
    assert 'error="insufficient_user_authentication"' in answer["WWW-Authenticate"]
    assert 'acr_values="mfa"' in answer["WWW-Authenticate"]
    assert rp.op.calls == []
