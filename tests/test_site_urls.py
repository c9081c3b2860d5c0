"""The site's own URLs: what is handed to the OP, under prefixes, proxies and forged headers."""

from __future__ import annotations

import logging

import pytest
from django.test import Client, RequestFactory
from django.test.utils import override_script_prefix
from pytest_django.fixtures import Settings

from oidc_rp.site_urls import build_redirect_uri, login_redirect_url, logout_redirect_url, safe_next
from tests.support.browser import begin, query
from tests.support.fake_op import FakeOP


def test_redirect_uri_is_one_for_each_provider(rf: RequestFactory) -> None:
    assert build_redirect_uri(rf.get("/"), "other") == "http://testserver/oidc/callback/other/"


def test_redirect_uri_under_a_script_prefix(client: Client, op: FakeOP) -> None:
    with override_script_prefix("/app/"):
        response = client.get("/oidc/login/")
    assert query(response["Location"])["redirect_uri"] == "http://testserver/app/oidc/callback/default/"


def test_redirect_uri_behind_a_tls_proxy(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    response = client.get("/oidc/login/", headers={"host": "testserver", "x-forwarded-proto": "https"})
    assert query(response["Location"])["redirect_uri"] == "https://testserver/oidc/callback/default/"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "evil.example"},
        {"forwarded": "host=evil.example;proto=https"},
        {"x-forwarded-proto": "https"},
        {"x-forwarded-port": "444"},
        {"x-original-url": "https://evil.example/"},
    ],
)
def test_redirect_uri_does_not_follow_forged_headers(client: Client, op: FakeOP, headers: dict[str, str]) -> None:
    response = client.get("/oidc/login/", headers=headers)
    assert query(response["Location"])["redirect_uri"] == "http://testserver/oidc/callback/default/"


def test_redirect_uri_is_never_on_a_host_that_is_not_allowed(client: Client, op: FakeOP) -> None:
    assert client.get("/oidc/login/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("base", ["https://app.example", "https://app.example/"])
def test_redirect_uri_from_the_base_url(client: Client, op: FakeOP, settings: Settings, base: str) -> None:
    settings.OIDC_RP_BASE_URL = base
    assert query(begin(client)["Location"])["redirect_uri"] == "https://app.example/oidc/callback/default/"


@pytest.mark.parametrize(
    ("host", "secure", "warned"),
    [
        ("testserver", False, True),
        ("testserver", True, False),
        ("localhost:8001", False, False),
        ("app.localhost", False, False),
        ("127.0.0.1", False, False),
        ("[::1]:8001", False, False),
        ("[::1]", False, False),
        ("127.0.0.1.evil.example", False, True),
    ],
)
def test_redirect_uri_over_http_is_reported(
    rf: RequestFactory, settings: Settings, caplog: pytest.LogCaptureFixture, host: str, secure: bool, warned: bool
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    caplog.set_level(logging.WARNING, logger="oidc_rp")
    build_redirect_uri(rf.get("/", headers={"host": host}, secure=secure), "default")
    assert ("insecure_redirect_uri" in caplog.text) == warned


def test_next_defaults_are_the_sites_settings(settings: Settings) -> None:
    settings.LOGIN_REDIRECT_URL, settings.LOGOUT_REDIRECT_URL = "oidc_rp:session", None
    assert (login_redirect_url(), logout_redirect_url()) == ("/oidc/session/", "/")
    settings.LOGOUT_REDIRECT_URL = "/bye/"
    assert logout_redirect_url() == "/bye/"


def test_next_is_as_it_will_stand_in_a_header(rf: RequestFactory) -> None:
    assert safe_next(rf.get("/"), "/a b\r\nSet-Cookie: x=1", "/") == "/a%20b%0D%0ASet-Cookie:%20x=1"
