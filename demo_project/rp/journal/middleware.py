"""Writes the protocol journal. Requests that do not speak the protocol cost a look at the URL's name."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from demo_project.rp.journal.legs import read_leg
from demo_project.rp.journal.recorder import recording
from demo_project.rp.journal.store import find_browser, store
from demo_project.rp.sites import current_site

MAX_COOKIE_LENGTH = 64


def cookie_name() -> str:
    return f"demo_{current_site().letter}_journal"


def read_browser(request: HttpRequest) -> str:
    """Which journal is this browser's; empty if it has none."""
    value = request.COOKIES.get(cookie_name(), "")
    return value if len(value) <= MAX_COOKIE_LENGTH else ""


class JournalMiddleware:
    """Goes around the session and everything that speaks the protocol."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        arrived_at = timezone.now()
        with recording() as recorded:
            response = self.get_response(request)
        leg = read_leg(request, response, recorded, arrived_at)
        if leg is None:
            return response
        browser = find_browser(leg) if leg.told_sid else read_browser(request) or find_browser(leg)
        if browser is None and not leg.told_sid:
            browser = secrets.token_urlsafe(24)
            response.set_cookie(cookie_name(), browser, secure=request.is_secure(), httponly=True, samesite="Lax")
        if browser is not None:
            store(browser, leg)
        return response
