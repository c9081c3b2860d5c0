"""A site that a test can ask what it knows, and whose providers come from a file that the tests write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.urls import path

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OIDCSession
from tests.interop.site_settings import SITE_FOLDER
from tests.urls import urlpatterns as common


def load_provider(alias: str) -> Mapping[str, Any] | None:
    providers: dict[str, Mapping[str, Any]] = json.loads((SITE_FOLDER / "providers.json").read_text())
    return providers.get(alias)


@login_required
def account(request: OIDCRequest) -> HttpResponse:
    """The validated claims, and the user that the backend has made of them."""
    return JsonResponse({"claims": dict(request.oidc.claims), "email": getattr(request.user, "email", None)})


def ends(request: OIDCRequest, alias: str) -> HttpResponse:
    """Why each session with this provider has ended, "" for one that is alive; the oldest first."""
    rows = OIDCSession.objects.filter(alias=alias).order_by("created_at")
    return JsonResponse({"ends": [row.end_reason if row.ended_at else "" for row in rows]})


urlpatterns = [
    *common,
    path("account/", account),
    path("ends/<str:alias>/", ends),
]
