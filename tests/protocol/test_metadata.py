from __future__ import annotations

from typing import Any

import pytest

from oidc_rp.protocol.errors import OPResponseError
from oidc_rp.protocol.metadata import ProviderMetadata, build_discovery_url, parse_metadata

ISSUER = "https://op.example"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://op.example", "https://op.example/.well-known/openid-configuration"),
        ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
        ("https://op.example/realms/a", "https://op.example/realms/a/.well-known/openid-configuration"),
    ],
)
def test_discovery_url(issuer: str, url: str) -> None:
    assert build_discovery_url(issuer) == url


def test_the_least_document_is_accepted() -> None:
    metadata = parse_metadata(DOCUMENT, ISSUER)
    assert metadata.token_endpoint == f"{ISSUER}/token"
    assert (metadata.userinfo_endpoint, metadata.code_challenge_methods_supported) == (None, None)
    assert metadata.authorization_response_iss_parameter_supported is False


def test_what_the_op_does_not_say_is_unknown_or_not_supported() -> None:
    values = {name: getattr(parse_metadata(DOCUMENT, ISSUER), name) for name in ProviderMetadata.__dataclass_fields__}
    rest = {name: value for name, value in values.items() if name not in DOCUMENT}
    flags = {
        name for name in rest if name.endswith(("_parameter_supported", "_logout_supported", "_session_supported"))
    }
    assert len(flags) == 5
    assert all(rest[name] is False for name in flags)
    assert all(rest[name] is None for name in rest.keys() - flags)


@pytest.mark.parametrize(
    "name",
    [
        "scopes_supported",
        "grant_types_supported",
        "response_types_supported",
        "response_modes_supported",
        "acr_values_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
    ],
)
def test_a_list_is_read_as_a_tuple_of_strings(name: str) -> None:
    assert getattr(parse_metadata({**DOCUMENT, name: ["a", "b"]}, ISSUER), name) == ("a", "b")
    for value in ("a", ["a", 1], True):
        with pytest.raises(OPResponseError, match=f"{name} is not a list of strings"):
            parse_metadata({**DOCUMENT, name: value}, ISSUER)


@pytest.mark.parametrize(
    "name",
    [
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    ],
)
def test_a_flag_is_a_boolean(name: str) -> None:
    assert getattr(parse_metadata({**DOCUMENT, name: True}, ISSUER), name) is True
    with pytest.raises(OPResponseError, match=f"{name} is not a boolean"):
        parse_metadata({**DOCUMENT, name: ["a"]}, ISSUER)


def test_keys_are_not_needed_where_the_secret_signs() -> None:
    document = {name: value for name, value in DOCUMENT.items() if name != "jwks_uri"}
    assert parse_metadata(document, ISSUER, keys_needed=False).jwks_uri == ""
    with pytest.raises(OPResponseError, match="acceptable: jwks_uri missing"):
        parse_metadata(document, ISSUER)
    with pytest.raises(OPResponseError, match="acceptable: jwks_uri is not an https URL"):
        parse_metadata({**document, "jwks_uri": "http://op.example/jwks"}, ISSUER, keys_needed=False)


def test_a_wrong_issuer_is_shown_in_bounds() -> None:
    with pytest.raises(OPResponseError) as caught:
        parse_metadata({**DOCUMENT, "issuer": "x" * 1_000}, ISSUER)
    assert str(caught.value) == f"the metadata's issuer is {repr('x' * 1_000)[:200]}, not the configured {ISSUER!r}"


def test_members_are_read_and_unknown_ones_left_alone() -> None:
    metadata = parse_metadata(
        {
            **DOCUMENT,
            "end_session_endpoint": "http://localhost:8000/logout",
            "userinfo_endpoint": None,
            "scopes_supported": ["openid"],
            "acr_values_supported": [],
            "backchannel_logout_supported": True,
            "claims_supported": 5,
        },
        ISSUER,
    )
    assert metadata.end_session_endpoint == "http://localhost:8000/logout"
    assert (metadata.scopes_supported, metadata.acr_values_supported) == (("openid",), ())
    assert metadata.backchannel_logout_supported is True


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param(None, id="missing"),
        pytest.param("https://evil.example", id="another_op"),
        pytest.param("https://op.example/", id="trailing_slash"),
        pytest.param("https://OP.example", id="upper_case"),
        pytest.param("https://op.example/{tenantid}", id="placeholder_of_entra_id"),
        pytest.param([ISSUER], id="list"),
    ],
)
def test_the_issuer_must_be_the_configured_one(issuer: Any) -> None:
    with pytest.raises(OPResponseError) as caught:
        parse_metadata({**DOCUMENT, "issuer": issuer}, ISSUER)
    assert (caught.value.code, caught.value.endpoint) == ("metadata_issuer", "metadata")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"authorization_endpoint": None}, id="authorization_endpoint_missing"),
        pytest.param({"token_endpoint": None}, id="token_endpoint_missing"),
        pytest.param({"jwks_uri": None}, id="jwks_uri_missing"),
        pytest.param({"token_endpoint": "http://op.example/token"}, id="token_endpoint_http"),
        pytest.param({"jwks_uri": "http://op.example/jwks"}, id="jwks_uri_http"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, id="jwks_uri_file"),
        pytest.param({"authorization_endpoint": "javascript:alert(1)"}, id="authorization_endpoint_javascript"),
        pytest.param({"userinfo_endpoint": "/userinfo"}, id="userinfo_endpoint_relative"),
        pytest.param({"end_session_endpoint": ""}, id="end_session_endpoint_empty"),
        pytest.param({"token_endpoint": ["https://op.example/token"]}, id="token_endpoint_list"),
        pytest.param({"token_endpoint": 1}, id="token_endpoint_number"),
        pytest.param({"scopes_supported": "openid"}, id="scopes_string"),
        pytest.param({"response_types_supported": {"code": True}}, id="response_types_object"),
        pytest.param({"code_challenge_methods_supported": ["S256", 1]}, id="methods_with_a_number"),
        pytest.param({"authorization_response_iss_parameter_supported": "true"}, id="iss_parameter_string"),
        pytest.param({"backchannel_logout_supported": 1}, id="backchannel_number"),
    ],
)
def test_an_unacceptable_member_is_refused_and_named(changes: dict[str, Any]) -> None:
    with pytest.raises(OPResponseError, match=next(iter(changes))) as caught:
        parse_metadata({**DOCUMENT, **changes}, ISSUER)
    assert (caught.value.code, caught.value.endpoint) == ("metadata_malformed", "metadata")


def test_all_missing_endpoints_are_named() -> None:
    with pytest.raises(OPResponseError, match="authorization_endpoint, token_endpoint, jwks_uri missing"):
        parse_metadata({"issuer": ISSUER}, ISSUER)
