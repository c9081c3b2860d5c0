"""Sessions that are renewed: by which way, and what a request gets when there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import requests
import responses
import time_machine
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils.functional import SimpleLazyObject

from oidc_rp.decorators import recent_login_required
from oidc_rp.details import OIDCRequest
from oidc_rp.middleware import OIDCMiddleware
from oidc_rp.models import OIDCSession
from oidc_rp.protocol.errors import RenewalError
from oidc_rp.refresh_cookie import read_generation
from oidc_rp.revocation import flush_revocations
from oidc_rp.sessions import end_sessions
from tests.support.browser import complete, query, sign_in
from tests.support.fake_op import FakeOP
from tests.support.sessions import copy_browser
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


def test_refresh_token_replaced_more_than_once_is_good_for_the_grace_time(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    old = signed_in.cookies[COOKIE].value
    clock.shift(300)
    for number in (2, 3):
        rotate(op, number)
        op.token_answer["expires_in"] = 5
        # What a browser that aborts its responses sends.
        signed_in.cookies[COOKIE] = old
        assert signed_in.get("/page/").status_code == 200
        clock.shift(5)
    rotate(op, 4)
    signed_in.cookies[COOKIE] = old
    assert signed_in.get("/token/").json() == {"access_token": "access-token-4"}
    assert [form["refresh_token"] for form in op.forms] == ["refresh-token-1", "refresh-token-2", "refresh-token-3"]
    assert get_generation(signed_in) == 3
    # The grace time counts from when this one was replaced, whatever has come after.
    signed_in.cookies[COOKIE] = old
    clock.shift(49)
    signed_in.get("/page/")
    assert get_generation(signed_in) == 3
    signed_in.cookies[COOKIE] = old
    clock.shift(1)
    signed_in.get("/page/")
    assert get_generation(signed_in) == 0


def test_request_that_only_missed_the_new_cookie_does_not_save_the_session(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    old = signed_in.cookies[COOKIE].value
    clock.shift(300)
    assert "sessionid" in signed_in.get("/page/").cookies
    signed_in.cookies[COOKIE] = old
    response = signed_in.get("/page/")
    assert (COOKIE in response.cookies, "sessionid" in response.cookies) == (True, False)


def test_tokens_that_come_for_an_ended_session_are_revoked(
    client: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.metadata["revocation_endpoint"] = f"{op.issuer}/revoke"
    sign_in(client, op)
    rotate(op, 2)

    def end_session_first() -> tuple[int, dict[str, str], str]:
        end_sessions(sid="session-1")
        return 200, {"Content-Type": "application/json"}, json.dumps(op.build_token_answer())

    op.overrides["token"] = end_session_first
    clock.shift(300)
    assert client.get("/page/", headers=VISIT)["Location"] == "/oidc/login/?next=/page/"
    assert flush_revocations(timeout=10)
    assert OIDCSession.objects.get().end_reason == "ended_by_site"
    revoked = [form["token"] for call, form in zip(op.calls, op.forms, strict=True) if call == "revocation"]
    assert sorted(revoked) == ["access-token-2", "refresh-token-2"]


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


# ---- what scripts and forms get


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("get", FETCH),
        ("get", {"Accept": "application/json"}),
        ("get", {"HX-Request": "true"}),
        ("post", {"Accept": "application/json"}),
    ],
    ids=["fetch", "json", "htmx", "post"],
)
def test_script_of_nobody_is_told_where_to_sign_in(client: Client, method: str, headers: dict[str, str]) -> None:
    response = getattr(client, method)("/page/", headers={**headers, "Referer": "http://testserver/app/"})
    assert response.status_code == 401
    login_url = "/oidc/login/?next=http%3A%2F%2Ftestserver%2Fapp%2F"
    assert response.json() == {"error": "login_required", "login_url": login_url}
    assert response.headers.get("HX-Redirect") == (login_url if "HX-Request" in headers else None)


def test_form_of_nobody_is_told_that_nothing_was_sent(client: Client) -> None:
    response = client.post("/page/", headers={**VISIT, "Referer": "http://testserver/form/"})
    assert response.status_code == 401
    assert b"nothing was sent" in response.content
    assert b'href="/oidc/login/?next=http%3A%2F%2Ftestserver%2Fform%2F"' in response.content
    assert "no-store" in response["Cache-Control"]


def test_redirects_to_other_places_are_left_alone(client: Client, settings: Any) -> None:
    settings.LOGIN_URL = "/choose/"
    assert client.get("/page/", headers=FETCH)["Location"] == "/choose/?next=/page/"
    settings.LOGIN_URL = "https://elsewhere.example/oidc/login/"
    assert client.get("/page/", headers=FETCH).status_code == 302


# ---- transactions


@transaction.atomic
def token_in_transaction(request: OIDCRequest) -> HttpResponse:
    return token(request)


urlpatterns.append(path("token-in-transaction/", token_in_transaction))


@pytest.mark.django_db(transaction=True)
def test_access_token_is_not_renewed_inside_a_transaction(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(299)
    assert signed_in.get("/token-in-transaction/").json() == {"access_token": "access-token-1"}
    clock.shift(1)
    answer = signed_in.get("/token-in-transaction/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (503, "renewal_in_transaction")
    assert op.calls == []
    assert signed_in.get("/token/").json() == {"access_token": "access-token-2"}


@pytest.mark.django_db(transaction=True)
def test_site_with_atomic_requests_has_its_tokens_renewed_before_the_view(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    browser = copy_browser(signed_in)
    clock.shift(300)
    assert browser.get("/token/").json() == {"access_token": "access-token-2"}
    op.overrides["token"] = (503, {}, "")
    clock.shift(300)
    assert browser.get("/page/").status_code == 200
    assert op.calls == ["token", "token"]


@recent_login_required(60)
def recent(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns.append(path("recent/", recent))


def test_step_up_confirms_a_session_that_is_due_in_the_same_trip(
    client: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "expired"
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    clock.shift(300)
    request = query(client.get("/recent/", headers=VISIT)["Location"])
    assert (request["max_age"], request.get("prompt")) == ("60", None)


# ---- a view that signs out


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse()


urlpatterns.append(path("sign-out/", sign_out))


def test_view_that_signs_out_takes_the_refresh_token_along_even_if_it_was_just_renewed(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(300)
    signed_in.post("/sign-out/")
    assert op.calls == ["token"]
    assert signed_in.cookies[COOKIE].value == ""
    assert OIDCSession.objects.get().end_reason == "signed_out"


# ---- middleware that comes before ours


def load_early(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        assert request.user.is_authenticated
        return get_response(request)

    return middleware


@pytest.mark.parametrize("is_refused", [False, True], ids=["renewed", "ended"])
def test_session_that_was_loaded_before_our_middleware_is_renewed_too(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any, is_refused: bool
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:-1], f"{__name__}.load_early", settings.MIDDLEWARE[-1]]
    # A client takes its middleware from the settings at its first request.
    browser = copy_browser(signed_in)
    if is_refused:
        op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    clock.shift(300)
    assert browser.get("/page/", headers=VISIT).status_code == (302 if is_refused else 200)
    assert op.calls == ["token"]


@pytest.mark.parametrize("is_refused", [False, True], ids=["renewed", "ended"])
def test_session_that_was_loaded_before_our_middleware_is_renewed_in_async_code_too(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any, is_refused: bool
) -> None:
    async def ask() -> bool:
        request = RequestFactory().get("/page/")
        request.COOKIES = {name: morsel.value for name, morsel in signed_in.cookies.items()}
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(request.COOKIES["sessionid"])
        request.user = SimpleLazyObject(lambda: get_user(request))  # type: ignore[assignment]  # as Django does it
        await request.session.aget("note")

        async def get_response(request: HttpRequest) -> HttpResponse:
            return HttpResponse(await sync_to_async(lambda: request.user.is_authenticated)())

        response = await OIDCMiddleware(get_response)(request)  # type: ignore[misc]  # sync or async
        is_signed_in: bool = response.content == b"True"
        return is_signed_in

    if is_refused:
        op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    clock.shift(300)
    assert async_to_sync(ask)() is not is_refused
    assert op.calls == ["token"]


# ---- calling APIs


def call_api(request: OIDCRequest) -> HttpResponse:
    answer = requests.get("https://api.example/data", auth=request.oidc.auth, timeout=5)
    return HttpResponse(answer.content, status=answer.status_code)


urlpatterns.append(path("call-api/", call_api))


def test_auth_sends_the_access_token_and_renews_it_once_on_a_401(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any, http: responses.RequestsMock
) -> None:
    default = {**settings.OIDC_PROVIDERS["default"], "API_ORIGINS": ["https://api.example"]}
    settings.OIDC_PROVIDERS = {**settings.OIDC_PROVIDERS, "default": default}
    seen = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        seen.append(request.headers["Authorization"])
        return (200 if seen[-1].endswith("-2") else 401), {}, "data"

    http.add_callback("GET", "https://api.example/data", answer)
    clock.shift(20)
    assert signed_in.get("/call-api/").content == b"data"
    assert seen == ["Bearer access-token-1", "Bearer access-token-2"]
    assert signed_in.get("/token/").json() == {"access_token": "access-token-2"}


def test_auth_sends_nothing_to_a_host_that_is_not_listed(signed_in: Client, op: FakeOP) -> None:
    answer = signed_in.get("/call-api/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (502, "api_origin")


def test_tokens_of_a_provider_that_is_gone_are_a_clean_answer(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_PROVIDERS = {"other": settings.OIDC_PROVIDERS["other"]}
    for path_of_view, error in (("/token/", "not_renewable"), ("/call-api/", "api_origin")):
        assert signed_in.get(path_of_view, headers={"Accept": "application/json"}).json()["error"] == error
    assert op.calls == []


def test_access_token_that_still_lives_waits_for_no_other_renewal(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    clock.shift(299)
    OIDCSession.objects.update(leased_until=time.time() + 20)
    assert signed_in.get("/token/").json() == {"access_token": "access-token-1"}
    assert op.calls == []


def test_auth_of_nobody_sends_nothing(client: Client) -> None:
    assert client.get("/call-api/", headers={"Accept": "application/json"}).json()["error"] == "api_origin"


# ---- a streaming response


def stream(request: OIDCRequest) -> StreamingHttpResponse:
    def generate() -> Iterator[str]:
        try:
            yield request.oidc.access_token or ""
        except RenewalError as error:
            yield error.code

    return StreamingHttpResponse(generate())


urlpatterns.append(path("stream/", stream))


def test_access_token_is_not_rotated_once_the_response_has_begun(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "off"
    clock.shift(299)
    assert b"".join(signed_in.get("/stream/")) == b"access-token-1"
    clock.shift(1)
    assert b"".join(signed_in.get("/stream/")) == b"not_renewable"
    assert op.calls == []


# ---- refresh/


def test_refresh_view_of_nobody_is_like_session(client: Client) -> None:
    answer = client.post("/oidc/refresh/")
    assert (answer.status_code, answer.json()) == (401, {"authenticated": False})


def test_refresh_view_ends_a_session_that_the_op_refuses(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    clock.shift(20)
    answer = signed_in.post("/oidc/refresh/")
    assert (answer.status_code, answer.json()) == (401, {"authenticated": False})
    assert signed_in.cookies[COOKIE].value == ""


def test_refresh_view_says_where_to_sign_in_without_a_refresh_token(
    client: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    clock.shift(20)
    answer = client.post("/oidc/refresh/", headers={"Referer": "http://testserver/app/"})
    assert answer.status_code == 409
    assert answer.json() == {
        "error": "not_renewable",
        "login_url": "/oidc/login/?next=http%3A%2F%2Ftestserver%2Fapp%2F",
    }


def test_refresh_view_takes_only_posts_of_this_site(signed_in: Client) -> None:
    assert signed_in.get("/oidc/refresh/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.load(signed_in.cookies)
    assert strict.post("/oidc/refresh/").status_code == 403


def test_login_page_renews_what_can_only_come_from_the_op(
    client: Client, op: FakeOP, clock: time_machine.Traveller
) -> None:
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    assert client.get("/oidc/login/?next=/token/")["Location"] == "/token/"
    clock.shift(300)
    begun = client.get("/oidc/login/?next=/token/")
    assert complete(client, op.authorize(begun["Location"]))["Location"] == "/token/"
    assert client.get("/token/").json() == {"access_token": "access-token-1"}


def test_provider_that_is_gone_keeps_a_session_for_the_tolerance(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_PROVIDERS = {"default": {**settings.OIDC_PROVIDERS["default"], "ISSUER": "https://new.example"}}
    clock.shift(300)
    assert signed_in.get("/page/", headers=FETCH).status_code == 200
    clock.shift(300)
    assert signed_in.get("/page/", headers=FETCH).status_code == 401
    assert op.calls == []
