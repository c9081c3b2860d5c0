from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

import pytest

from oidc_rp.protocol.authentication import (
    INTERACTION_ERRORS,
    MAX_PARAMETER_LENGTH,
    build_authentication_request,
    check_response_issuer,
    check_state,
    clean_text,
    compute_code_challenge,
    generate_secret,
    get_response_parameter,
    process_authentication_response,
)
from oidc_rp.protocol.errors import AuthenticationResponseError, OPError

ISSUER = "https://op.example"
Parameters = dict[str, Sequence[str]]


def process(parameters: Parameters, *, iss_required: bool = True) -> str:
    return process_authentication_response(parameters, issuer=ISSUER, iss_required=iss_required)


def test_code_challenge_of_rfc_7636_appendix_b() -> None:
    challenge = compute_code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_are_fresh_and_long_enough() -> None:
    secrets = {generate_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}


def test_request_is_encoded_and_empty_parameters_are_left_out() -> None:
    url = build_authentication_request(f"{ISSUER}/authorize", {"scope": "openid e&m=l", "prompt": None, "claims": ""})
    assert url == f"{ISSUER}/authorize?scope=openid+e%26m%3Dl"


def test_request_keeps_the_query_of_the_endpoint() -> None:
    url = build_authentication_request(f"{ISSUER}/authorize?tenant=1", {"state": "s"})
    assert parse_qsl(urlsplit(url).query) == [("tenant", "1"), ("state", "s")]


def test_response_gives_the_code() -> None:
    assert process({"code": ["code-1"], "state": ["s"], "iss": [ISSUER], "session_state": ["x"]}) == "code-1"


def test_response_may_lack_iss_if_the_op_does_not_promise_it() -> None:
    assert process({"code": ["code-1"]}, iss_required=False) == "code-1"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        pytest.param({}, "iss_missing", id="nothing"),
        pytest.param({"iss": [ISSUER]}, "code_missing", id="neither_code_nor_error"),
        pytest.param({"iss": [ISSUER], "code": [""]}, "code_missing", id="code_empty"),
        pytest.param({"iss": [ISSUER], "code": ["a", "b"]}, "response_parameter_repeated", id="code_repeated"),
        pytest.param({"iss": [ISSUER], "code": ["a", "a"]}, "response_parameter_repeated", id="code_repeated_the_same"),
        pytest.param({"iss": [ISSUER, ISSUER], "code": ["a"]}, "response_parameter_repeated", id="iss_repeated"),
        pytest.param({"iss": [ISSUER], "error": ["a", "b"]}, "response_parameter_repeated", id="error_repeated"),
        pytest.param({"iss": [ISSUER], "code": ["x" * 16_385]}, "response_parameter_too_long", id="code_too_long"),
        pytest.param({"code": ["a"]}, "iss_missing", id="iss_missing"),
        pytest.param({"code": ["a"], "iss": [""]}, "iss_missing", id="iss_empty"),
        pytest.param({"code": ["a"], "iss": ["https://evil.example"]}, "iss_mismatch", id="iss_of_another_op"),
        pytest.param({"code": ["a"], "iss": [f"{ISSUER}/"]}, "iss_mismatch", id="iss_trailing_slash"),
        pytest.param({"code": ["a"], "iss": ["https://OP.example"]}, "iss_mismatch", id="iss_upper_case"),
        pytest.param({"error": ["x"], "iss": ["https://evil.example"]}, "iss_mismatch", id="wrong_iss_on_an_error"),
    ],
)
def test_response_rejects(parameters: Parameters, code: str) -> None:
    with pytest.raises(AuthenticationResponseError) as caught:
        process(parameters)
    assert caught.value.code == code


def test_a_wrong_iss_is_refused_even_if_the_op_does_not_promise_it() -> None:
    with pytest.raises(AuthenticationResponseError) as caught:
        process({"code": ["a"], "iss": ["https://evil.example"]}, iss_required=False)
    assert caught.value.code == "iss_mismatch"


