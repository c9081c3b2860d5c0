from __future__ import annotations

import json
from typing import Any

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OPResponseError
from oidc_rp.protocol.jose import MAX_TOKEN_LENGTH
from oidc_rp.protocol.tokens import TokenResponse, build_code_grant, process_token_response


def process(**changes: Any) -> TokenResponse:
    members = {"access_token": "access-1", "token_type": "Bearer", "id_token": "a.b.c", **changes}
    return process_token_response(Answer("token", 200, "application/json", json.dumps(members).encode()))


def test_code_grant() -> None:
    assert build_code_grant("code-1", "https://rp.example/callback", "verifier") == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "https://rp.example/callback",
        "code_verifier": "verifier",
    }


def test_a_full_response_is_read() -> None:
    response = process(expires_in=300, refresh_token="refresh-1", scope="openid email", session_state="x")
    assert response == TokenResponse("access-1", "Bearer", 300, "refresh-1", "a.b.c", "openid email")


def test_optional_members_may_be_absent_null_or_empty() -> None:
    response = process(id_token=None, refresh_token="", scope=None)
    assert response == TokenResponse("access-1", "Bearer", None, None, None, None)


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_token_type_is_case_insensitive(token_type: str) -> None:
    assert process(token_type=token_type).token_type == "Bearer"


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        pytest.param(300, 300, id="number"),
        pytest.param("300", 300, id="string"),
        pytest.param(300.7, 300, id="fraction"),
        pytest.param(0, 0, id="zero"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_expires_in_is_read(expires_in: Any, seconds: int | None) -> None:
    assert process(expires_in=expires_in).expires_in == seconds


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"access_token": None}, id="access_token_null"),
        pytest.param({"access_token": ""}, id="access_token_empty"),
        pytest.param({"access_token": 1}, id="access_token_number"),
        pytest.param({"access_token": ["a"]}, id="access_token_list"),
        pytest.param({"access_token": "a\r\nX-Evil: 1"}, id="access_token_with_a_header_in_it"),
        pytest.param({"access_token": "\u2603"}, id="access_token_not_ascii"),
        pytest.param({"refresh_token": "a\n"}, id="refresh_token_with_a_line_break"),
        pytest.param({"refresh_token": {}}, id="refresh_token_object"),
        pytest.param({"id_token": {"sub": "a"}}, id="id_token_object"),
        pytest.param({"id_token": "é.b.c"}, id="id_token_not_ascii"),
        pytest.param({"scope": ["openid"]}, id="scope_list"),
        pytest.param({"token_type": None}, id="token_type_null"),
        pytest.param({"token_type": "DPoP"}, id="token_type_dpop"),
        pytest.param({"token_type": "mac"}, id="token_type_mac"),
        pytest.param({"token_type": 1}, id="token_type_number"),
        pytest.param({"expires_in": "soon"}, id="expires_in_text"),
        pytest.param({"expires_in": ""}, id="expires_in_empty"),
        pytest.param({"expires_in": "\u0663"}, id="expires_in_arabic_digit"),
        pytest.param({"expires_in": "9" * 12}, id="expires_in_long_string"),
        pytest.param({"expires_in": True}, id="expires_in_boolean"),
        pytest.param({"expires_in": -1}, id="expires_in_negative"),
        pytest.param({"expires_in": 10**400}, id="expires_in_huge"),
        pytest.param({"expires_in": [300]}, id="expires_in_list"),
    ],
)
def test_a_wrong_member_makes_the_response_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(OPResponseError) as caught:
        process(**changes)
    assert (caught.value.code, caught.value.endpoint) == ("op_answer_malformed", "token")


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_a_huge_token_is_refused(name: str) -> None:
    assert getattr(process(**{name: "x" * MAX_TOKEN_LENGTH}), name)
    with pytest.raises(OPResponseError) as caught:
        process(**{name: "x" * (MAX_TOKEN_LENGTH + 1)})
    assert caught.value.code == "token_too_large"


def test_a_response_does_not_show_its_tokens() -> None:
    shown = repr(process(refresh_token="refresh-1"))
    assert not any(token in shown for token in ("access-1", "refresh-1", "a.b.c"))
