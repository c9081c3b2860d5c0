"""The app's views: thin, each one leg of a flow in `oidc_rp.flows`."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import cast

from django.contrib.auth import authenticate
from django.contrib.auth import logout as django_logout
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from . import step_up_trips
from .cache import DjangoSharedCache
from .cookies import (
    cookie_name,
    delete_cookie,
    delete_transaction,
    load_logout,
    load_transaction,
    save_logout,
    set_cookie,
)
from .details import OIDCDetails, OIDCRequest
from .flows.login import complete_login, needs_interaction
from .flows.logout import begin_logout
from .flows.transaction import LIFETIME_SECONDS, Transaction
from .models import digest
from .offline_rows import start_grant
from .protocol.authentication import check_state, get_response_parameter
from .protocol.errors import (
    AuthenticationResponseError,
    OIDCError,
    OPError,
    RenewalError,
    SessionEndedError,
    UserRefusedError,
)
from .provider import Provider
from .providers import DEFAULT_ALIAS, UnknownProviderError, providers
from .refresh_cookie import RefreshToken, get_session_age, load_refresh_token, save_refresh_token
from .renewal import renewal_exempt
from .renewal_policy import is_expired
from .responses import error_response, protect
from .revocation import revoke_later
from .scripts import build_login_url
from .session_data import load_tokens, read_context
from .session_rows import end_row
from .sessions import start_session
from .shortcuts import redirect_to_op
from .site_urls import build_absolute_uri, login_redirect_url, logout_redirect_url, safe_next

logger = logging.getLogger("oidc_rp")

# Long enough for a page that refuses the user to send them back here, too short to notice otherwise.
BOUNCE_SECONDS = 10


@login_not_required
@protect
@require_safe
def login(request: HttpRequest, alias: str = DEFAULT_ALIAS) -> HttpResponse:
    """Begin a login and come back to `next`.

    Of the other query parameters only the provider's ALLOWED_REQUEST_PARAMS go on to the OP.
    """
    provider = get_provider(alias)
    next_url = safe_next(request, request.GET.get("next"), default=login_redirect_url())
    asked = {
        name: request.GET[name] for name in sorted(provider.config.allowed_request_params) if request.GET.get(name)
    }
    details = OIDCDetails(request)
    # One whose tokens can only come from a new login is not sent back to the page that needs them.
    usable = details.is_renewable or not is_expired(details.expires_at, time.time())
    if not asked and usable and (details.provider, details.iss) == (alias, provider.config.issuer):
        return _send_signed_in_user_on(request, provider, next_url)
    # Anyone can write a link, so it may ask for more than the provider's options demand, never for less.
    demanded = provider.config
    prompt, max_age, acr_values = asked.pop("prompt", None), asked.pop("max_age", ""), asked.pop("acr_values", "")
    seconds = int(max_age) if max_age.isascii() and max_age.isdigit() and len(max_age) < 10 else None
    return redirect_to_op(
        request,
        alias,
        next=next_url,
        prompt=demanded.prompt or prompt,
        max_age=min((limit for limit in (seconds, demanded.max_age) if limit is not None), default=None),
        acr_values=[acr for acr in acr_values.split() if not demanded.acr_values or acr in demanded.acr_values],
        params=asked,
    )


@login_not_required
@renewal_exempt
@csrf_exempt  # with form_post the OP's page posts here; `state` and its cookie are the protection
@transaction.non_atomic_requests  # start_session needs its row to be visible at once
@protect
@require_http_methods(["GET", "POST"])
def callback(request: HttpRequest, alias: str) -> HttpResponse:
    """Complete a login: the authentication response arrives here."""
    provider = get_provider(alias)
    if request.method == "POST" and provider.config.response_mode != "form_post":
        raise AuthenticationResponseError("a POST, but response_mode is query", code="response_mode")
    source = request.POST if request.method == "POST" else request.GET
    parameters: Mapping[str, list[str]] = dict(source.lists())
    transaction = _find_transaction(request, parameters)
    if transaction is None:
        # Back button, reload or a second tab. For somebody who is signed in, nothing is wrong.
        if OIDCDetails(request).is_authenticated:
            return HttpResponseRedirect(login_redirect_url())
        raise AuthenticationResponseError("no login is pending for this state", code="state_unknown")
    try:
        _claim(transaction)
        response = _complete(request, provider, transaction, parameters)
    except OIDCError as error:
        if transaction.step_up:
            response = step_up_trips.fail(request, error, transaction)
        else:
            response = error_response(request, error, next_url=transaction.next)
    delete_transaction(response, transaction.state)
    return response


@login_not_required
@csrf_exempt
@protect
@require_http_methods(["GET", "POST"])
def initiate(request: HttpRequest, alias: str) -> HttpResponse:
    """A login that a third party, such as the OP's portal, begins here (Core 1.0 section 4)."""
    provider = get_provider(alias)
    parameters = request.POST if request.method == "POST" else request.GET
    if parameters.get("iss") != provider.config.issuer:
        raise AuthenticationResponseError("iss is not this provider's issuer", code="initiate_iss")
    target = parameters.get("target_link_uri")
    next_url = safe_next(request, target, default="")
    if target and not next_url:
        raise AuthenticationResponseError("target_link_uri is not on this site", code="initiate_target")
    hint = get_response_parameter(dict(parameters.lists()), "login_hint")
    return redirect_to_op(
        request, alias, next=next_url or login_redirect_url(), params={"login_hint": hint} if hint else None
    )


