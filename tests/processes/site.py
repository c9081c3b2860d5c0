"""The site: as in the session tests, pages that wait for the OP, that show the access token, and that call an API."""

from __future__ import annotations

import os

import requests
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OfflineGrant, OIDCSession
from oidc_rp.offline_grants import Grant
from oidc_rp.protocol.errors import OPError
from oidc_rp.providers import providers
from oidc_rp.service_tokens import ServiceAuth, service_tokens
from oidc_rp.shortcuts import request_offline_access
from tests.sessions.site import urlpatterns as common


def call_op(place: str) -> None:
    requests.get(f"{providers['default'].config.issuer}/{place}", timeout=60)


def slow(request: HttpRequest) -> HttpResponse:
    """Load the session, wait for the OP, change the session."""
    user = request.user.get_username()
    call_op("slow")
    request.session["note"] = "written"
    return HttpResponse(user)


def token(request: OIDCRequest) -> HttpResponse:
    """Load the session, tell the OP, and only then use the access token."""
    request.user.get_username()
    call_op("started")
    return answer(request, request.oidc.access_token)


async def atoken(request: OIDCRequest) -> HttpResponse:
    await request.oidc.aload()
    await sync_to_async(call_op, thread_sensitive=False)("started")
    return answer(request, await request.oidc.aaccess_token())


def answer(request: OIDCRequest, access_token: str | None) -> HttpResponse:
    return JsonResponse({"access_token": access_token}, headers={"X-Expires-At": request.oidc.expires_at})


def broken(request: OIDCRequest) -> HttpResponse:
    """With ATOMIC_REQUESTS, whatever was written is rolled back."""
    raise ValueError(request.oidc.access_token)


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


def pid(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"pid": os.getpid()})


def newest(request: HttpRequest) -> HttpResponse:
    """The row of the newest session, as far as its renewal is concerned."""
    row = OIDCSession.objects.order_by("-created_at").values("generation", "lease", "end_reason", "handover")[0]
    return JsonResponse(row)


def service_token(request: HttpRequest) -> JsonResponse:
    """A service token, or why there is none. The OP hears of it when one is about to be asked for."""
    call_op("started")
    try:
        token = service_tokens["default"].get(scope=request.GET["scope"])
    except OPError as error:
        return JsonResponse({"error": error.error})
    return JsonResponse({"token": token})


def service_call(request: HttpRequest) -> HttpResponse:
    """Call the API as this site itself."""
    auth = ServiceAuth("default", scope=request.GET["scope"])
    answer = requests.get(f"{providers['default'].config.issuer}/api", auth=auth, timeout=60)
    return HttpResponse(status=answer.status_code)


def token_for(request: OIDCRequest) -> JsonResponse:
    """A token of the signed-in user for one API."""
    return JsonResponse({"token": request.oidc.get_token(resource=request.GET["resource"])})


def ask(request: HttpRequest) -> HttpResponse:
    """Ask the user for offline access."""
    return request_offline_access(request, next="/who/")


def job(request: HttpRequest) -> JsonResponse:
    """What a job of the one user who has granted it would do: no session takes part."""
    return JsonResponse({"token": Grant(OfflineGrant.objects.get(ended_at=None)).get_access_token()})


urlpatterns = [
    *common,
    path("slow/", slow),
    path("token/", token),
    path("atoken/", atoken),
    path("broken/", broken),
    path("page/", page),
    path("pid/", pid),
    path("newest/", newest),
    path("service-token/", service_token),
    path("service-call/", service_call),
    path("token-for/", token_for),
    path("ask/", ask),
    path("job/", job),
]
