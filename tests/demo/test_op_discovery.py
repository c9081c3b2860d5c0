from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from demo_project.op.models import ACR

pytestmark = pytest.mark.usefixtures("demo_op")


@pytest.fixture
def metadata() -> dict[str, Any]:
    answer: dict[str, Any] = Client().get(reverse("oauth2_provider:oidc-connect-discovery-info")).json()
    return answer


def test_discovery_is_found_below_the_issuer(metadata: dict[str, Any]) -> None:
    path = urlsplit(metadata["issuer"]).path
    assert Client().get(f"{path}/.well-known/openid-configuration").json() == metadata


@pytest.mark.parametrize(
    "endpoint",
    [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ],
)
def test_discovery_names_only_endpoints_that_exist(metadata: dict[str, Any], endpoint: str) -> None:
    try:
        resolve(urlsplit(metadata[endpoint]).path)
    except Resolver404:
        pytest.fail(f"{metadata[endpoint]} leads nowhere")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_types_supported", ["code"]),
        ("response_modes_supported", ["query"]),
        ("grant_types_supported", ["authorization_code", "refresh_token"]),
        ("code_challenge_methods_supported", ["S256"]),
        ("id_token_signing_alg_values_supported", ["RS256"]),
        ("prompt_values_supported", ["none", "login"]),
        ("acr_values_supported", ACR.values),
        ("authorization_response_iss_parameter_supported", True),
        ("claims_parameter_supported", True),
        ("request_parameter_supported", False),
        ("request_uri_parameter_supported", False),
        ("backchannel_logout_supported", True),
        ("backchannel_logout_session_supported", True),
        ("frontchannel_logout_supported", True),
        ("frontchannel_logout_session_supported", True),
    ],
)
def test_discovery_says_what_works(metadata: dict[str, Any], name: str, value: object) -> None:
    assert metadata[name] == value


def test_discovery_lists_the_claims(metadata: dict[str, Any]) -> None:
    assert {"sub", "sid", "acr", "amr", "auth_time", "email_verified", "groups"} <= set(metadata["claims_supported"])


def test_jwks_holds_public_keys_alone() -> None:
    response = Client().get(reverse("oauth2_provider:jwks-info"))
    assert response.status_code == HTTPStatus.OK
    assert [set(key) for key in response.json()["keys"]] == [{"alg", "use", "kid", "kty", "n", "e"}]
