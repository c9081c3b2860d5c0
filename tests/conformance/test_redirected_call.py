"""An endpoint sends the RP's own call elsewhere, with the code, the secret or the access token in it (row 55)."""

from __future__ import annotations

import json

import pytest

from .attack import Attack, answers, metadata, sends
from .op import HostileOP
from .rp import RP

CALLS = {"metadata": "metadata", "token": "metadata token", "jwks": "metadata token jwks"}
CALLS["userinfo"] = f"{CALLS['jwks']} userinfo"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("endpoint", CALLS)
def test_redirect_is_not_followed(rp: RP, op: HostileOP, attacker: HostileOP, endpoint: str, status: int) -> None:
    """307 and 308 would repeat the POST, body and all; the others would repeat the header."""
    rp.configure(FETCH_USERINFO=True)
    away = answers(endpoint, "", status, Location=f"{attacker.issuer}/{endpoint}")
    rp.refuses(Attack(away, "op_redirect", CALLS[endpoint]))
    assert attacker.calls == []


@pytest.mark.parametrize("location", ["/token2", "//evil.example/", "", "javascript:alert(1)", "http://[::1"])
def test_redirect_is_not_followed_to_the_op_itself_either(rp: RP, op: HostileOP, location: str) -> None:
    rp.refuses(Attack(answers("token", "", 307, Location=location), "op_redirect", CALLS["token"]))


def test_secret_goes_to_the_token_endpoint_alone(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """Keys and userinfo may be on other hosts, as Google's are. They see neither the secret nor the code."""
    metadata(jwks_uri=f"{attacker.issuer}/jwks", userinfo_endpoint=f"{attacker.issuer}/userinfo")(op)
    rp.configure(FETCH_USERINFO=True)
    rp.sign_in()
    jwks, userinfo = attacker.headers
    assert "Authorization" not in jwks
    assert userinfo["Authorization"] == f"Bearer {op.access_token}"
    assert attacker.forms == [{}, {}]
    assert not any("Cookie" in headers or "Referer" in headers for headers in attacker.headers)


def test_redirect_is_refused_before_its_body_is_read(rp: RP, op: HostileOP) -> None:
    """Which here has no end, and could as well be a compressed one of gigabytes."""
    rp.configure(TIMEOUT=1)
    endless = [b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", *[b" "] * 10_000]
    rp.refuses(Attack(sends("token", endless), "op_redirect", CALLS["token"]))


def test_cookies_of_the_op_are_not_kept(rp: RP, op: HostileOP) -> None:
    jwks = json.dumps({"keys": op.keys})
    op.overrides["jwks"] = (200, {"Set-Cookie": "user=alice; Path=/"}, jwks)
    rp.sign_in()
    assert rp.try_to_sign_in(prompt="login").status_code == 302
    assert not any("Cookie" in headers for headers in op.headers)
