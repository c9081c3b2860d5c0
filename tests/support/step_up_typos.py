"""A URLconf whose views demand what there is not."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from oidc_rp.decorators import step_up_include, step_up_required


@step_up_required("paymnt")
def transfer(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@step_up_required(max_age=60, provider="nowhere")
def elsewhere(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@step_up_required("payment")
def payment(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("oidc/", include("oidc_rp.urls")),
    path("section/", step_up_include([path("transfer/", transfer), path("elsewhere/", elsewhere)], max_age=60)),
    path("payment/", payment),
]
