"""URLs of either site: two views that cost nothing themselves, and those of the package that signs users in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from .settings import OIDC_URLS


def user(request: HttpRequest) -> HttpResponse:
    """Reads the user, and with it the session."""
    return HttpResponse(request.user.get_username())


def nothing(request: HttpRequest) -> HttpResponse:
    """Touches neither user nor session."""
    return HttpResponse("nothing")


urlpatterns = [
    path("user/", user),
    path("nothing/", nothing),
    path("oidc/", include(OIDC_URLS)),
]
