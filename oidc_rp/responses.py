"""What people and programs see when something went wrong, and what operators find in the log."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .protocol.errors import (
    AuthenticationResponseError,
    ConfigurationError,
    GrantEndedError,
    OIDCError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    RenewalError,
    RequirementError,
    SessionEndedError,
    TokenError,
    UserRefusedError,
)

logger = logging.getLogger("oidc_rp")

DEFAULT_RETRY_AFTER = 30

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def protect(view: View[P]) -> View[P]:
    """Decorate one of this app's views: no OIDCError leaves it, and no cache, referrer or frame gets its answers.

    `Referrer-Policy` keeps the code and state in the callback's URL from the next page
    (RFC 9700 section 4.2.4); a framed login could be clicked through (section 4.16).
    """

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except OIDCError as error:
            response = error_response(request, error)
        add_never_cache_headers(response)
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        if not getattr(response, "xframe_options_exempt", False):
            response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Content-Security-Policy", "frame-ancestors 'none'")
        return response

    return wrapper


def error_response(
    request: HttpRequest,
    error: OIDCError,
    *,
    next_url: str = "",
    template: str = "oidc_rp/error.html",
    context: Mapping[str, object] | None = None,
) -> HttpResponse:
    """A neutral page, or JSON for who prefers it, with a reference under which the log has the cause.

    Starting again leads to the same provider, and then to `next_url`. `context` replaces or
    adds to what the template is given.

    Template: `oidc_rp/error.html`, with `title`, `message`, `description`, `reference`,
    `retry_url` and `status`.
    """
    reference = secrets.token_hex(4)
    status = get_status(error)
    logger.warning(
        "%s [%s] %s %s",
        error.code,
        reference,
        error,
        error.evidence,
        extra={"oidc_code": error.code, "oidc_reference": reference},
    )
    title, message = _describe(error)
    values = {
        "title": title,
        "message": message,
        "description": error.description if isinstance(error, OPError) and status == 403 else "",
        "reference": reference,
        "home_url": get_script_prefix(),
        "retry_url": _build_retry_url(request, next_url),
        "status": status,
        **(context or {}),
    }
    if prefers_json(request):
        response: HttpResponse = JsonResponse(
            {"error": error.code, "message": values["message"], "reference": reference}, status=status
        )
    else:
        response = render(request, template, values, status=status)
    patch_vary_headers(response, ["Accept"])
    # Django's own record of an answer over 400 carries the request, and AdminEmailHandler mails all of that:
    # the code in its query, the cookies. The record above is the better one.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no public way
    if status == 503:
        response["Retry-After"] = str(getattr(error, "retry_after", None) or DEFAULT_RETRY_AFTER)
    return response


def prefers_json(request: HttpRequest) -> bool:
    """Whether the client would rather have JSON than a page."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def get_status(error: OIDCError) -> int:
    """The HTTP status that an error means for the browser.

    400: what the browser brought cannot be used, starting again helps. 401: the session is
    over, or cannot be renewed. 403: this user may not, or not like this. 502: the OP
    answers wrongly. 503: it does not answer, or this site's own configuration keeps it from
    asking.
    """
    if isinstance(error, OPError):
        return _get_op_error_status(error)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return 502


def _build_retry_url(request: HttpRequest, next_url: str) -> str:
    match = request.resolver_match
    ours = match is not None and match.app_names[-1:] == ["oidc_rp"]
    arguments = list(match.kwargs.values()) if match is not None and ours else []
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return reverse("oidc_rp:login", args=arguments) + query


def _get_op_error_status(error: OPError) -> int:
    if error.error == "temporarily_unavailable":
        return 503
    if error.endpoint == "authorization":
        return 502 if error.error in ("server_error", "invalid_request", "unauthorized_client") else 403
    # A code that has expired or was used; every other refusal at the back is a matter between us and the OP.
    return 400 if error.error == "invalid_grant" else 502


_STATUSES: tuple[tuple[type[OIDCError], int], ...] = (
    (AuthenticationResponseError, 400),
    (RequirementError, 403),
    (SessionEndedError, 401),
    (GrantEndedError, 401),
    (RenewalError, 401),
    (UserRefusedError, 403),
    (OPUnavailableError, 503),
    (ConfigurationError, 503),
    (OPResponseError, 502),
    (TokenError, 502),
)


def _describe(error: OIDCError) -> tuple[str, str]:
    """A title and a sentence for people. They give no details: those are evidence, and go to the log."""
    status = get_status(error)
    if isinstance(error, UserRefusedError):
        return _("No access"), _("You are signed in at your provider, but this site has no access for your account.")
    if isinstance(error, RequirementError):
        return _("A stronger sign-in is needed"), _("Your provider did not confirm the sign-in that this page needs.")
    title, message = _SENTENCES.get(status, _SENTENCES[502])
    return _(title), _(message)


_SENTENCES: Mapping[int, tuple[str, str]] = {
    400: (
        gettext_noop("This sign-in cannot be completed"),
        gettext_noop("It took too long, was completed before, or was begun in another browser. Please start again."),
    ),
    401: (gettext_noop("Please sign in again"), gettext_noop("Your sign-in has come to its end.")),
    403: (gettext_noop("Sign-in was refused"), gettext_noop("Your provider did not complete the sign-in.")),
    502: (gettext_noop("Sign-in failed"), gettext_noop("Your provider gave an answer that this site cannot accept.")),
    503: (gettext_noop("Sign-in is not available just now"), gettext_noop("Please try again in a moment.")),
}
