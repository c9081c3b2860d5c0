"""What the tabs of the proof ask for. Each view says whose session it is, so that a lost user shows."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.details import OIDCRequest
from tests.urls import urlpatterns as common


def describe(request: OIDCRequest, access_token: str | None) -> dict[str, Any]:
    """The access token only as a hash: the proof looks for it in every page."""
    return {
        "sub": request.oidc.sub,
        "access_token": sha256(access_token.encode()).hexdigest() if access_token else None,
        "seconds_left": request.oidc.expires_at - time.time() if request.oidc.expires_at is not None else None,
    }


def token(request: OIDCRequest) -> HttpResponse:
    return JsonResponse(describe(request, request.oidc.access_token))


async def atoken(request: OIDCRequest) -> HttpResponse:
    access_token = await request.oidc.aaccess_token()
    return JsonResponse(describe(request, access_token))


def page(request: OIDCRequest) -> HttpResponse:
    """Uses the session, but no token."""
    return JsonResponse({"sub": request.oidc.sub, "claims": {**request.oidc.claims}})


def write(request: OIDCRequest) -> HttpResponse:
    """Changes the session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"sub": request.oidc.sub})


def plain(request: HttpRequest) -> HttpResponse:
    """Does not use the session."""
    return JsonResponse({})


urlpatterns = [
    *common,
    path("token/", token),
    path("atoken/", atoken),
    path("page/", page),
    path("write/", write),
    path("plain/", plain),
]
