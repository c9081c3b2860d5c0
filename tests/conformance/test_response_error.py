"""The OP answers the authentication request with an error, or with what it calls one (Core 1.0 section 3.1.2.6)."""

from __future__ import annotations

from typing import Any

from tests.support.browser import begin, complete

from .attack import Attack, attacks, response
from .op import HostileOP
from .rp import RP


def error(name: str, description: str | None = None) -> Any:
    return response(code=None, error=name, error_description=description)


@attacks(
    "op_error",
    status=403,
    calls="metadata",
    denies_access=error("access_denied"),
    wants_the_user_to_sign_in=error("login_required"),
    wants_consent=error("consent_required"),
    cannot_reach_the_acr=error("unmet_authentication_requirements"),
    makes_up_an_error=error("nothing_that_is_registered"),
    sends_markup=error("<script>alert(1)</script>", "<script>alert(2)</script>"),
    sends_a_line_for_the_log=error("x\r\nINFO oidc_rp signed in as admin", "y\nz"),
    sends_an_error_beside_a_code=response(error="access_denied"),
    leaves_iss_out=response(code=None, iss=None, error="access_denied"),
)
def test_response_that_refuses_the_user(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)
    assert "\nINFO oidc_rp signed in" not in rp.log.text


@attacks(
    "op_error",
    calls="metadata",
    does_not_know_us=error("unauthorized_client"),
    cannot_read_the_request=error("invalid_request"),
    has_a_fault_of_its_own=error("server_error"),
)
def test_response_that_refuses_the_site(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks("op_error", status=503, calls="metadata", has_no_time=error("temporarily_unavailable"))
def test_response_that_asks_for_patience(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_markup_is_shown_as_text(rp: RP, op: HostileOP) -> None:
    rp.browser.defaults["HTTP_ACCEPT"] = "text/html"
    error("access_denied", "<script>alert(1)</script>")(op)
    page = rp.try_to_sign_in().content.decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_code_that_is_quoted_in_the_description_is_not_told(rp: RP, op: HostileOP) -> None:
    begun = begin(rp.browser, "/private/")
    right = op.authorize(begun["Location"])
    answer = complete(rp.browser, {**right, "error": "access_denied", "error_description": f"bad code {op.code}"})
    rp.check_refusal(answer, "op_error", calls="metadata", status=403)


def test_error_out_of_the_blue_signs_nobody_out(rp: RP) -> None:
    rp.sign_in()
    answer = complete(rp.browser, {"error": "access_denied"})
    assert (answer.status_code, answer["Location"]) == (302, "/home/")
    assert rp.is_signed_in()


def test_silent_login_that_fails_comes_back_quietly(rp: RP, op: HostileOP) -> None:
    error("interaction_required")(op)
    answer = rp.try_to_sign_in(prompt="none")
    assert (answer.status_code, answer["Location"]) == (302, "/private/")
    assert op.calls == ["metadata"]
    assert not rp.is_signed_in()
