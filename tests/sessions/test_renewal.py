"""Renewal on each session engine: what the session holds afterwards, in sync and in async code."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import path

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OIDCSession
from tests.sessions.site import urlpatterns as site
from tests.support.fake_op import FakeOP
from tests.support.sessions import copy_browser, get_row, sign_in_browser

pytestmark = pytest.mark.django_db

# The real time: the file engine compares it with that of its files.
NOW = int(time.time())
COOKIE = "__Host-oidc_rp.refresh"


def token(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"token": request.oidc.access_token, "acr": request.oidc.acr})


async def atoken(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"token": await request.oidc.aaccess_token(), "acr": request.oidc.acr})


def overwrite(request: HttpRequest) -> HttpResponse:
    """A slow request: it has loaded its session before the renewal that comes while it works, and saves it after."""
    request.session.get("note")
    copy_browser_in_request(request)
    request.session["note"] = "written by the slow one"
    return HttpResponse()


def copy_browser_in_request(request: HttpRequest) -> None:
    browser = Client()
    browser.cookies.load(dict(request.COOKIES))
    assert browser.post("/oidc/refresh/").status_code == 200


urlpatterns = [*site, path("token/", token), path("atoken/", atoken), path("overwrite/", overwrite)]


@pytest.fixture(autouse=True)
def urls(settings: Any, site: None) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def browser(engine: str, op: FakeOP, clock: time_machine.Traveller) -> Client:
    browser = sign_in_browser(op)
    op.calls.clear()
    op.token_answer = {"access_token": "access-token-2", "refresh_token": "refresh-token-2"}
    return browser


def test_renewed_session_holds_what_the_op_says_now(browser: Client, op: FakeOP, clock: time_machine.Traveller) -> None:
    op.claims.update(acr="lower", amr=["sms"], sid="session-2", auth_time=NOW + 300)
    clock.shift(300)
    assert browser.get("/token/").json() == {"token": "access-token-2", "acr": "lower"}
    facts = browser.get("/oidc/session/").json()
    assert (facts["acr"], facts["amr"], facts["sid"]) == ("lower", ["sms"], "session-2")
    assert (facts["auth_time"], facts["expires_at"]) == (NOW - 5, NOW + 600)
    row = get_row("session-2")
    assert (row.acr, row.amr, row.renewed_at.timestamp()) == ("lower", ["sms"], NOW + 300)
    assert op.calls == ["token"]


def test_async_view_gets_a_fresh_access_token(browser: Client, op: FakeOP, clock: time_machine.Traveller) -> None:
    async def ask() -> dict[str, Any]:
        client = AsyncClient()
        client.cookies.load(browser.cookies)
        response = await client.get("/atoken/")
        assert response.cookies[COOKIE].value
        answer: dict[str, Any] = json.loads(response.content)
        return answer

    clock.shift(300)
    assert async_to_sync(ask)() == {"token": "access-token-2", "acr": "pwd"}
    assert op.calls == ["token"]


def test_slow_request_that_saves_an_old_session_does_no_harm(
    browser: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(200)
    before = copy_browser(browser)
    browser.get("/overwrite/")
    # What the script's answer told the browser, while the slow request was under way.
    row = get_row()
    assert (row.generation, op.calls) == (1, ["token"])
    assert before.get("/token/").json()["token"] == "access-token-2"
    clock.shift(100)
    assert browser.get("/token/").json()["token"] == "access-token-2"
    assert op.calls == ["token"]
    assert get_row().ended_at is None


def test_renewal_that_finds_the_session_ended_signs_the_browser_out(
    browser: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    clock.shift(300)
    assert browser.get("/who/").json()["user"] == ""
    assert browser.cookies[COOKIE].value == ""
    assert browser.get("/who/").json()["user"] == ""
    assert (op.calls, get_row().end_reason) == (["token"], "refresh_refused")


def test_session_that_is_withheld_is_not_overwritten(
    browser: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.overrides["token"] = (503, {}, "")
    clock.shift(700)
    assert browser.get("/sync/write/").status_code == 200
    assert browser.get("/who/").json() == {"user": "", "sid": None, "note": None}
    del op.overrides["token"]
    clock.shift(6)
    assert browser.get("/who/").json()["user"] != ""
    assert get_row().ended_at is None


def test_browser_that_missed_the_new_cookie_gets_it_with_its_next_request(
    browser: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    """It went on to another page before the answer with the new cookie came."""
    clock.shift(300)
    copy_browser(browser).get("/who/")
    clock.shift(30)
    old = browser.cookies[COOKIE].value
    assert browser.get("/who/").json()["user"] != ""
    assert browser.cookies[COOKIE].value not in ("", old)
    op.token_answer = {"access_token": "access-token-3", "refresh_token": "refresh-token-3"}
    clock.shift(300)
    assert browser.get("/token/").json()["token"] == "access-token-3"
    assert op.calls == ["token", "token"]
    assert op.forms[-1]["refresh_token"] == "refresh-token-2"


def test_logout_deletes_every_part_of_the_cookie(engine: str, op: FakeOP, clock: time_machine.Traveller) -> None:
    op.token_answer["refresh_token"] = "r" * 8_000
    browser = sign_in_browser(op)
    assert len([name for name in browser.cookies if name.startswith(COOKIE)]) == 3
    browser.post("/oidc/logout/")
    assert {morsel.value for name, morsel in browser.cookies.items() if name.startswith(COOKIE)} == {""}
    assert OIDCSession.objects.get().ended_at is not None
