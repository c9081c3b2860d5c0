"""The site of the session tests: views that do to a session whatever views may do, sync and async."""

from __future__ import annotations

from django.contrib.auth import (
    alogin,
    alogout,
    aupdate_session_auth_hash,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from oidc_rp.details import OIDCRequest
from tests.support.steps import VIEW, pause
from tests.urls import urlpatterns as common

COMMIT = "commit"
PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"


def who(request: OIDCRequest) -> HttpResponse:
    """Who is signed in, and through which OP session."""
    note = request.session.get("note")
    return JsonResponse({"user": request.user.get_username(), "sid": request.oidc.sid, "note": note})


def write(request: HttpRequest) -> HttpResponse:
    """A request that changes its session at the end of its work."""
    request.session.get("note")
    pause(VIEW)
    request.session["note"] = "written"
    return HttpResponse()


def read(request: HttpRequest) -> HttpResponse:
    """A request that loads its session and leaves it as it is."""
    return HttpResponse(request.user.get_username())


def cycle(request: HttpRequest) -> HttpResponse:
    """A request that changes its session's key, as a step-up by password would."""
    request.session.get("note")
    pause(VIEW)
    request.session.cycle_key()
    return HttpResponse()


@transaction.atomic
def cycle_in_transaction(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    pause(COMMIT)
    return HttpResponse()


def change_password(request: HttpRequest) -> HttpResponse:
    """As Django's PasswordChangeView does it."""
    user = User.objects.get(username=request.user.get_username())
    user.set_password("a new password")
    user.save()
    update_session_auth_hash(request, user)
    return HttpResponse()


def sign_in_as(request: HttpRequest, name: str) -> HttpResponse:
    login(request, User.objects.get(username=name), backend=PASSWORD_BACKEND)
    return HttpResponse()


def sign_out(request: HttpRequest) -> HttpResponse:
    request.session.get("note")
    pause(VIEW)
    logout(request)
    return HttpResponse()


@transaction.atomic
def sign_out_in_transaction(request: HttpRequest) -> HttpResponse:
    response = sign_out(request)
    pause(COMMIT)
    return response


def expire_in(request: HttpRequest, seconds: int) -> HttpResponse:
    request.session.set_expiry(seconds)
    return HttpResponse()


async def awrite(request: HttpRequest) -> HttpResponse:
    await request.session.aset("note", "written")
    return HttpResponse()


async def asave(request: HttpRequest) -> HttpResponse:
    """A view that does not leave it to the middleware."""
    await request.session.aset("note", "written")
    await request.session.asave()
    return HttpResponse()


async def acycle(request: HttpRequest) -> HttpResponse:
    await request.session.acycle_key()
    return HttpResponse()


async def achange_password(request: OIDCRequest) -> HttpResponse:
    # Django's aupdate_session_auth_hash compares request.user, which would block if it were not loaded yet.
    await request.oidc.aload()
    user = await User.objects.aget(username=request.user.get_username())
    user.set_password("a new password")
    await user.asave()
    await aupdate_session_auth_hash(request, user)
    return HttpResponse()


async def asign_in_as(request: HttpRequest, name: str) -> HttpResponse:
    await alogin(request, await User.objects.aget(username=name), backend=PASSWORD_BACKEND)
    return HttpResponse()


async def asign_out(request: HttpRequest) -> HttpResponse:
    await alogout(request)
    return HttpResponse()


async def aexpire_in(request: HttpRequest, seconds: int) -> HttpResponse:
    await request.session.aset_expiry(seconds)
    return HttpResponse()


SYNC = [
    path("write/", write),
    path("save/", write),
    path("cycle/", cycle),
    path("change-password/", change_password),
    path("sign-in-as/<str:name>/", sign_in_as),
    path("sign-out/", sign_out),
    path("expire-in/<int:seconds>/", expire_in),
]
ASYNC = [
    path("write/", awrite),
    path("save/", asave),
    path("cycle/", acycle),
    path("change-password/", achange_password),
    path("sign-in-as/<str:name>/", asign_in_as),
    path("sign-out/", asign_out),
    path("expire-in/<int:seconds>/", aexpire_in),
]
urlpatterns = [
    *common,
    path("who/", who),
    path("read/", read),
    path("cycle-in-transaction/", cycle_in_transaction),
    path("sign-out-in-transaction/", sign_out_in_transaction),
    path("sync/", include(SYNC)),
    path("async/", include(ASYNC)),
]
