"""Views that demand a step-up, one that does not, and one that keeps its request for them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from oidc_rp.decorators import step_up_required

from .settings import OIDC_URLS

DONE = HttpResponse()


def view(request: HttpRequest) -> HttpResponse:
    """Does nothing."""
    return DONE


def keep(request: HttpRequest) -> HttpResponse:
    """Hands its request out; session and user are loaded, as any view of a signed-in user loads them."""
    response = HttpResponse(request.user.get_username())
    response.wsgi_request = request  # type: ignore[attr-defined]  # as Django's test client does it
    return response


urlpatterns = [
    path("bare/", view),
    path("inline/", step_up_required(acr_values=["1"], max_age=3_600)(view)),
    path("named/", step_up_required("payment")(view)),
    path("keep/", keep),
    path("oidc/", include(OIDC_URLS)),
]
