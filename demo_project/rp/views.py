"""The pages of the sites."""

import time
from typing import cast
from uuid import UUID

import requests
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from demo_project.rp.api import call_api
from demo_project.rp.claims import as_moment, build_claim_rows
from demo_project.rp.devices import ENDED_BY_USER, take_notice
from demo_project.rp.forms import TransferForm
from demo_project.rp.journal.diagram import build_rows
from demo_project.rp.journal.middleware import read_browser
from demo_project.rp.models import Trip
from demo_project.rp.sites import FRESH_SECONDS, current_site
from oidc_rp.decorators import recent_login_required, step_up_required
from oidc_rp.details import OIDCDetails, OIDCRequest
from oidc_rp.kept_forms import take_form
from oidc_rp.models import OIDCSession
from oidc_rp.policies import find_policy
from oidc_rp.session_data import read_context
from oidc_rp.session_rows import end_rows

# What the page after a transfer says, in the session until it has been said.
TRANSFERRED = "demo_rp_transferred"


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    notice = "" if request.user.is_authenticated else take_notice(read_browser(request))
    return render(request, "demo_rp/home.html", {"notice": notice})


@require_safe
@never_cache
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The session's facts and the validated claims."""
    details = cast(OIDCRequest, request).oidc
    context = {
        "auth_time": as_moment(details.auth_time),
        "auth_age": _age(details),
        "expires_at": as_moment(details.expires_at),
        "claims": build_claim_rows(details.claims),
    }
    return render(request, "demo_rp/profile.html", context)


@require_safe
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """The user's sessions at this site, whichever browser they are in; this one first."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    live = unexpired & Q(user_id=request.user.pk, ended_at=None)
    rows = OIDCSession.objects.filter(live).select_related("device")
    own = _own_session_id(request)
    context = {"sessions": sorted(rows.order_by("-created_at"), key=lambda row: str(row.pk) != own), "own": own}
    return render(request, "demo_rp/sessions.html", context)


@require_POST
def end_session(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End one of the user's other sessions."""
    return _end_others(request, Q(pk=pk))


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all of the user's sessions but this one."""
    return _end_others(request, Q())


@require_safe
@never_cache
@login_required
def private(request: HttpRequest) -> HttpResponse:
    """A page that needs a login, of whatever age."""
    return render(request, "demo_rp/private.html")


@require_safe
@never_cache
def fresh(request: HttpRequest) -> HttpResponse:
    """A page that needs a login which is not older than a minute, and sends anybody else to the OP for one."""
    if current_site().fresh_seconds is None:
        raise Http404("This site has no such page.")
    return _show_fresh(request)


@recent_login_required(FRESH_SECONDS)
def _show_fresh(request: HttpRequest) -> HttpResponse:
    details = cast(OIDCRequest, request).oidc
    context = {"age": _age(details), "auth_time": as_moment(details.auth_time)}
    return render(request, "demo_rp/fresh.html", context)


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """What the demo's API says about the user, whose access token this site sends along."""
    url = current_site().api_url
    if not url:
        raise Http404("This site has no such page.")
    details = cast(OIDCRequest, request).oidc
    try:
        answer = call_api(url, details.auth)
    except requests.RequestException as error:
        return render(request, "demo_rp/account.html", {"failure": type(error).__name__}, status=503)
    own = read_context(request.session)
    context = {
        "account": answer.json() if answer.ok else None,
        "failure": "" if answer.ok else f"{answer.status_code} {answer.reason}",
        "expires_at": as_moment(details.expires_at),
        "renewals": own.generation if own else None,
    }
    return render(request, "demo_rp/account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@step_up_required("transfer", keep_form=True)
def transfer(request: HttpRequest) -> HttpResponse:
    """A page that needs a second factor, and not one of an hour ago. A form that comes too late is kept."""
    kept = None
    if request.method == "POST":
        form = TransferForm(request.POST)
        if form.is_valid():
            request.session[TRANSFERRED] = "{amount} transferred to {recipient}.".format(**form.cleaned_data)
            return redirect("demo_rp:transfer")
    else:
        kept = take_form(request)
        form = TransferForm(initial=kept.dict() if kept else None)
    context = {
        "form": form,
        "is_kept": kept is not None,
        "done": request.session.pop(TRANSFERRED, "") if request.method != "POST" else "",
        "age": _age(cast(OIDCRequest, request).oidc),
        "max_age": find_policy("transfer").requirement.max_age,
    }
    return render(request, "demo_rp/transfer.html", context)


@require_safe
@never_cache
def journal(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The newest trip of this browser, or another one of its own."""
    trips = Trip.objects.filter(browser=read_browser(request)).exclude(browser="")
    trip = trips.first() if pk is None else get_object_or_404(trips, pk=pk)
    context = {"trips": trips, "trip": trip, "rows": build_rows(trip) if trip else []}
    return render(request, "demo_rp/journal.html", context)


@require_safe
@cache_control(max_age=60)
def stylesheet(request: HttpRequest) -> HttpResponse:
    """Served from here, so that the sites need no static files and no web server in front."""
    return render(request, "demo_rp/style.css", content_type="text/css; charset=utf-8")


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """The launcher asks here whether the site is up."""
    return HttpResponse("ok", content_type="text/plain")


def _own_session_id(request: HttpRequest) -> str:
    """Empty for a session that was not started by OpenID Connect."""
    context = read_context(request.session)
    return context.id if context else ""


def _end_others(request: HttpRequest, condition: Q) -> HttpResponse:
    # Whoever is not signed in any more is asked to by the page, which a POST cannot be repeated for.
    if request.user.is_authenticated:
        own = _own_session_id(request)
        others = condition & Q(user_id=request.user.pk)
        end_rows(others & ~Q(pk=own) if own else others, ENDED_BY_USER)
    return redirect("demo_rp:sessions")


def _age(details: OIDCDetails) -> int | None:
    """For how many seconds the user has been authenticated at the OP, if it says so."""
    return None if details.auth_time is None else max(0, int(time.time()) - details.auth_time)
