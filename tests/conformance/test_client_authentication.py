"""An OP, or who stands behind its metadata, is after the client's credentials (RFC 9700 section 2.5, FAPI 2.0)."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.keys import private_key

from .attack import metadata
from .op import SECRET, HostileOP
from .rp import RP


@pytest.fixture
def assertion_rp(rp: RP) -> RP:
    """A client that signs an assertion, and an OP that looks at no credentials itself."""
    pem = private_key("ES256", "client").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    rp.configure(CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_KEY=pem, CLIENT_SECRET=None)
    return rp


def read_assertion(form: dict[str, str], audience: Any) -> dict[str, Any]:
    key = private_key("ES256", "client").public_key()
    claims: dict[str, Any] = jwt.decode(form["client_assertion"], key, ["ES256"], audience=audience)
    return claims


def test_assertion_cannot_be_replayed_at_another_op(assertion_rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """The metadata name the attacker's token endpoint: what arrives there is made out to the issuer alone."""
    metadata(token_endpoint=f"{attacker.issuer}/token")(op)
    assert assertion_rp.try_to_sign_in().status_code == 502
    (form,) = attacker.forms
    claims = read_assertion(form, op.issuer)
    assert claims["aud"] == op.issuer, "a string, and not the URL that it was sent to"
    assert claims["exp"] - claims["iat"] <= 60
    assert (claims["iss"], claims["sub"]) == (op.client_id, op.client_id)


def test_assertion_is_new_each_time(assertion_rp: RP, op: HostileOP) -> None:
    for _ in range(2):
        assertion_rp.try_to_sign_in()
    first, second = [read_assertion(form, op.issuer) for form in op.forms if form]
    assert first["jti"] != second["jti"]


def test_secret_stays_secret_from_an_op_that_refuses_it(rp: RP, op: HostileOP) -> None:
    op.overrides["token"] = lambda: (401, {}, f'{{"error": "invalid_client", "error_description": "{SECRET}"}}')
    answer = rp.try_to_sign_in()
    rp.check_refusal(answer, "op_error", calls="metadata token")


def test_secret_is_encoded_before_it_is_sent(rp: RP, op: HostileOP) -> None:
    """Otherwise a colon in the client's name would move the border between name and secret."""
    rp.configure(CLIENT_ID="client:1", CLIENT_SECRET="a&b=c:d é%")
    rp.try_to_sign_in()
    scheme, _, pair = op.headers[-1]["Authorization"].partition(" ")
    name, _, secret = b64decode(pair).decode().partition(":")
    assert scheme == "Basic"
    assert (unquote_plus(name), unquote_plus(secret)) == ("client:1", "a&b=c:d é%")


def test_old_secret_is_tried_only_where_the_new_one_is_refused(rp: RP, op: HostileOP) -> None:
    rp.configure(CLIENT_SECRET=[SECRET, "the old secret"])
    rp.sign_in()
    op.overrides["token"] = (400, {}, '{"error": "invalid_grant"}')
    rp.try_to_sign_in(prompt="login")
    assert op.calls == ["token"]
    op.calls.clear()
    op.overrides["token"] = (401, {}, '{"error": "invalid_client"}')
    rp.try_to_sign_in(prompt="login")
    assert op.calls == ["token", "token"], "and then no more"


def test_secret_is_in_no_url(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    assert "client_secret" not in op.request
    assert "client_secret" not in op.forms[1]


def test_only_the_authorization_code_is_ever_redeemed(rp: RP, op: HostileOP) -> None:
    metadata(grant_types_supported=["password", "implicit"], response_types_supported=["token", "id_token"])(op)
    rp.sign_in()
    assert op.request["response_type"] == "code"
    assert op.forms[1]["grant_type"] == "authorization_code"
