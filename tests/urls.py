"""The test site: a public page, a private one, one that needs a fresh login, and this app at /oidc/."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def home(request: HttpRequest) -> HttpResponse:
    """A page for everybody that says who is there."""
    return HttpResponse(f"home of {request.user.get_username() or 'nobody'}")


@login_required
def private(request: HttpRequest) -> HttpResponse:
    """A page for signed-in users."""
    return HttpResponse(f"private page of {request.user.get_username()}")


urlpatterns = [
    path("home/", home),
    path("private/", private),
    path("admin/", admin.site.urls),
    path("oidc/", include("oidc_rp.urls")),
]
