"""Whatever comes in, what goes out is a value or the error that is announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.authentication import process_authentication_response
from oidc_rp.protocol.errors import (
    AuthenticationResponseError,
    ClaimError,
    MalformedTokenError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    SignatureError,
    TokenError,
    UnknownKeyError,
)
from oidc_rp.protocol.jose import JWS, decode_base64url, encode_base64url, parse_jws
from oidc_rp.protocol.keys import KeySet, parse_key_set
from oidc_rp.protocol.logout import process_logout_answer
from oidc_rp.protocol.metadata import ProviderMetadata, parse_metadata
from oidc_rp.protocol.refreshed_id_token import merge_claims, validate_refreshed_id_token
from oidc_rp.protocol.revocation import process_revocation_answer
from oidc_rp.protocol.strict_json import StrictJSONError, parse_object
from oidc_rp.protocol.tokens import (
    ACCESS_TOKEN_TYPE,
    TokenResponse,
    process_token_exchange_response,
    process_token_response,
)
from oidc_rp.protocol.urls import is_acceptable_url
from oidc_rp.protocol.userinfo import process_userinfo_response
from tests.support.keys import jwk, sign
from tests.support.strategies import documents, some_of, values
from tests.support.tokens import ACCESS_TOKEN, CLIENT, NOW, build_claims, compact, validate

JWK_MEMBERS = ["kty", "crv", "x", "y", "n", "e", "d", "k", "kid", "alg", "use", "key_ops"]
TOKEN_MEMBERS = ["access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope"]
TOKEN_ANSWER = {"access_token": "a", "token_type": "Bearer"}
CLAIMS = ["exp", "iat", "nbf", "auth_time", "aud", "azp", "sub", "nonce", "sid", "acr", "amr", "at_hash"]
METADATA = {
    "issuer": "https://op.example",
    "authorization_endpoint": "https://op.example/a",
    "token_endpoint": "https://op.example/t",
    "jwks_uri": "https://op.example/j",
}


@contextmanager
def refusing(*codes: str) -> Iterator[None]:
    """Let the OP's answer be refused, with one of these codes."""
    try:
        yield
    except OPResponseError as error:
        if error.code not in codes:
            raise


@given(st.binary())
@example(b'{"a": "\\ud800"}')
def test_parse_object_of_any_bytes(data: bytes) -> None:
    with suppress(StrictJSONError):
        assert isinstance(parse_object(data), dict)


@given(documents)
def test_parse_object_agrees_with_the_standard_library(document: dict[str, Any]) -> None:
    data = json.dumps(document).encode()
    try:
        parsed = parse_object(data)
    except StrictJSONError:
        return
    assert parsed == json.loads(data)


@given(st.text() | st.lists(st.text(), max_size=6).map(".".join))
def test_parse_jws_of_any_text(token: str) -> None:
    with suppress(MalformedTokenError):
        assert isinstance(parse_jws(token), JWS)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit"]), values), st.binary(), st.binary())
def test_parse_jws_of_any_parts(header: dict[str, Any], payload: bytes, signature: bytes) -> None:
    parts = (json.dumps(header).encode(), payload, signature)
    with suppress(MalformedTokenError):
        assert isinstance(parse_jws(".".join(map(encode_base64url, parts))).header.alg, str)


@given(st.integers(0, 2**31), st.characters(codec="ascii"))
def test_a_token_with_one_changed_character_is_never_accepted_as_another(position: int, character: str) -> None:
    token = sign(build_claims())
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    with suppress(TokenError):
        assert validate(changed).claims == build_claims()


@given(st.binary())
def test_base64url_goes_there_and_back(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data).encode()) == data


@given(some_of(JWK_MEMBERS), st.sampled_from(["RS256", "ES256", "ES512", "EdDSA"]))
def test_parse_key_set_of_any_key(changes: dict[str, Any], alg: str) -> None:
    keys = parse_key_set({"keys": [{**jwk(alg), **changes}, jwk(name="good")]}).keys
    assert [key.kid for key in keys][-1] == "good"


@given(some_of(JWK_MEMBERS), st.sampled_from(["RS256", "ES256", "ES512", "EdDSA"]), st.binary(max_size=140))
def test_a_signature_by_any_key_verifies_or_not(changes: dict[str, Any], alg: str, signature: bytes) -> None:
    keys = parse_key_set({"keys": [{**jwk(alg), **changes}]})
    with pytest.raises((UnknownKeyError, SignatureError)):
        keys.verify_signature(parse_jws(compact({"alg": alg}, {}, signature)))


