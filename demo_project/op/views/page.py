"""What every HTML page of the OP has in common."""

import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic.base import TemplateResponseMixin
from oauth2_provider.models import Application


class PageMixin(TemplateResponseMixin):
    """Renders a page that nobody else may frame, style, script or keep."""

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        response = super().render_to_response({**context, "nonce": nonce}, **response_kwargs)
        return _protect(response, nonce)


def render_frontchannel_logout(request: HttpRequest, urls: list[str], destination: str) -> HttpResponse:
    """The page whose iframes carry a front-channel logout; the browser goes on to `destination` by itself."""
    nonce = secrets.token_urlsafe(16)
    context = {"nonce": nonce, "logout_urls": urls, "destination": destination}
    response = render(request, "demo_op/frontchannel_logout.html", context)
    return _protect(response, nonce, frames=_origins(urls))


def local_path(request: HttpRequest, url: str | None) -> str | None:
    """`url` if it leads to this OP. Anything else would make the login page an open redirector."""
    if url and url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return url
    return None


def _protect(response: HttpResponse, nonce: str, frames: Iterable[str] = ()) -> HttpResponse:
    directives = {
        "default-src": ["'none'"],
        "style-src": [f"'nonce-{nonce}'"],
        "img-src": ["data:"],
        # Chromium holds each redirect that follows a form to this list, so it has to name the relying parties.
        "form-action": ["'self'", *_relying_party_origins()],
        "frame-src": list(frames) or ["'none'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
    response["Content-Security-Policy"] = "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())
    add_never_cache_headers(response)
    return response


def _relying_party_origins() -> list[str]:
    uris = Application.objects.values_list("redirect_uris", "post_logout_redirect_uris")
    return _origins(uri for both in uris for each in both for uri in each.split())


def _origins(urls: Iterable[str]) -> list[str]:
    parts = (urlsplit(url) for url in urls)
    return sorted({f"{part.scheme}://{part.netloc}" for part in parts})
