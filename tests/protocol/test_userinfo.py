from __future__ import annotations

import json
from typing import Any

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import (
    AlgorithmError,
    ClaimError,
    MalformedTokenError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    SignatureError,
    TokenError,
)
from oidc_rp.protocol.keys import parse_key_set
from oidc_rp.protocol.userinfo import process_userinfo_response
from tests.support.keys import jwk, private_key, sign
from tests.support.tokens import CLIENT, CLIENT_ID, ISSUER, compact

KEYS = parse_key_set({"keys": [jwk()]})


def process(body: str | bytes, content_type: str = "application/json", status: int = 200) -> Any:
    data = body.encode() if isinstance(body, str) else body
    answer = Answer("userinfo", status, content_type, data)
    return process_userinfo_response(answer, sub="subject-1", client=CLIENT, verify_signature=KEYS.verify_signature)


def process_signed(token: str | bytes, content_type: str = "application/jwt") -> Any:
    return process(token, content_type)


def test_claims_about_the_same_subject_are_accepted() -> None:
    claims = {"sub": "subject-1", "email": "alice@example.com"}
    assert process(json.dumps(claims)) == claims


@pytest.mark.parametrize("sub", [None, "", "subject-2", "subject-10", "SUBJECT-1", ["subject-1"], 1])
def test_claims_about_another_subject_are_refused(sub: Any) -> None:
    with pytest.raises(ClaimError) as caught:
        process(json.dumps({"sub": sub}))
    assert (caught.value.claim, caught.value.actual) == ("sub", None)


def test_signed_claims_about_another_subject_are_refused() -> None:
    with pytest.raises(ClaimError) as caught:
        process_signed(sign({"sub": "subject-2", "iss": ISSUER, "aud": CLIENT_ID}))
    assert caught.value.claim == "sub"


@pytest.mark.parametrize("content_type", ["application/jwt", "Application/JWT; charset=utf-8"])
@pytest.mark.parametrize("claims", [{}, {"iss": ISSUER}, {"iss": ISSUER, "aud": [CLIENT_ID]}])
def test_a_signed_answer_is_verified(content_type: str, claims: dict[str, Any]) -> None:
    claims = {"sub": "subject-1", **claims}
    assert process_signed(sign(claims) + "\n", content_type) == claims


@pytest.mark.parametrize(
    ("token", "error", "code"),
    [
        pytest.param(
            sign({"sub": "subject-1", "iss": "https://evil.example"}), ClaimError, "token_iss", id="iss_of_another_op"
        ),
        pytest.param(sign({"sub": "subject-1", "aud": "another"}), ClaimError, "token_aud", id="aud_another_client"),
        pytest.param(sign({"sub": "subject-1", "aud": None}), ClaimError, "token_aud", id="aud_null"),
        pytest.param(
            sign({"sub": "subject-1"}, key=private_key(name="stolen")),
            SignatureError,
            "token_signature",
            id="key_of_someone_else",
        ),
        pytest.param(compact({"alg": "none"}, {"sub": "subject-1"}), AlgorithmError, "token_alg", id="unsigned"),
        pytest.param('{"sub": "subject-1"}', MalformedTokenError, "token_malformed", id="json_under_a_jwt_type"),
        pytest.param(b"\xff.\xff.\xff", MalformedTokenError, "token_malformed", id="not_ascii"),
        pytest.param("a.b.c.d.e", MalformedTokenError, "token_encrypted", id="encrypted"),
        pytest.param("", MalformedTokenError, "token_malformed", id="empty"),
    ],
)
def test_a_signed_answer_rejects(token: str | bytes, error: type[TokenError], code: str) -> None:
    with pytest.raises(error) as caught:
        process_signed(token)
    assert caught.value.code == code


def test_an_unsigned_answer_is_not_taken_for_a_signed_one() -> None:
    with pytest.raises(OPResponseError) as caught:
        process(sign({"sub": "subject-1"}), "application/json")
    assert caught.value.code == "op_answer_malformed"


def test_failures_are_those_of_every_endpoint() -> None:
    with pytest.raises(OPError) as refused:
        process('{"error": "invalid_token"}', status=401)
    assert refused.value.error == "invalid_token"
    with pytest.raises(OPUnavailableError):
        process("", "application/jwt", status=503)
    with pytest.raises(OPResponseError) as caught:
        process("not JSON", "text/plain")
    assert caught.value.endpoint == "userinfo"
