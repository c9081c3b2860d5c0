"""URLs of this site: absolute ones to hand to the OP, and the ones that users may be sent to."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import get_script_prefix, reverse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

from .conf import app_settings
from .protocol.urls import is_loopback

logger = logging.getLogger("oidc_rp")

# Longer, and a cookie with it in would pass the 4,096 bytes that browsers keep.
MAX_NEXT_LENGTH = 2_000


def build_redirect_uri(request: HttpRequest, alias: str) -> str:
    """The callback's absolute URL for one provider: each has its own (RFC 9700 section 4.4.2)."""
    return build_absolute_uri(request, reverse("oidc_rp:callback", args=[alias]))


def build_absolute_uri(request: HttpRequest, path: str) -> str:
    """An absolute URL on this site, from OIDC_RP_BASE_URL or the request's host, which ALLOWED_HOSTS has checked."""
    if app_settings.base_url is not None:
        return app_settings.base_url.rstrip("/") + path
    if not request.is_secure() and not is_loopback(urlsplit(f"//{request.get_host()}").hostname or ""):
        logger.warning(
            "insecure_redirect_uri: redirect URIs come out as http. If TLS ends at a proxy, set "
            "SECURE_PROXY_SSL_HEADER or OIDC_RP_BASE_URL."
        )
    return request.build_absolute_uri(path)


def safe_next(request: HttpRequest, url: str | None, default: str) -> str:
    """`url` if it leads to this very site, else `default` (RFC 9700 section 4.11.1: no open redirector).

    It comes back as it will stand in a Location header: in ASCII, percent-encoded.
    """
    if not url:
        return default
    encoded: str = iri_to_uri(url)
    # As it came and as it will be sent: Python drops a tab from "//\t/page", and in the header it is a host, "%09".
    for form in (url, encoded):
        if not url_has_allowed_host_and_scheme(form, {request.get_host()}, require_https=request.is_secure()):
            return default
    return encoded if len(encoded) <= MAX_NEXT_LENGTH else default


def login_redirect_url() -> str:
    """Where a login without a `next` ends: LOGIN_REDIRECT_URL."""
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def logout_redirect_url() -> str:
    """Where a logout without a `next` ends: LOGOUT_REDIRECT_URL, or the site's root."""
    return resolve_url(settings.LOGOUT_REDIRECT_URL or get_script_prefix())
