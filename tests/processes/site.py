"""The site: as in the session tests, a page that is slow because the OP is, and pages that call an API."""

from __future__ import annotations

import requests
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.protocol.errors import OPError
from oidc_rp.providers import providers
from oidc_rp.service_tokens import ServiceAuth, service_tokens
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


urlpatterns = [
    *common,
    path("slow/", slow),
    path("service-token/", service_token),
    path("service-call/", service_call),
]