@given(st.dictionaries(st.just("keys") | st.text(), values))
def test_parse_key_set_of_any_document(document: dict[str, Any]) -> None:
    with refusing("jwks_malformed"):
        assert isinstance(parse_key_set(document), KeySet)


@given(some_of(list(ProviderMetadata.__dataclass_fields__)))
def test_parse_metadata_of_any_document(changes: dict[str, Any]) -> None:
    with refusing("metadata_issuer", "metadata_malformed"):
        metadata = parse_metadata({**METADATA, **changes}, "https://op.example")
        assert is_acceptable_url(metadata.token_endpoint)


@given(some_of(TOKEN_MEMBERS))
def test_a_token_response_of_any_members(changes: dict[str, Any]) -> None:
    body = json.dumps({**TOKEN_ANSWER, **changes}).encode()
    with refusing("op_answer_malformed", "token_too_large"):
        assert isinstance(process_token_response(Answer("token", 200, "", body)), TokenResponse)


@given(st.integers(200, 599), st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_a_token_response_of_any_status_and_body(status: int, body: bytes) -> None:
    with suppress(OPError, OPResponseError, OPUnavailableError):
        assert process_token_response(Answer("token", status, "", body)).access_token


@given(some_of([*TOKEN_MEMBERS, "issued_token_type"]))
def test_a_token_exchange_response_of_any_members(changes: dict[str, Any]) -> None:
    body = json.dumps({**TOKEN_ANSWER, "issued_token_type": ACCESS_TOKEN_TYPE, **changes}).encode()
    with refusing("op_answer_malformed", "token_too_large"):
        assert process_token_exchange_response(Answer("token", 200, "", body)).access_token


@given(st.integers(200, 599), st.text(), st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_an_answer_of_any_status_and_body_says_yes_or_no(status: int, text: str, body: bytes) -> None:
    answer = Answer("end_session", status, text, body, location=text)
    for process in (process_revocation_answer, lambda it: process_logout_answer(it, "https://app.example/done")):
        with suppress(OPError, OPResponseError, OPUnavailableError):
            assert process(answer) in (True, False)


@given(st.sampled_from(["", "application/json", "application/jwt"]), st.binary() | st.text().map(str.encode))
def test_userinfo_of_any_body(content_type: str, body: bytes) -> None:
    keys = parse_key_set({"keys": []})
    with pytest.raises((TokenError, OPResponseError)):
        process_userinfo_response(
            Answer("userinfo", 200, content_type, body),
            sub="subject-1",
            client=CLIENT,
            verify_signature=keys.verify_signature,
        )


@given(some_of(["sub", "iss", "aud", "email", "groups"]))
def test_userinfo_of_any_claims(changes: dict[str, Any]) -> None:
    body = json.dumps({"sub": "subject-1", **changes}).encode()
    try:
        claims = process_userinfo_response(
            Answer("userinfo", 200, "application/json", body),
            sub="subject-1",
            client=CLIENT,
            verify_signature=lambda jws: pytest.fail("JSON has no signature"),
        )
    except (ClaimError, OPResponseError):
        return
    assert claims["sub"] == "subject-1"


@given(some_of(CLAIMS))
def test_an_id_token_of_any_claims(changes: dict[str, Any]) -> None:
    try:
        token = validate(sign({**build_claims(), **changes}))
    except TokenError:
        return
    assert (token.iss, 0 < len(token.sub) <= 255) == ("https://op.example", True)


@given(some_of(CLAIMS), some_of(CLAIMS))
def test_a_refreshed_id_token_of_any_claims(changes: dict[str, Any], of_login: dict[str, Any]) -> None:
    """Also where the login's own claims have unusual values."""
    try:
        original = validate(sign({**build_claims(), **of_login})).claims
        token = validate_refreshed_id_token(
            sign({**build_claims(), **changes}),
            CLIENT,
            parse_key_set({"keys": [jwk()]}).verify_signature,
            now=NOW,
            original=original,
            access_token=ACCESS_TOKEN,
        )
    except TokenError:
        return
    assert (token.iss, token.sub) == (original["iss"], original["sub"])
    assert merge_claims(original, token.claims).get("auth_time") == original.get("auth_time")


@given(st.dictionaries(st.sampled_from(["code", "iss", "error", "error_description"]), st.lists(st.text(), max_size=2)))
def test_an_authentication_response_of_any_parameters(parameters: dict[str, list[str]]) -> None:
    with suppress(AuthenticationResponseError, OPError):
        assert process_authentication_response(parameters, issuer="https://op.example", iss_required=False)


@given(st.text())
def test_any_text_is_a_url_or_not(text: str) -> None:
    for url in (text, f"https://{text}", f"http://localhost{text}"):
        assert is_acceptable_url(url) in (True, False)
