"""Front-channel logout requests that anybody can put into a page (Front-Channel Logout 1.0 section 2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.logout.driver import snapshot

from .op import HostileOP
from .rp import RP

URL = "/oidc/frontchannel-logout/default/"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"sid": "session-1"}, id="leaves_iss_out"),
        pytest.param({"iss": "{issuer}"}, id="leaves_sid_out"),
        pytest.param({"iss": "{issuer}", "sid": ""}, id="leaves_sid_empty"),
        pytest.param({"iss": "https://evil.example", "sid": "session-1"}, id="names_another_issuer"),
        pytest.param({"iss": "{issuer}/", "sid": "session-1"}, id="adds_a_slash_to_the_issuer"),
        pytest.param({"iss": ["{issuer}", "{issuer}"], "sid": "session-1"}, id="names_the_issuer_twice"),
        pytest.param({"iss": "{issuer}", "sid": ["session-1", "session-2"]}, id="names_two_sessions"),
    ],
)
def test_frame_that_is_refused(rp: RP, op: HostileOP, query: dict[str, Any]) -> None:
    rp.sign_in()
    before = snapshot()
    filled = {
        name: [v.format(issuer=op.issuer) for v in ([value] if isinstance(value, str) else value)]
        for name, value in query.items()
    }
    answer = Client().get(URL, filled)
    assert answer.status_code == 400
    assert snapshot() == before
    assert rp.is_signed_in()
    assert op.calls == []


@pytest.mark.parametrize("sid", ["session-2", "SESSION-1", "session-1 ", "session-", "*", "%"])
def test_frame_that_names_another_session(rp: RP, op: HostileOP, sid: str) -> None:
    """An answer like any other: it does not tell which sessions there are."""
    rp.sign_in()
    assert Client().get(URL, {"iss": op.issuer, "sid": sid}).status_code == 200
    assert rp.is_signed_in()


def test_link_without_parameters_signs_nobody_out(rp: RP) -> None:
    rp.sign_in()
    for destination in ("document", "image", "empty", ""):
        assert rp.browser.get(URL, headers={"sec-fetch-dest": destination}).status_code == 200
    assert rp.is_signed_in()


def test_frame_of_the_other_op_signs_nobody_out(rp: RP, attacker: HostileOP) -> None:
    rp.sign_in()
    url = URL.replace("default", "other")
    assert Client().get(url, {"iss": attacker.issuer, "sid": "session-1"}).status_code == 200
    assert rp.browser.get(url, headers={"sec-fetch-dest": "iframe"}).status_code == 200
    assert rp.is_signed_in()


def test_frame_of_the_op_ends_that_session_and_revokes_nothing(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    answer = Client().get(URL, {"iss": op.issuer, "sid": "session-1"})
    assert answer.status_code == 200
    assert not rp.is_signed_in()
    assert op.calls == []
    assert answer["Content-Security-Policy"] == f"default-src 'none'; frame-ancestors {op.issuer}"
    assert "X-Frame-Options" not in answer.headers
