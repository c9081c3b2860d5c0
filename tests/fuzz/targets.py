"""What is fuzzed: each takes bytes and ends with a valid value or with a typed error that is announced.

Anything else that is raised is a finding. So that the fuzzer gets past signatures and seals, some targets put their
bytes under a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from urllib.parse import parse_qs, urljoin, urlsplit

import jwt
from django.test import RequestFactory

from oidc_rp.cookies import load_logout, load_transaction
from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.authentication import process_authentication_response
from oidc_rp.protocol.errors import (
    AuthenticationResponseError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    TokenError,
)
from oidc_rp.protocol.id_token import validate_id_token
from oidc_rp.protocol.keys import parse_key_set, verify_hmac
from oidc_rp.protocol.logout_token import validate_logout_token
from oidc_rp.protocol.metadata import parse_metadata
from oidc_rp.protocol.strict_json import StrictJSONError, parse_object
from oidc_rp.protocol.tokens import process_token_response
from oidc_rp.protocol.userinfo import process_userinfo_response
from oidc_rp.refresh_cookie import load_refresh_token
from oidc_rp.sealing import seal
from oidc_rp.session_data import AuthenticationContext
from oidc_rp.site_urls import safe_next
from tests.support.tokens import CLIENT, ISSUER, NONCE, NOW

SECRET = "a client secret that is long enough for HS256"
STATE = "state-1"
TRANSACTION_COOKIE = f"__Host-oidc_rp.tx.{sha256(STATE.encode()).hexdigest()[:16]}"
SITE = "https://testserver"
RF = RequestFactory()
HMAC_CLIENT = replace(CLIENT, algorithms=frozenset({"HS256"}))
CONTEXT = AuthenticationContext(
    id="1", provider="default", iss=ISSUER, sub="subject-1", sid=None, acr=None, amr=(),
    auth_time=None, expires_at=None, renewed_at=0, generation=0,
)  # fmt: skip

verify = partial(verify_hmac, client_secrets=[SECRET])


def sign(payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, SECRET, "HS256")


def fuzz_id_token(data: bytes) -> None:
    """The text of an ID token, and claims that are signed."""
    for token in (data.decode("utf-8", "replace"), sign(data)):
        with suppress(TokenError):
            id_token = validate_id_token(token, HMAC_CLIENT, verify, now=NOW, nonce=NONCE, access_token="a")
            assert id_token.iss == ISSUER
            assert id_token.claims["nonce"] == NONCE


def fuzz_logout_token(data: bytes) -> None:
    for token in (data.decode("utf-8", "replace"), sign(data)):
        with suppress(TokenError):
            logout_token = validate_logout_token(token, HMAC_CLIENT, verify, now=NOW)
            assert logout_token.sub or logout_token.sid


def fuzz_cookies(data: bytes) -> None:
    """Each cookie as a browser sends it, and as another version of the package may have sealed it."""
    text = data.decode("utf-8", "replace")
    transactions, logouts = [text], [text]
    with suppress(StrictJSONError):
        parse_object(data)
        transactions.append(f"1.{seal(data, 'transaction', STATE)}")
        logouts.append(seal(data, "logout"))
    request = RF.get("/")
    for request.COOKIES[TRANSACTION_COOKIE] in transactions:
        with suppress(AuthenticationResponseError):
            load_transaction(request, STATE)
    for request.COOKIES["__Host-oidc_rp.logout"] in logouts:
        load_logout(request)
    request.COOKIES |= {f"__Host-oidc_rp.refresh{number or ''}": part for number, part in enumerate(text.split("\n"))}
    assert load_refresh_token(request, CONTEXT, 0) is None


def fuzz_json(data: bytes) -> None:
    with suppress(StrictJSONError):
        assert isinstance(parse_object(data), dict)


def fuzz_key_set(data: bytes) -> None:
    with suppress(StrictJSONError, OPResponseError):
        for key in parse_key_set(parse_object(data)).keys:
            assert key.material is not None


def fuzz_metadata(data: bytes) -> None:
    with suppress(StrictJSONError, OPResponseError):
        assert parse_metadata(parse_object(data), ISSUER).issuer == ISSUER


def fuzz_answers(data: bytes) -> None:
    """Token responses, error responses and userinfo."""
    for status in (200, 400):
        with suppress(OPError, OPResponseError, OPUnavailableError):
            assert process_token_response(Answer("token", status, "", data)).access_token
    for content_type in ("application/json", "application/jwt"):
        with suppress(OPResponseError, TokenError):
            answer = Answer("userinfo", 200, content_type, data)
            claims = process_userinfo_response(answer, sub="1", client=HMAC_CLIENT, verify_signature=verify)
            assert claims["sub"] == "1"


def fuzz_browser(data: bytes) -> None:
    """The query of an authentication response, and `next`."""
    text = data.decode("utf-8", "replace")
    with suppress(AuthenticationResponseError, OPError):
        parameters = parse_qs(text, keep_blank_values=True)
        assert process_authentication_response(parameters, issuer=ISSUER, iss_required=True)
    target = safe_next(RF.get("/", secure=True), text, "/")
    # As a browser takes it, to which a backslash is a slash.
    seen = urlsplit(urljoin(SITE, target.replace("\\", "/")))
    assert f"{seen.scheme}://{seen.netloc}" == SITE


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): function for name, function in list(globals().items()) if name.startswith("fuzz_")
}
