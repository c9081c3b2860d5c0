"""The refresh token's cookie: in parts, for one session, and for nothing else."""

from __future__ import annotations

import logging
from dataclasses import replace
from http.cookies import Morsel
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from oidc_rp.refresh_cookie import (
    MAX_PARTS,
    PART_LENGTH,
    RefreshToken,
    delete_refresh_token,
    load_refresh_token,
    read_generation,
    save_refresh_token,
)
from oidc_rp.sealing import seal
from oidc_rp.session_data import AuthenticationContext

NOW = 1_800_000_000
NAME = "__Host-oidc_rp.refresh"
CONTEXT = AuthenticationContext(
    id="a-session", provider="default", iss="https://op.example", sub="subject-1", sid=None, acr=None, amr=(),
    auth_time=None, expires_at=None, renewed_at=NOW, generation=7,
)  # fmt: skip


def save(token: str, *, cookies: dict[str, str] | None = None, age: int | None = 3_600) -> dict[str, Morsel[str]]:
    """What the browser is told, for a refresh token of generation 7."""
    response = HttpResponse()
    save_refresh_token(bring(cookies or {}), response, RefreshToken(token, 7, NOW), CONTEXT, age)
    return dict(response.cookies)


def bring(cookies: dict[str, str]) -> HttpRequest:
    request = RequestFactory().get("/")
    request.COOKIES = cookies
    return request


def keep(told: dict[str, Morsel[str]]) -> dict[str, str]:
    return {name: morsel.value for name, morsel in told.items() if morsel.value}


def load(cookies: dict[str, str], context: AuthenticationContext = CONTEXT, now: float = NOW) -> str | None:
    refresh_token = load_refresh_token(bring(cookies), context, now)
    return None if refresh_token is None else refresh_token.token


def find_length_of_full_parts(count: int) -> int:
    """A token whose sealed form fills so many cookies to the last character."""
    for length in range(count * PART_LENGTH * 3 // 4 - 200, count * PART_LENGTH):
        parts = keep(save("x" * length))
        if len(parts) == count and all(len(part) == PART_LENGTH for part in parts.values()):
            return length
    raise AssertionError("there is no such length")


def test_cookie_is_sealed_and_out_of_reach_of_scripts_and_other_sites() -> None:
    [(name, morsel)] = save("refresh-token-1").items()
    assert name == NAME
    assert "refresh-token-1" not in morsel.value
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, True, "Lax", "/")
    assert (morsel["max-age"], morsel["domain"]) == (3_600, "")
    assert load({name: morsel.value}) == "refresh-token-1"


@pytest.mark.parametrize("length", [1, 2_700, 2_900, 4_096, 8_000, 11_000])
def test_token_of_any_length_up_to_the_cap_comes_back(length: int) -> None:
    told = save("x" * length)
    assert all(len(f"{name}={morsel.value}") < 4_000 for name, morsel in told.items())
    assert load(keep(told)) == "x" * length


@pytest.mark.parametrize("count", [1, 2, 3])
def test_token_that_fills_its_cookies_exactly_comes_back(count: int) -> None:
    length = find_length_of_full_parts(count)
    assert load(keep(save("x" * length))) == "x" * length
    assert len(keep(save("x" * (length + 3)))) == count + 1


def test_shorter_token_deletes_the_parts_of_the_longer_one() -> None:
    long = keep(save("x" * 8_000))
    told = save("short", cookies=long)
    assert sorted(told) == sorted(long)
    assert {name for name, morsel in told.items() if morsel["max-age"] == 0} == {*long} - {NAME}
    assert load(keep(told)) == "short"


def test_token_over_the_cap_is_reported_with_a_remedy_and_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "oidc_rp"):
        told = save("x" * (MAX_PARTS * PART_LENGTH), cookies=keep(save("earlier")))
    assert keep(told) == {}
    assert "refresh_token_too_large" in caplog.text
    assert "shorter ones" in caplog.text
    assert "xxx" not in caplog.text


