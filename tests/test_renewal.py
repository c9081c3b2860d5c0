"""Sessions that are renewed: by which way, and what a request gets when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OIDCSession
from oidc_rp.refresh_cookie import read_generation
from tests.support.browser import complete, query, sign_in
from tests.support.fake_op import FakeOP
from tests.urls import urlpatterns as common

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOW = 1_800_000_000
COOKIE = "__Host-oidc_rp.refresh"
VISIT = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCH = {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}


@login_required
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"page of {request.user.get_username()}")


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nobody asked")


def token(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"access_token": request.oidc.access_token})


urlpatterns = [*common, path("page/", page), path("untouched/", untouched), path("token/", token)]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signed_in(client: Client, op: FakeOP, clock: time_machine.Traveller) -> Client:
    """A browser with a session whose access token lives for 300 seconds, and a refresh token."""
    sign_in(client, op)
    op.calls.clear()
    op.forms.clear()
    rotate(op, 2)
    return client


def rotate(op: FakeOP, number: int) -> None:
    op.token_answer = {"access_token": f"access-token-{number}", "refresh_token": f"refresh-token-{number}"}


def get_generation(client: Client) -> int | None:
    request = HttpRequest()
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    return read_generation(request)


def test_session_is_left_alone_until_its_access_token_has_expired(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(299)
    assert signed_in.get("/page/").status_code == 200
    assert op.calls == []


def test_session_is_renewed_when_its_access_token_has_expired(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(300)
    assert signed_in.get("/page/").status_code == 200
    assert op.calls == ["token"]
    assert op.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-token-1"}]
    assert get_generation(signed_in) == 1
    clock.shift(299)
    assert signed_in.get("/page/").status_code == 200
    assert op.calls == ["token"]
    rotate(op, 3)
    clock.shift(1)
    assert signed_in.get("/token/").json() == {"access_token": "access-token-3"}
    assert op.forms[-1]["refresh_token"] == "refresh-token-2"


def test_request_that_does_not_use_its_session_renews_nothing(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, django_assert_num_queries: Any
) -> None:
    clock.shift(400)
    with django_assert_num_queries(0):
        signed_in.get("/untouched/")
    assert op.calls == []


def test_refused_refresh_token_ends_the_session(signed_in: Client, op: FakeOP, clock: time_machine.Traveller) -> None:
    op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    clock.shift(300)
    response = signed_in.get("/page/", headers=VISIT)
    assert (response.status_code, response["Location"]) == (302, "/oidc/login/?next=/page/")
    assert OIDCSession.objects.get().end_reason == "refresh_refused"
    assert signed_in.cookies[COOKIE].value == ""
    assert signed_in.cookies["sessionid"].value == ""


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({"sub": "subject-2"}, "refresh_mismatch"), ({"iss": "https://evil.example"}, "refresh_mismatch")],
    ids=["other_subject", "other_issuer"],
)
def test_id_token_of_another_ends_the_session(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, claims: dict[str, Any], reason: str
) -> None:
    op.claims = claims
    clock.shift(300)
    assert signed_in.get("/page/", headers=VISIT).status_code == 302
    assert OIDCSession.objects.get().end_reason == reason


def test_session_survives_an_op_that_is_down_for_the_tolerance(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.overrides["token"] = (503, {}, "")
    clock.shift(300)
    assert signed_in.get("/page/").status_code == 200
    clock.shift(299)
    assert signed_in.get("/page/").status_code == 200
    clock.shift(2)
    assert signed_in.get("/page/", headers=VISIT)["Location"] == "/oidc/login/?next=/page/"
    assert signed_in.cookies["sessionid"].value
    del op.overrides["token"]
    clock.shift(60)
    assert signed_in.get("/page/").status_code == 200
    assert OIDCSession.objects.get().ended_at is None


def test_op_that_is_down_is_asked_once_in_five_seconds(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.overrides["token"] = (503, {}, "")
    clock.shift(300)
    for _ in range(3):
        signed_in.get("/page/")
    assert op.calls == ["token"]
    clock.shift(6)
    signed_in.get("/page/")
    assert op.calls == ["token", "token"]


def test_earlier_refresh_token_is_good_for_the_grace_time(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    old = signed_in.cookies[COOKIE].value
    clock.shift(300)
    signed_in.get("/page/")
    new = signed_in.cookies[COOKIE].value
    signed_in.cookies[COOKIE] = old
    clock.shift(59)
    assert signed_in.get("/page/").status_code == 200
    assert op.calls == ["token"]
    assert get_generation(signed_in) == 1
    assert signed_in.cookies[COOKIE].value != new


def test_earlier_refresh_token_revives_nothing_after_the_grace_time(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    old = signed_in.cookies[COOKIE].value
    clock.shift(300)
    signed_in.get("/page/")
    signed_in.cookies[COOKIE] = old
    clock.shift(300)
    response = signed_in.get("/page/", headers=VISIT)
    assert op.calls == ["token"]
    assert query(response["Location"])["prompt"] == "none"
    assert OIDCSession.objects.get().ended_at is None


def test_session_without_refresh_token_is_renewed_silently_where_that_is_asked_for(
    client: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "expired"
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    clock.shift(300)
    response = client.get("/page/?a=1", headers=VISIT)
    assert response.status_code == 302
    assert query(response["Location"])["prompt"] == "none"
    assert "id_token_hint" in query(response["Location"])
    assert complete(client, op.authorize(response["Location"]))["Location"] == "/page/?a=1"
    assert client.get("/page/?a=1", headers=VISIT).status_code == 200
    assert [row.end_reason for row in OIDCSession.objects.order_by("created_at", "ended_at")].count("replaced") == 1


def test_silent_renewal_that_the_op_refuses_ends_the_session(
    client: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "expired"
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    clock.shift(300)
    begun = op.authorize(client.get("/page/", headers=VISIT)["Location"])
    answer = {"error": "login_required", "state": begun["state"], "iss": op.issuer}
    assert complete(client, answer)["Location"] == "/page/"
    assert client.get("/page/", headers=VISIT)["Location"] == "/oidc/login/?next=/page/"
    assert OIDCSession.objects.get().end_reason == "renewal_refused"


@pytest.mark.parametrize(("method", "headers"), [("get", FETCH), ("post", VISIT)], ids=["fetch", "form"])
def test_what_cannot_be_redirected_goes_on_for_the_tolerance_and_then_gets_a_401(
    client: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any, method: str, headers: dict[str, str]
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "expired"
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    send = getattr(client, method)
    clock.shift(599)
    assert send("/page/", headers=headers).status_code == 200
    clock.shift(1)
    assert send("/page/", headers=headers).status_code == 401
    assert client.get("/page/", headers=VISIT).status_code == 302
    assert OIDCSession.objects.get().ended_at is None


def test_access_token_is_renewed_before_it_expires(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(200)
    assert signed_in.get("/token/").json() == {"access_token": "access-token-1"}
    clock.shift(50)
    assert signed_in.get("/token/").json() == {"access_token": "access-token-2"}
    assert signed_in.get("/token/").json() == {"access_token": "access-token-2"}
    assert op.calls == ["token"]


def test_access_token_that_cannot_be_had_is_a_clean_answer(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    del signed_in.cookies[COOKIE]
    clock.shift(299)
    assert signed_in.get("/token/").json() == {"access_token": "access-token-1"}
    clock.shift(1)
    response = signed_in.get("/token/", headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["error"]) == (401, "not_renewable")


def test_refresh_view_renews_and_answers_like_session(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.claims = {"acr": "mfa"}
    clock.shift(20)
    answer = signed_in.post("/oidc/refresh/")
    assert answer.status_code == 200
    assert answer.json()["acr"] == "mfa"
    assert answer.json() == signed_in.get("/oidc/session/").json()
    assert signed_in.post("/oidc/refresh/").status_code == 200
    assert op.calls == ["token"]
    assert User.objects.count() == 1
