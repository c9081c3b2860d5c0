"""`request.oidc`: what it says, when it costs something, and in async code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from pytest_django.fixtures import Settings

from oidc_rp.details import OIDCDetails, OIDCRequest
from oidc_rp.models import OIDCSession
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

FACTS = ("is_authenticated", "provider", "iss", "sub", "sid", "acr", "amr", "auth_time", "expires_at")


def tell(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({name: getattr(request.oidc, name) for name in FACTS})


def claims(request: OIDCRequest) -> HttpResponse:
    return JsonResponse(dict(request.oidc.claims))


def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nobody asked")


def user_only(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


async def atell(request: OIDCRequest) -> HttpResponse:
    await request.oidc.aload()
    return JsonResponse({name: getattr(request.oidc, name) for name in FACTS} | {"user": request.user.get_username()})


async def aclaims(request: OIDCRequest) -> HttpResponse:
    return JsonResponse(dict(await request.oidc.aclaims()))


async def unloaded(request: OIDCRequest) -> HttpResponse:
    return HttpResponse(str(request.oidc.is_authenticated))


urlpatterns = [
    path("tell/", tell),
    path("claims/", claims),
    path("untouched/", untouched),
    path("user/", user_only),
    path("atell/", atell),
    path("aclaims/", aclaims),
    path("unloaded/", unloaded),
    path("oidc/", include("oidc_rp.urls")),
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def test_details_of_a_signed_in_user(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    facts = client.get("/tell/").json()
    assert facts.pop("auth_time") > 0
    assert facts.pop("expires_at") > 0
    assert facts == {
        "is_authenticated": True,
        "provider": "default",
        "iss": "https://op.example",
        "sub": "subject-1",
        "sid": "session-1",
        "acr": "pwd",
        "amr": ["pwd"],
    }


NOBODY = dict.fromkeys(FACTS) | {"is_authenticated": False, "amr": []}


def test_details_of_nobody(client: Client) -> None:
    assert client.get("/tell/").json() == NOBODY
    assert client.get("/claims/").json() == {}


def test_details_of_a_user_signed_in_by_password(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/tell/").json() == NOBODY


def test_details_do_not_outlive_a_login_of_another_user(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    client.force_login(User.objects.create_user("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/tell/").json() == NOBODY


def test_claims_are_those_of_id_token_and_userinfo(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, FETCH_USERINFO=True)
    op.userinfo.update(department="Sales", email="other@example.com")
    sign_in(client, op)
    found = client.get("/claims/").json()
    assert (found["department"], found["email"], found["nonce"]) == ("Sales", "alice@example.com", op.nonce)


def test_claims_cannot_be_changed(client: Client, op: FakeOP, rf: Any) -> None:
    sign_in(client, op)
    request = rf.get("/")
    request.session, request.user = client.session, User.objects.get()
    details = OIDCDetails(request)
    with pytest.raises(TypeError):
        details.claims["sub"] = "somebody else"  # type: ignore[index]


def test_claims_are_empty_without_their_row(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    OIDCSession.objects.update(sealed_tokens="")
    assert client.get("/claims/").json() == {}


def test_claims_are_empty_without_the_key(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    OIDCSession.objects.update(sealed_tokens="AQAA")
    assert client.get("/claims/").json() == {}


# --- the cost


def count_queries(get: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        get()
    return len(captured)


def test_details_cost_nothing_that_nobody_asks_for(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert count_queries(lambda: client.get("/untouched/")) == 0
    assert count_queries(lambda: client.get("/user/")) == 2, "session and user, as without this app"
    assert count_queries(lambda: client.get("/tell/")) == 2, "the same for everything but claims"
    assert count_queries(lambda: client.get("/claims/")) == 3


def test_details_do_not_make_pages_vary(client: Client, op: FakeOP) -> None:
    """A session that nobody touches lets a cache keep one copy for everybody."""
    sign_in(client, op)
    assert "Cookie" not in client.get("/untouched/").headers.get("Vary", "")


# --- async


def fetch(client: Client, url: str) -> Any:
    """One request through ASGI, with the cookies of `client`."""
    asgi = AsyncClient()
    asgi.cookies = client.cookies
    return asyncio.run(asgi.get(url))


@pytest.mark.django_db(transaction=True)
def test_async_view_reads_the_details(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    facts = fetch(client, "/atell/").json()
    assert (facts["sub"], facts["user"]) == ("subject-1", User.objects.get().username)
    assert fetch(Client(), "/atell/").json()["is_authenticated"] is False


@pytest.mark.django_db(transaction=True)
def test_async_view_reads_the_claims(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert fetch(client, "/aclaims/").json()["email"] == "alice@example.com"
    assert fetch(Client(), "/aclaims/").json() == {}


@pytest.mark.django_db(transaction=True)
def test_async_view_is_told_when_it_would_block(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    with pytest.raises(SynchronousOnlyOperation):
        fetch(client, "/unloaded/")


@pytest.mark.django_db(transaction=True)
def test_async_stack_serves_the_sync_views(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert fetch(client, "/oidc/session/").json()["sub"] == "subject-1"
    assert fetch(Client(), "/oidc/callback/default/?state=%ff").status_code == 400


# --- without the middleware


@override_settings(
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
)
def test_apps_own_views_work_without_the_middleware(client: Client, op: FakeOP) -> None:
    assert sign_in(client, op, "/tell/")["Location"] == "/tell/"
    assert client.get("/oidc/session/").json()["sub"] == "subject-1"
