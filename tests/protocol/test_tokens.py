from __future__ import annotations

import json
from typing import Any

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OPResponseError
from oidc_rp.protocol.jose import MAX_TOKEN_LENGTH
from oidc_rp.protocol.tokens import (
    ACCESS_TOKEN_TYPE,
    TokenResponse,
    build_client_credentials_grant,
    build_code_grant,
    build_refresh_grant,
    build_token_exchange,
    check_resources,
    find_unexpected_scopes,
    process_token_exchange_response,
    process_token_response,
    read_names,
)


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


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ({}, {}),
        ({"scope": ("read", "write")}, {"scope": "read write"}),
        (
            {"resource": ("https://a.example/", "urn:b")},
            {"resource": ["https://a.example/", "urn:b"]},
        ),
    ],
    ids=["bare", "scopes", "resources"],
)
def test_client_credentials_grant(arguments: dict[str, Any], form: dict[str, object]) -> None:
    assert build_client_credentials_grant(**arguments) == {"grant_type": "client_credentials", **form}


def test_token_exchange() -> None:
    assert build_token_exchange("access-1", audience=["billing"], resource=["https://a.example"], scope=["r", "w"]) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "access-1",
        "subject_token_type": ACCESS_TOKEN_TYPE,
        "requested_token_type": ACCESS_TOKEN_TYPE,
        "audience": ["billing"],
        "resource": ["https://a.example"],
        "scope": "r w",
    }
    assert build_token_exchange("access-1").keys().isdisjoint({"audience", "resource", "scope"})


def exchange(**changes: Any) -> TokenResponse:
    members = {"access_token": "access-2", "issued_token_type": ACCESS_TOKEN_TYPE, "token_type": "Bearer", **changes}
    return process_token_exchange_response(Answer("token", 200, "application/json", json.dumps(members).encode()))


def test_token_exchange_response_is_read() -> None:
    assert exchange(expires_in=60) == TokenResponse("access-2", "Bearer", 60, None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"issued_token_type": None}, id="type_missing"),
        pytest.param({"issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, id="refresh_token"),
        pytest.param({"issued_token_type": [ACCESS_TOKEN_TYPE]}, id="type_list"),
        pytest.param({"token_type": "N_A"}, id="no_bearer_token"),
        pytest.param({"access_token": None}, id="no_token"),
    ],
)
def test_token_exchange_response_of_another_kind_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(OPResponseError) as caught:
        exchange(**changes)
    assert caught.value.code == "op_answer_malformed"


@pytest.mark.parametrize("uri", ["https://api.example", "https://api.example/v1?a=b", "urn:example:api", "api://4711"])
def test_resource_is_an_absolute_uri(uri: str) -> None:
    assert check_resources((uri,)) == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("", id="empty"),
        pytest.param("billing", id="name"),
        pytest.param("/v1", id="path"),
        pytest.param("//api.example", id="no_scheme"),
        pytest.param("https://", id="no_host"),
        pytest.param("https://api.example/#part", id="fragment"),
        pytest.param("https://api.example/#", id="empty_fragment"),
        pytest.param("https://api.example/a b", id="space"),
        pytest.param("https://b\u00fccher.example", id="not_ascii"),
    ],
)
def test_resource_must_be_an_absolute_uri(uri: str) -> None:
    with pytest.raises(ValueError, match="absolute URI"):
        check_resources(["https://api.example", uri])


@pytest.mark.parametrize(
    ("granted", "unexpected"),
    [
        (None, ()),
        ("openid", ()),
        ("openid admin email root", ("admin", "root")),
        ("https://www.googleapis.com/auth/userinfo.email", ()),
    ],
)
def test_unexpected_scopes(granted: str | None, unexpected: tuple[str, ...]) -> None:
    assert find_unexpected_scopes(granted, ["openid", "email"]) == unexpected


def test_refresh_grant() -> None:
    assert build_refresh_grant("refresh-1") == {"grant_type": "refresh_token", "refresh_token": "refresh-1"}
    assert build_refresh_grant("refresh-1", ["openid", "email"], ["https://api.example"]) == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "scope": "openid email",
        "resource": ["https://api.example"],
    }
    with pytest.raises(ValueError, match="absolute URI"):
        build_refresh_grant("refresh-1", resource=["/api"])


def test_token_exchange_names_its_types_as_the_specification_does() -> None:
    """RFC 8693 section 3."""
    form = build_token_exchange("access-1")
    assert form["subject_token_type"] == form["requested_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


def test_names_are_read_once_each() -> None:
    assert read_names("b a  b\nc") == ("b", "a", "c")
    assert read_names(["b", "a", "b c"]) == ("b", "a", "c")


def test_scopes_that_google_has_other_names_for_are_expected() -> None:
    userinfo = "https://www.googleapis.com/auth/userinfo"
    granted = f"openid {userinfo}.email {userinfo}.profile https://www.googleapis.com/auth/drive"
    assert find_unexpected_scopes(granted, ["openid", "email", "profile"]) == ("https://www.googleapis.com/auth/drive",)


def test_a_resource_may_be_in_upper_case() -> None:
    assert check_resources(["URN:API", "HTTPS://API.EXAMPLE/A"]) == ["URN:API", "HTTPS://API.EXAMPLE/A"]


def test_a_token_that_is_too_long_names_the_endpoint() -> None:
    with pytest.raises(OPResponseError) as caught:
        process(refresh_token="x" * 100_001)
    assert (caught.value.code, caught.value.endpoint) == ("token_too_large", "token")


def test_a_lifetime_is_less_than_ten_thousand_million_seconds() -> None:
    assert process(expires_in=10**10 - 1).expires_in == process(expires_in="9999999999").expires_in == 10**10 - 1
    for lifetime in (10**10, 1e10, "10000000000"):
        with pytest.raises(OPResponseError, match="expires_in is not a number of seconds"):
            process(expires_in=lifetime)
