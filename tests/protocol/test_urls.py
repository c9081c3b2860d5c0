from __future__ import annotations

import pytest

from oidc_rp.protocol.urls import is_acceptable_url, is_loopback, read_origin


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", "::", "127.1"],
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url",
    [
        "https://op.example",
        "https://op.example:8443/a?b=c",
        "HTTPS://op.example",
        "https://[2001:db8::1]/",
        "https://10.0.0.1/",
        "http://localhost:8000/o",
        "http://127.0.0.1",
        "http://[::1]:8000",
    ],
)
def test_acceptable(url: str) -> None:
    assert is_acceptable_url(url)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param("https://", id="no_host"),
        pytest.param("https:///path", id="empty_host"),
        pytest.param("https:op.example", id="no_slashes"),
        pytest.param("//op.example", id="no_scheme"),
        pytest.param("/token", id="relative"),
        pytest.param("http://op.example", id="http"),
        pytest.param("http://localhost.evil.example", id="http_with_localhost_as_prefix"),
        pytest.param("http://localhost@evil.example", id="http_with_localhost_as_user"),
        pytest.param("ftp://op.example", id="ftp"),
        pytest.param("javascript://op.example/%0aalert(1)", id="javascript"),
        pytest.param("https://user:password@op.example", id="credentials"),
        pytest.param("https://@op.example", id="empty_credentials"),
        pytest.param("https://op.example/#a", id="fragment"),
        pytest.param("https://op.example/#", id="empty_fragment"),
        pytest.param("https://op.example:0", id="port_zero"),
        pytest.param("https://op.example:70000", id="port_too_high"),
        pytest.param("https://op.example:x", id="port_text"),
        pytest.param("https://[::1", id="bracket_open"),
        pytest.param("https://op.example\\@evil.example", id="backslash"),
        pytest.param(" https://op.example", id="space_in_front"),
        pytest.param("https://op.example\n", id="line_break"),
        pytest.param("https://op\t.example", id="tab"),
        pytest.param("https://op.example\x00", id="nul"),
        pytest.param("https://op.\u2100example", id="normalises_to_a_path"),
        pytest.param(None, id="null"),
        pytest.param(1, id="number"),
        pytest.param(["https://op.example"], id="list"),
        pytest.param(b"https://op.example", id="bytes"),
    ],
)
def test_not_acceptable(url: object) -> None:
    assert not is_acceptable_url(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example", "https://api.example"),
        ("HTTPS://API.Example:443/a?b=c", "https://api.example"),
        ("https://api.example:8443/", "https://api.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://[2001:DB8::1]:444/", "https://[2001:db8::1]:444"),
        ("https://user@api.example", None),
        ("http://api.example", None),
        ("/path", None),
        (None, None),
    ],
)
def test_origin(url: object, origin: str | None) -> None:
    assert read_origin(url) == origin
