"""A site that a test can ask what it knows, and whose providers come from a file that the tests write."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.decorators import step_up_required
from oidc_rp.details import OIDCRequest
from oidc_rp.models import OfflineGrant, OIDCSession
from oidc_rp.offline_grants import offline_grants
from oidc_rp.protocol.errors import OIDCError
from oidc_rp.refresh_cookie import load_refresh_token
from oidc_rp.service_tokens import service_tokens
from oidc_rp.session_data import read_context
from oidc_rp.shortcuts import request_offline_access
from tests.interop.site_settings import SITE_FOLDER
from tests.urls import urlpatterns as common


def load_provider(alias: str) -> Mapping[str, Any] | None:
    providers: dict[str, Mapping[str, Any]] = json.loads((SITE_FOLDER / "providers.json").read_text())
    return providers.get(alias)


@login_required
def account(request: OIDCRequest) -> HttpResponse:
    """The validated claims, and the user that the backend has made of them."""
    return JsonResponse({"claims": dict(request.oidc.claims), "email": getattr(request.user, "email", None)})


@login_required
def tokens(request: OIDCRequest) -> HttpResponse:
    """What a thief in the site's own code would find."""
    context, held = read_context(request.session), request.oidc.tokens
    assert context is not None
    assert held is not None
    refresh_token = load_refresh_token(request, context, time.time())
    shown = {"access_token": held.access_token, "refresh_token": refresh_token.token if refresh_token else ""}
    return JsonResponse(shown)


@login_required
def renew(request: OIDCRequest) -> HttpResponse:
    """What `request.oidc.auth` does when an API answers 401."""
    return HttpResponse(status=200 if request.oidc.auth.renew_token(request.GET["rejected"]) else 409)


@login_required
def token_for(request: OIDCRequest) -> HttpResponse:
    """The user's token for one API."""
    return HttpResponse(request.oidc.get_token(**request.GET.dict()), content_type="text/plain")


@login_required
def offline(request: OIDCRequest, alias: str) -> HttpResponse:
    """The way to the OP, where the user is asked for offline access."""
    return request_offline_access(request, alias, next="/home/")


def job(request: OIDCRequest, alias: str) -> HttpResponse:
    """A job for the one user who has ever granted this; its request brings no session along."""
    grant, rejected = offline_grants.get(OfflineGrant.objects.get(alias=alias).user_id, alias), request.GET["rejected"]
    if grant is None:
        return JsonResponse({"error": "no grant"})
    try:
        token = grant.renew_access_token(rejected) if rejected else grant.get_access_token()
    except OIDCError as error:
        return JsonResponse({"error": error.code, **error.evidence})
    return JsonResponse({"access_token": token})


def stronger(request: OIDCRequest, acr: str) -> HttpResponse:
    """A page that only a login with this acr opens."""

    @step_up_required(acr_values=[acr])
    def page(request: OIDCRequest) -> HttpResponse:
        return HttpResponse(f"for {request.oidc.acr} only")

    return page(request)


def service_token(request: OIDCRequest, alias: str) -> HttpResponse:
    """A token of the site itself."""
    return HttpResponse(service_tokens[alias].get(scope=request.GET.getlist("scope")), content_type="text/plain")


def ends(request: OIDCRequest, alias: str) -> HttpResponse:
    """Why each session with this provider has ended, "" for one that is alive; the oldest first."""
    rows = OIDCSession.objects.filter(alias=alias).order_by("created_at")
    return JsonResponse({"ends": [row.end_reason if row.ended_at else "" for row in rows]})


urlpatterns = [
    *common,
    path("account/", account),
    path("tokens/", tokens),
    path("renew/", renew),
    path("token-for/", token_for),
    path("offline/<str:alias>/", offline),
    path("job/<str:alias>/", job),
    path("stronger/<str:acr>/", stronger),
    path("service-token/<str:alias>/", service_token),
    path("ends/<str:alias>/", ends),
]