@login_not_required
@renewal_exempt
@csrf_protect  # also where the site leaves CsrfViewMiddleware out
@protect
@require_http_methods(["GET", "POST"])
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out here and then at the OP. A GET asks for confirmation: a link must not sign anybody out."""
    if request.method == "GET":
        return render(request, "oidc_rp/logout.html", {"next": request.GET.get("next", "")})
    next_url = safe_next(request, request.POST.get("next"), default=logout_redirect_url())
    context = read_context(request.session)
    tokens = load_tokens(context.id) if context else None
    cookie = load_refresh_token(request, context, time.time()) if context else None
    if context is not None:
        end_row(context.id, "logout")
    django_logout(request)
    # From here on this site's session is over, whatever the OP does.
    if context is None:
        return HttpResponseRedirect(next_url)
    try:
        provider = providers[context.provider]
        if provider.config.issuer != context.iss:
            return HttpResponseRedirect(next_url)  # the alias is another OP's now, which must not see these tokens
        revoke_later(
            provider,
            refresh_token=cookie.token if cookie else None,
            access_token=tokens.access_token if tokens else None,
        )
        begun = begin_logout(
            provider,
            id_token_hint=tokens.id_token if tokens else None,
            post_logout_redirect_uri=build_absolute_uri(request, reverse("oidc_rp:logout_callback")),
            next_url=next_url,
        )
    except (OIDCError, UnknownProviderError) as error:
        logger.warning("logout_at_op_failed: %r", error)
        begun = None
    if begun is None:
        return HttpResponseRedirect(next_url)
    url, pending = begun
    response = HttpResponseRedirect(url)
    save_logout(response, pending)
    return response


@login_not_required
@renewal_exempt
@protect
@require_safe
def logout_callback(request: HttpRequest) -> HttpResponse:
    """Back from the OP after a logout: to where that logout was to end, if `state` is the one that was sent."""
    pending = load_logout(request)
    next_url = logout_redirect_url()
    if pending is not None:
        try:
            check_state(request.GET.get("state", ""), pending.state)
            next_url = pending.next
        except AuthenticationResponseError as error:
            # The session here is over in any case; only the way on is not to be chosen by a stranger.
            logger.warning("logout_state: %s", error)
    response = HttpResponseRedirect(next_url)
    delete_cookie(response, cookie_name("logout"))
    return response


@login_not_required
@protect
@require_safe
def session(request: HttpRequest) -> HttpResponse:
    """The session's facts as JSON, for scripts: 200 for a signed-in user, 401 otherwise. Times are Unix seconds."""
    return _describe_session(request, OIDCDetails(request))