def test_every_part_is_deleted_together() -> None:
    cookies = keep(save("x" * 8_000))
    response = HttpResponse()
    delete_refresh_token(bring({**cookies, "sessionid": "s"}), response)
    assert {name: morsel["max-age"] for name, morsel in response.cookies.items()} == dict.fromkeys(cookies, 0)
    assert all(morsel["secure"] for morsel in response.cookies.values())


@pytest.mark.parametrize(
    "change",
    [
        {"id": "another"},
        {"sub": "subject-2"},
        {"provider": "other"},
        {"iss": "https://op.example/"},
    ],
    ids=lambda change: f"of_another_{next(iter(change))}",
)
def test_cookie_opens_for_its_own_session_only(change: dict[str, Any]) -> None:
    cookies = keep(save("refresh-token-1"))
    assert load(cookies, replace(CONTEXT, **change)) is None


def test_cookie_of_another_purpose_does_not_open() -> None:
    head, count, _ = keep(save("refresh-token-1"))[NAME].split(".", 2)
    sealed = seal(b'{"token": "t", "generation": 7, "issued_at": 1}', "transaction", "a-session")
    assert load({NAME: f"{head}.{count}.{sealed}"}) is None


@pytest.mark.parametrize(
    "value",
    ["", "7", "7.1", "7.1.", "7.0.x", "7.5.x", "7.99.x", "7.\u0661.x", "7.-1.x", "x.1.x", "7.1.no-seal", "." * 4_000],
)
def test_cookie_that_is_none_is_taken_for_none(value: str) -> None:
    assert load({NAME: value}) is None


def test_cookie_with_a_part_missing_or_swapped_does_not_open() -> None:
    cookies = keep(save("x" * 8_000))
    other = keep(save("y" * 8_000))
    for name in cookies:
        assert load({**cookies, name: other[name]}) is None
        assert load({part: value for part, value in cookies.items() if part != name}) is None


def test_content_of_another_version_is_taken_for_none() -> None:
    owner = "ignored"
    cookies = keep(save("t"))
    assert load(cookies) == "t"
    assert load({NAME: f"7.1.{seal(b'{}', 'refresh token', owner)}"}) is None


def test_cookie_is_good_for_its_age(settings: Any) -> None:
    settings.OIDC_RP_REFRESH_COOKIE_AGE = 86_400
    told = save("refresh-token-1", age=3_600)
    assert told[NAME]["max-age"] == 86_400
    assert load(keep(told), now=NOW + 86_399) == "refresh-token-1"
    assert load(keep(told), now=NOW + 86_400) is None


def test_cookie_of_a_session_until_the_browser_is_closed_has_no_age() -> None:
    assert save("refresh-token-1", age=None)[NAME]["max-age"] == ""


def test_cookie_opens_under_an_earlier_secret_key_and_is_sealed_under_the_new(settings: Any) -> None:
    cookies = keep(save("refresh-token-1"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the new key", [settings.SECRET_KEY]
    assert load(cookies) == "refresh-token-1"
    renewed = keep(save("refresh-token-2", cookies=cookies))
    settings.SECRET_KEY_FALLBACKS = []
    assert load(renewed) == "refresh-token-2"
    assert load(cookies) is None


def test_cookie_of_a_path_has_another_prefix(settings: Any) -> None:
    settings.OIDC_RP_REFRESH_COOKIE_PATH = "/app/"
    settings.OIDC_RP_REFRESH_COOKIE_SAMESITE = "Strict"
    [(name, morsel)] = save("refresh-token-1").items()
    assert (name, morsel["path"], morsel["samesite"]) == ("__Secure-oidc_rp.refresh", "/app/", "Strict")
    assert load({name: morsel.value}) == "refresh-token-1"


@pytest.mark.parametrize(
    ("value", "generation"),
    [("7.1.x", 7), ("0.1.x", 0), ("x.1.x", None), ("-1.1.x", None), ("\u0661.1.x", None), ("9" * 19, None), ("", None)],
)
def test_generation_is_read_without_opening(value: str, generation: int | None) -> None:
    assert read_generation(bring({NAME: value})) == generation
    assert read_generation(bring({})) is None