@pytest.mark.parametrize("extra", [{}, {"iss": [ISSUER]}, {"iss": [ISSUER], "code": ["a"]}])
def test_an_error_response_is_reported(extra: Parameters) -> None:
    with pytest.raises(OPError) as caught:
        process({"error": ["login_required"], "error_description": ["Log in <b>first</b>"], **extra})
    error = caught.value
    assert (error.error, error.description, error.endpoint) == (
        "login_required",
        "Log in <b>first</b>",
        "authorization",
    )


def test_an_error_response_is_bounded_and_printable() -> None:
    with pytest.raises(OPError) as caught:
        process({"error": ["e\r\nX: y" + "x" * 9_000], "error_description": ["\x1b[31m" + "word " * 3_000]})
    assert caught.value.error.startswith("e  X: y")
    assert (len(caught.value.error), len(caught.value.description)) == (100, 500)
    assert caught.value.description.startswith(" [31m")


def test_a_repeated_error_description_is_refused() -> None:
    with pytest.raises(AuthenticationResponseError) as caught:
        process({"error": ["x"], "error_description": ["a", "b"]})
    assert caught.value.code == "response_parameter_repeated"


def test_a_parameter_of_the_greatest_length_is_accepted() -> None:
    value = "x" * MAX_PARAMETER_LENGTH
    assert get_response_parameter({"code": [value]}, "code") == value


@pytest.mark.parametrize("values", [(), [], [""]])
def test_a_parameter_may_be_absent(values: Sequence[str]) -> None:
    assert get_response_parameter({"code": values}, "code") is None
    assert get_response_parameter({}, "code") is None


def test_state_must_be_the_same() -> None:
    check_state("abc", "abc")


@pytest.mark.parametrize("state", ["", "ab", "abcd", "ABC", "é"])
def test_state_rejects(state: str) -> None:
    with pytest.raises(AuthenticationResponseError) as caught:
        check_state(state, "abc")
    assert caught.value.code == "state_mismatch"
    assert "abc" not in str(caught.value)


def test_response_issuer_may_be_absent_unless_required() -> None:
    check_response_issuer(None, ISSUER, required=False)
    check_response_issuer(ISSUER, ISSUER, required=True)


def test_clean_text_leaves_nothing_that_changes_a_line() -> None:
    assert clean_text("a\u2028b\u202ec\ud800d\te", 100) == "a b c d e"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("code SplxlOBeZQQYbYS6WxSb unknown", "code \u2026 unknown", id="code"),
        pytest.param("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "\u2026", id="token"),
        pytest.param("abcdefghij0123456789", "\u2026", id="twenty_characters"),
        pytest.param("abcdefghi0123456789", "abcdefghi0123456789", id="nineteen_characters"),
        pytest.param("+/=._~-aaaaaaaaaaaaaaA", "\u2026", id="every_alphabet"),
        pytest.param("account_selection_required", "account_selection_required", id="words_and_underscores"),
        pytest.param("AADSTS50011: redirect", "AADSTS50011: redirect", id="error_number"),
    ],
)
def test_clean_text_leaves_nothing_like_a_secret(text: str, cleaned: str) -> None:
    assert clean_text(text, 100) == cleaned


def test_interaction_errors_are_those_of_the_specification() -> None:
    """Core section 3.1.2.6."""
    assert sorted(INTERACTION_ERRORS) == [
        "account_selection_required", "consent_required", "interaction_required", "login_required",
    ]  # fmt: skip


def test_error_and_description_have_their_own_bounds() -> None:
    with pytest.raises(OPError) as caught:
        process({"error": ["e" * 101], "error_description": ["d " * 300], "iss": [ISSUER]})
    assert (caught.value.error, len(caught.value.description)) == ("e" * 100, 500)


def test_an_error_may_come_without_a_description() -> None:
    with pytest.raises(OPError) as caught:
        process({"error": ["access_denied"], "iss": [ISSUER]})
    assert caught.value.description == ""