@login_not_required
@renewal_exempt  # it does that itself
@csrf_protect
@protect
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Have the OP confirm the session now, and answer like `session`; the tokens stay here.

    For scripts, which cannot follow a silent login: a session without a refresh token is
    answered with 409, and where to sign in.
    """
    details = cast(OIDCRequest, request).oidc
    try:
        details.renew()
    except SessionEndedError:
        return _describe_session(request, OIDCDetails(request))
    except RenewalError as error:
        return JsonResponse({"error": error.code, "login_url": build_login_url(request)}, status=409)
    return _describe_session(request, details)


def _describe_session(request: HttpRequest, details: OIDCDetails) -> HttpResponse:
    if not details.is_authenticated:
        return JsonResponse({"authenticated": False}, status=401)
    return JsonResponse(
        {
            "authenticated": True,
            "provider": details.provider,
            "iss": details.iss,
            "sub": details.sub,
            "sid": details.sid,
            "acr": details.acr,
            "amr": list(details.amr),
            "auth_time": details.auth_time,
            "expires_at": details.expires_at,
            "username": request.user.get_username(),
        }
    )


def get_provider(alias: str) -> Provider:
    """The provider of a URL; Http404 if there is none."""
    try:
        return providers[alias]
    except UnknownProviderError:
        raise Http404("no such provider") from None


def _find_transaction(request: HttpRequest, parameters: Mapping[str, list[str]]) -> Transaction | None:
    state = get_response_parameter(parameters, "state")
    if state is None:
        return None
    transaction = load_transaction(request, state)
    if transaction is not None:
        check_state(state, transaction.state)
    return transaction


def _claim(transaction: Transaction) -> None:
    """Of two requests with one response at once, let one redeem the code: an OP may take the second for theft.

    A cache may forget, so this alone does not make `state` work once; the row's unique key does (`start_session`).
    """
    if not DjangoSharedCache().add(f"oidc_rp:state:{digest(transaction.state)}", LIFETIME_SECONDS):
        raise AuthenticationResponseError("this response has been used already", code="state_replayed")


def _complete(
    request: HttpRequest, provider: Provider, transaction: Transaction, parameters: Mapping[str, list[str]]
) -> HttpResponse:
    try:
        completed = complete_login(provider, transaction, parameters, now=time.time())
    except OPError as error:
        if transaction.silent and needs_interaction(error):
            if transaction.renews:
                end_row(transaction.renews, "renewal_refused")
            return HttpResponseRedirect(transaction.next)
        raise
    if completed.unexpected_scopes:
        logger.warning("unexpected_scope: provider %r granted %s", provider.alias, completed.unexpected_scopes)
    if transaction.offline_for:
        start_grant(request, provider, completed)
        return HttpResponseRedirect(transaction.next)
    user = authenticate(request, oidc_login=completed, oidc_provider=provider)
    if user is None:
        raise UserRefusedError("no authentication backend took the login", code="user_unknown")
    context = start_session(request, provider, completed, user)
    response = HttpResponseRedirect(transaction.next)
    token = completed.tokens.refresh_token
    if token is not None and context.generation is not None:
        refresh_token = RefreshToken(token, context.generation, issued_at=context.renewed_at)
        save_refresh_token(request, response, refresh_token, context, get_session_age(request.session))
    if transaction.step_up:
        step_up_trips.complete(request, response, completed)
    return response


def _send_signed_in_user_on(request: HttpRequest, provider: Provider, next_url: str) -> HttpResponse:
    """To `next` at once; but if that keeps sending them back here, say so, instead of going round for ever.

    The admin does that to users without `is_staff`. A person may well come twice, by a double
    click or the back button; only a loop comes three times within seconds.
    """
    mark = sha256(next_url.encode()).hexdigest()[:16]
    name = cookie_name("bounce")
    earlier, _, count = request.COOKIES.get(name, "").partition(".")
    if earlier == mark and count == "2":
        can_switch = "prompt" in provider.config.allowed_request_params
        context = {
            "next": next_url,
            "switch_url": f"{request.path}?prompt=login" if can_switch else "",
            "home_url": get_script_prefix(),
        }
        response = render(request, "oidc_rp/no_access.html", context, status=403)
        delete_cookie(response, name)
        return response
    redirect = HttpResponseRedirect(next_url)
    set_cookie(redirect, name, f"{mark}.{'2' if earlier == mark else '1'}", max_age=BOUNCE_SECONDS)
    return redirect
