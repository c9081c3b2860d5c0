"""The authentication response lacks what it needs, or has more of it than it may (RFC 6749 sections 3.1 and 4.1.2)."""

from __future__ import annotations

import pytest

from tests.support.browser import CALLBACK, begin, complete

from .attack import Attack, attacks, response
from .op import HostileOP
from .rp import RP


@attacks(
    "code_missing",
    status=400,
    calls="metadata",
    sends_nothing=response(code=None),
    sends_an_empty_code=response(code=""),
    sends_an_id_token_in_the_front_channel=response(code=None, id_token="eyJhbGciOiJub25lIn0.e30."),
    sends_an_access_token_in_the_front_channel=response(code=None, access_token="token", token_type="Bearer"),
    sends_a_response_object=response(code=None, response="eyJhbGciOiJub25lIn0.e30."),
    sends_an_empty_error=response(code=None, error=""),
)
def test_response_without_code(rp: RP, attack: Attack) -> None:
    """Implicit and hybrid flows, and JARM, are not negotiated, so nothing of them is taken."""
    rp.refuses(attack)


@attacks(
    "response_parameter_repeated",
    status=400,
    calls="metadata",
    sends_two_codes=response(code=["code-1", "code-2"]),
    sends_one_code_twice=response(code=["code-1", "code-1"]),
    sends_two_errors=response(code=None, error=["access_denied", "login_required"]),
)
def test_response_with_a_parameter_twice(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "response_parameter_too_long",
    status=400,
    calls="metadata",
    sends_a_code_of_17_kb=response(code="c" * 17_000),
    sends_an_error_of_17_kb=response(code=None, error="e" * 17_000),
    sends_a_description_of_17_kb=response(code=None, error="access_denied", error_description="d" * 17_000),
)
def test_response_with_a_parameter_that_is_too_long(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        pytest.param(None, "state_unknown", id="leaves_it_out"),
        pytest.param("", "state_unknown", id="leaves_it_empty"),
        pytest.param("n-0S6_WzA2Mj", "state_unknown", id="makes_one_up"),
        pytest.param("\0", "state_unknown", id="sends_nul"),
        pytest.param("../../transaction", "state_unknown", id="sends_a_path"),
        pytest.param(["a", "b"], "response_parameter_repeated", id="sends_two"),
        pytest.param("s" * 17_000, "response_parameter_too_long", id="sends_17_kb"),
    ],
)
def test_response_with_a_state_that_was_not_sent(
    rp: RP, op: HostileOP, state: str | list[str] | None, code: str
) -> None:
    """Nobody knows whose login it was, so that of the other tab goes on."""
    begun = begin(rp.browser, "/private/")
    right = op.authorize(begun["Location"])
    wrong = {name: value for name, value in {**right, "state": state}.items() if value is not None}
    answer = complete(rp.browser, wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert op.calls == ["metadata"]
    assert complete(rp.browser, right)["Location"] == "/private/"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json", "text/plain"])
def test_response_posted_where_a_redirect_was_agreed(rp: RP, op: HostileOP, content_type: str) -> None:
    right = op.authorize(begin(rp.browser)["Location"])
    answer = rp.browser.post(CALLBACK, "&".join(f"{n}={v}" for n, v in right.items()), content_type=content_type)
    assert (answer.status_code, answer.json()["error"]) == (400, "response_mode")
    assert op.calls == ["metadata"]


def test_response_posted_as_agreed(rp: RP, op: HostileOP) -> None:
    rp.configure(RESPONSE_MODE="form_post")
    right = op.authorize(begin(rp.browser, "/private/")["Location"])
    assert op.request["response_mode"] == "form_post"
    answer = rp.browser.post(CALLBACK, right, headers={"origin": op.issuer})
    assert (answer.status_code, answer["Location"]) == (302, "/private/")
