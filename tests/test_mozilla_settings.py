"""The settings of mozilla-django-oidc as the provider "default"."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.conf import app_settings
from oidc_rp.mozilla_settings import read_mozilla_settings
from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.provider.config import read_config
from oidc_rp.providers import providers
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP

THEIRS: dict[str, Any] = {
    "OIDC_OP_ISSUER": "https://op.example",
    "OIDC_RP_CLIENT_ID": "client-1",
    "OIDC_RP_CLIENT_SECRET": "a client secret that is long enough",
    "OIDC_RP_SIGN_ALGO": "RS256",
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "https://op.example/authorize",
    "OIDC_OP_TOKEN_ENDPOINT": "https://op.example/token",
    "OIDC_OP_USER_ENDPOINT": "https://op.example/userinfo",
    "OIDC_OP_JWKS_ENDPOINT": "https://op.example/jwks",
}


def read(**changes: Any) -> dict[str, Any]:
    values = {name: value for name, value in {**THEIRS, **changes}.items() if value is not None}
    found = read_mozilla_settings(SimpleNamespace(**values))
    assert found is not None
    return found


@pytest.mark.django_db
def test_their_settings_sign_in(client: Client, op: FakeOP, settings: Settings) -> None:
    del settings.OIDC_PROVIDERS
    for name, value in THEIRS.items():
        setattr(settings, name, value)
    assert list(providers) == ["default"]
    assert sign_in(client, op, "/private/")["Location"] == "/private/"
    assert op.calls == ["token", "jwks", "userinfo"], "the endpoints are given, so nothing is discovered"


def test_ours_win_over_theirs(settings: Settings) -> None:
    for name, value in THEIRS.items():
        setattr(settings, name, value)
    assert list(app_settings.providers) == ["default", "other"]


def test_none_of_either_is_no_provider(settings: Settings) -> None:
    del settings.OIDC_PROVIDERS
    assert list(providers) == []


def test_their_defaults_are_kept() -> None:
    config = read_config("default", read(OIDC_RP_SIGN_ALGO=None))
    assert (config.client_auth_method, config.scopes) == ("client_secret_post", ("openid", "email"))
    assert (config.signing_algorithms, config.fetch_userinfo, config.create_users) == (
        frozenset({"HS256"}),
        True,
        True,
    )


def test_their_options_are_carried_over() -> None:
    config = read_config(
        "default",
        read(
            OIDC_TOKEN_USE_BASIC_AUTH=True,
            OIDC_RP_SCOPES="openid profile",
            OIDC_CREATE_USER=False,
            OIDC_TIMEOUT=7,
            OIDC_RP_LINK_BY_EMAIL=True,
            OIDC_PROXY={"https": "http://proxy.example:3128"},
            OIDC_AUTH_REQUEST_EXTRA_PARAMS={"audience": "api"},
        ),
    )
    assert (config.client_auth_method, config.scopes, config.create_users, config.timeout) == (
        "client_secret_basic",
        ("openid", "profile"),
        False,
        7,
    )
    assert config.link_by_email
    assert config.proxies == {"https": "http://proxy.example:3128"}
    assert config.authentication_params == {"audience": "api"}


def test_their_extra_parameters_become_options_that_are_checked() -> None:
    extra = {"prompt": "login", "max_age": "60", "acr_values": "mfa phr", "audience": "api"}
    config = read_config("default", read(OIDC_AUTH_REQUEST_EXTRA_PARAMS=extra))
    assert (config.prompt, config.max_age, config.acr_values) == ("login", 60, ("mfa", "phr"))
    assert config.authentication_params == {"audience": "api"}


@pytest.mark.parametrize("max_age", ["soon", -1, [60]])
def test_their_extra_parameters_are_reported_where_wrong(max_age: object) -> None:
    with pytest.raises(ConfigurationError, match="MAX_AGE"):
        read_config("default", read(OIDC_AUTH_REQUEST_EXTRA_PARAMS={"max_age": max_age}))


def test_their_missing_issuer_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="ISSUER is missing"):
        read_config("default", read(OIDC_OP_ISSUER=None))


def test_without_their_endpoints_there_is_discovery() -> None:
    endpoints = dict.fromkeys(name for name in THEIRS if name.endswith("_ENDPOINT"))
    assert read_config("default", read(**endpoints)).metadata is None
