"""Logout that begins here: without the user's will, with a false way back, at an OP that will not (RPI 1.0)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from oidc_rp.flows.logout import OPLogout
from oidc_rp.models import OIDCSession
from oidc_rp.op_logout import end_here_and_at_op
from tests.support.browser import query
from tests.support.loopback import Last

from .attack import Misbehaviour, answers, metadata, misbehaviours, sends
from .op import HostileOP
from .rp import RP
from .test_browser import URLS_THAT_LEAD_AWAY

LOGOUT = "/oidc/logout/"
BACK = "/oidc/logout/callback/"


def test_link_to_the_logout_asks_first(rp: RP) -> None:
    rp.sign_in()
    assert rp.browser.get(LOGOUT).status_code == 200
    assert rp.is_signed_in()


def test_form_on_another_site_signs_nobody_out(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = rp.browser.cookies
    assert strict.post(LOGOUT, headers={"origin": "https://evil.example"}).status_code == 403
    assert rp.is_signed_in()


def test_logout_tells_the_op_what_it_needs(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    answer: Any = rp.sign_out("/private/")
    assert answer["Location"].startswith(f"{op.issuer}/logout?")
    asked = query(answer["Location"])
    assert asked.keys() == {"client_id", "post_logout_redirect_uri", "state", "id_token_hint"}
    assert not rp.is_signed_in(), "whatever the OP does now"
    assert rp.browser.get(BACK, {"state": asked["state"]})["Location"] == "/private/"


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="leaves_it_out"),
        pytest.param({"state": ""}, id="leaves_it_empty"),
        pytest.param({"state": "n-0S6_WzA2Mj"}, id="makes_one_up"),
        pytest.param({"state": "\N{SNOWMAN}"}, id="sends_a_snowman"),
    ],
)
def test_way_back_with_another_state_goes_home(rp: RP, op: HostileOP, state: dict[str, str]) -> None:
    rp.sign_in()
    rp.sign_out("/private/")
    answer = rp.browser.get(BACK, state)
    assert (answer.status_code, answer["Location"]) == (302, "/")


@pytest.mark.parametrize("next_url", URLS_THAT_LEAD_AWAY)
def test_way_on_after_a_logout_stays_on_this_site(rp: RP, op: HostileOP, next_url: str) -> None:
    rp.sign_in()
    asked = query(rp.sign_out(next_url)["Location"])
    assert rp.browser.get(BACK, {"state": asked["state"]})["Location"] == "/"


@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(metadata(end_session_endpoint=None), id="offers_no_logout"),
        pytest.param(metadata(end_session_endpoint="javascript:alert(1)"), id="offers_a_script"),
        pytest.param(sends("metadata", Last([])), id="has_died"),
        pytest.param(metadata(issuer="https://evil.example"), id="has_become_another"),
    ],
)
def test_logout_here_needs_nothing_of_the_op(rp: RP, op: HostileOP, misbehave: Misbehaviour) -> None:
    rp.sign_in()
    misbehave(op)
    rp.forget_documents()
    answer: Any = rp.sign_out("/home/")
    assert (answer.status_code, answer["Location"]) == (302, "/home/")
    assert not rp.is_signed_in()
    assert OIDCSession.objects.get().end_reason == "logout"


@pytest.mark.parametrize(
    ("outcome", "misbehave"),
    [
        pytest.param(
            OPLogout.NEEDS_BROWSER,
            answers("end_session", "", 302, Location="https://evil.example/"),
            id="redirects_elsewhere",
        ),
        pytest.param(
            OPLogout.NEEDS_BROWSER,
            answers("end_session", "<html>Sign out?</html>", Content_Type="text/html"),
            id="asks_a_question",
        ),
        pytest.param(OPLogout.FAILED, answers("end_session", "", 400), id="refuses"),
        pytest.param(OPLogout.FAILED, sends("end_session", Last([])), id="hangs_up"),
        pytest.param(OPLogout.FAILED, answers("end_session", b" " * 2_000_000, 302, Location="/"), id="sends_2_mb"),
        pytest.param(OPLogout.ENDED, answers("end_session", ""), id="does_as_it_is_told"),
    ],
)
def test_administrator_is_told_what_the_op_did(
    rp: RP, op: HostileOP, outcome: OPLogout, misbehave: Misbehaviour
) -> None:
    rp.sign_in()
    misbehave(op)
    ended, outcomes = end_here_and_at_op(list(OIDCSession.objects.all()), "admin", "http://testserver/")
    assert (ended, dict(outcomes)) == (1, {outcome: 1})
    assert not rp.is_signed_in(), "in any case"
    assert op.calls == ["end_session"]


@misbehaviours(
    refuses=answers("revocation", '{"error": "invalid_request"}', 400),
    does_not_know_us=answers("revocation", '{"error": "invalid_client"}', 401),
    is_out_of_order=answers("revocation", "", 503),
    hangs_up=sends("revocation", Last([])),
    redirects_the_tokens_elsewhere=answers("revocation", "", 307, Location="https://evil.example/"),
    sends_2_mb=answers("revocation", b" " * 2_000_000),
)
def test_logout_here_does_not_wait_for_the_revocation(rp: RP, op: HostileOP, misbehave: Misbehaviour) -> None:
    metadata(revocation_endpoint=f"{op.issuer}/revoke")(op)
    rp.sign_in()
    misbehave(op)
    assert rp.sign_out().status_code == 302
    assert not rp.is_signed_in()
    assert "revocation_failed: " in rp.log.text
    assert set(op.calls) == {"revocation"}
    assert not [secret for secret in op.secrets if secret in rp.log.text]
