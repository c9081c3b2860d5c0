"""A site whose pages demand more than a login."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path
from django.views.generic import View

from oidc_rp.decorators import (
    acr_required,
    amr_required,
    recent_login_required,
    step_up_include,
    step_up_required,
)
from oidc_rp.details import OIDCRequest
from oidc_rp.kept_forms import take_form
from oidc_rp.mixins import StepUpRequiredMixin
from oidc_rp.protocol.step_up import Requirement


@step_up_required("payment")
def payment(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.method}: paid")


@step_up_required(["mfa"], max_age=300, keep_form=True)
def transfer(request: HttpRequest) -> HttpResponse:
    kept = take_form(request)
    return JsonResponse({"method": request.method, "kept": None if kept is None else dict(kept.lists())})


@step_up_required(acr_values=["mfa"])
async def apayment(request: HttpRequest) -> HttpResponse:
    return HttpResponse("paid")


@acr_required("mfa", "phr")
def by_acr(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@amr_required("pwd", ["otp", "hwk"])
def by_amr(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@recent_login_required(60)
def by_age(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@acr_required("mfa")
@recent_login_required(60)
def twice(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@step_up_required(acr_values=["mfa"], provider="other")
@recent_login_required(60)
@step_up_required(acr_values=["pwd"], provider="default")
def at_both(request: HttpRequest) -> HttpResponse:
    raise AssertionError("nobody is signed in at two providers")


@recent_login_required(60)
async def arecent(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@step_up_required(acr_values=["mfa"], provider="other")
def at_other(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@step_up_required("nothing of that name")
def unknown(request: HttpRequest) -> HttpResponse:
    raise AssertionError("let in by a policy that there is not")


class Page(StepUpRequiredMixin, View):
    policy = "payment"

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


class AsyncPage(StepUpRequiredMixin, View):
    acr_values = ["pwd"]

    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


def ask(request: OIDCRequest) -> HttpResponse:
    template = engines["django"].from_string('{% load oidc_rp %}{{ request|meets:"payment" }}')
    asked = [request.oidc.meets("payment"), request.oidc.meets(Requirement(max_age=60))]
    return JsonResponse([*asked, template.render({"request": request}, request)], safe=False)


section = [
    path("public/", ask, name="public"),
    path("recent/", by_age),
    path("arecent/", arecent),
    path("transfer/", transfer),
    path("deep/", include(([path("er/", ask, name="deeper")], "deep"))),
]

urlpatterns = [
    path("payment/", payment),
    path("transfer/", transfer),
    path("transfers/", transfer),
    path("apayment/", apayment),
    path("acr/", by_acr),
    path("amr/", by_amr),
    path("age/", by_age),
    path("other/", at_other),
    path("twice/", twice),
    path("both/", at_both),
    path("unknown/", unknown),
    path("page/", Page.as_view()),
    path("fresh-page/", Page.as_view(policy=None, max_age=1)),
    path("async-page/", AsyncPage.as_view()),
    path("fresh-async-page/", AsyncPage.as_view(acr_values=None, max_age=1)),
    path("ask/", ask),
    path("section/", step_up_include(section, acr_values=["mfa"])),
    path("admin/", step_up_include(admin.site.urls, "payment")),
    path("oidc/", include("oidc_rp.urls")),
]
