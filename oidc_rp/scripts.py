"""Requests that cannot be sent to the OP: those of scripts, and those that are not a person's visit to a page.

A redirect to the OP is of use to a top-level navigation only. `fetch` and XMLHttpRequest
stop at the OP's cross-origin answer, HTMX would put its login page into an element, a
frame is refused by it, and a POST would lose its body. They get a 401 that says where
to sign in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from .responses import prefers_json
from .site_urls import login_redirect_url, safe_next

# The statuses with which a view sends somebody to the login.
REDIRECTS = (302, 303, 307)
# What `is_script` reads; an answer that depends on it varies by these.
SCRIPT_HEADERS = ("Accept", "HX-Request", "Sec-Fetch-Mode", "X-Requested-With")


def is_script(request: HttpRequest) -> bool:
    """Whether a program made this request, and not a person who is going to a page.

    Browsers tell in `Sec-Fetch-Mode`, on https and on localhost. Without it: HTMX's and
    jQuery's own headers, and a preference for JSON.
    """
    headers = request.headers
    if headers.get("HX-Request") == "true" or headers.get("X-Requested-With") == "XMLHttpRequest":
        return True
    mode = headers.get("Sec-Fetch-Mode")
    return prefers_json(request) if mode is None else mode != "navigate"


def is_page_visit(request: HttpRequest) -> bool:
    """Whether a redirect to the OP and back is harmless: a top-level navigation by GET."""
    return (
        request.method == "GET"
        and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and not is_script(request)
    )


def find_page(request: HttpRequest) -> str:
    """The page to come back to after a sign-in that `request` gives rise to; a URL of this site.

    For a visit that is the page itself. For a script it is the page that the script runs
    in, and for a POST the page with the form, as far as the browser says: nobody wants to
    land on an API's URL, or on one that only takes POST.
    """
    default = login_redirect_url()
    if is_page_visit(request):
        return safe_next(request, request.get_full_path(), default)
    return safe_next(request, request.headers.get("HX-Current-URL") or request.headers.get("Referer"), default)


def unauthorized(
    request: HttpRequest,
    login_url: str,
    *,
    error: str = "login_required",
    details: Mapping[str, Any] | None = None,
    challenge: str = "",
) -> HttpResponse:
    """A 401 for a script: JSON with `error`, `login_url` and `details`; for HTMX with HX-Redirect too.

    `challenge` is for the header WWW-Authenticate (RFC 9470 section 3).

    HTMX follows that header whatever the status, and takes the whole page to `login_url`.
    """
    response = JsonResponse({"error": error, "login_url": login_url, **(details or {})}, status=401)
    if request.headers.get("HX-Request") == "true":
        response["HX-Redirect"] = login_url
    if challenge:
        response["WWW-Authenticate"] = challenge
    add_never_cache_headers(response)
    patch_vary_headers(response, SCRIPT_HEADERS)
    return response


def build_login_url(request: HttpRequest, path: str | None = None) -> str:
    """Where to sign in, by this app's view or another, and come back to the page that `request` belongs to."""
    return f"{path or reverse('oidc_rp:login')}?{urlencode({'next': find_page(request)})}"


def answer_login_redirect(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """`response`, a redirect, unless it redirects to this app's login what a login would lose: then a 401 in its place.

    Scripts get JSON, and so does a form's POST that asks for it. Others that are neither
    GET nor HEAD get a page: signed in again, they can go back and send the form once more.
    """
    script = is_script(request)
    if not script and request.method in ("GET", "HEAD"):
        return response
    target = urlsplit(response.headers.get("Location", ""))
    if target.netloc not in ("", request.get_host()) or not _is_login(target.path):
        return response
    login_url = build_login_url(request, target.path)
    if script:
        return unauthorized(request, login_url)
    page = render(request, "oidc_rp/signed_out.html", {"login_url": login_url}, status=401)
    add_never_cache_headers(page)
    return page


def _is_login(path: str) -> bool:
    try:
        return path.startswith(reverse("oidc_rp:login"))
    except NoReverseMatch:  # the site has not included this app's URLs
        return False
