"""The site: as in the session tests, and a page that is slow because the OP is."""

from __future__ import annotations

import requests
from django.http import HttpRequest, HttpResponse
from django.urls import path

from oidc_rp.providers import providers
from tests.sessions.site import urlpatterns as common


def slow(request: HttpRequest) -> HttpResponse:
    """Load the session, wait for the OP, change the session."""
    user = request.user.get_username()
    requests.get(f"{providers['default'].config.issuer}/slow", timeout=60)
    request.session["note"] = "written"
    return HttpResponse(user)


urlpatterns = [*common, path("slow/", slow)]
