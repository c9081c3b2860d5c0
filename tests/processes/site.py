"""The site: as in the session tests, a page that is slow because the OP is, and pages that get tokens for APIs."""

from __future__ import annotations

import requests
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OfflineGrant
from oidc_rp.offline_grants import Grant
from oidc_rp.protocol.errors import OPError
from oidc_rp.providers import providers
from oidc_rp.service_tokens import ServiceAuth, service_tokens
from oidc_rp.shortcuts import request_offline_access
from tests.sessions.site import urlpatterns as common


def slow(request: HttpRequest) -> HttpResponse:
    """Load the session, wait for the OP, change the session."""
    user = request.user.get_username()
    requests.get(f"{providers['default'].config.issuer}/slow", timeout=60)
    request.session["note"] = "written"
    return HttpResponse(user)


def service_token(request: HttpRequest) -> JsonResponse:
    """A service token, or why there is none. The OP hears of it when one is about to be asked for."""
    requests.get(f"{providers['default'].config.issuer}/started", timeout=60)
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
    path("service-token/", service_token),
    path("service-call/", service_call),
    path("token-for/", token_for),
    path("ask/", ask),
    path("job/", job),
]
