"""A site in a process of its own that answers signed-in requests: the child of benchmark (c)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import django
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext, override_settings

from oidc_rp.sealing import open_sealed, seal

from .browser import Browser, build_environ, send
from .common import interleave
from .login_site import sign_in
from .processes import serve
from .settings import BARE_MIDDLEWARE

BARE_BACKEND = "django.contrib.auth.backends.ModelBackend"


def prepare() -> None:
    """Make the tables."""
    call_command("migrate", verbosity=0)


def measure(engine: str, path: str, rounds: int, calls: int) -> dict[str, Any]:
    """Median seconds and number of queries of a signed-in request to `path`, with our middleware and without.

    The same request on both sides, with the cookie of a refresh token: what is compared is the middleware, not the
    length of a header. How many values ours decrypts is counted.

    `engine` is where sessions are kept. Each side has the session that its own login
    made: ours holds the authentication context as well, and to load that is part of its cost.
    """
    backends = [*settings.AUTHENTICATION_BACKENDS, BARE_BACKEND]
    with override_settings(SESSION_ENGINE=engine, AUTHENTICATION_BACKENDS=backends):
        ours, refresh_cookies = _build_ours(path)
        contenders = {"ours": ours, "bare": _build_bare(path, refresh_cookies)}
        return {
            "queries": {name: _count_queries(call) for name, call in contenders.items()},
            "decryptions": _count_decryptions(contenders["ours"]),
            "seconds": interleave(contenders, rounds, calls),
        }


def _build_ours(path: str) -> tuple[Callable[[], object], dict[str, str]]:
    """The request, and what of its cookies is the refresh token's."""
    handler = WSGIHandler()
    browser = Browser(handler)
    sign_in(browser, "alice")
    refresh_cookies = {name: value for name, value in browser.cookies.items() if name.endswith(".refresh")}
    if not refresh_cookies:
        raise AssertionError("the browser has no refresh token")
    return _build_request(handler, path, browser), refresh_cookies


def _build_bare(path: str, refresh_cookies: Mapping[str, str]) -> Callable[[], object]:
    """The same user, signed in as Django itself does it."""
    with override_settings(MIDDLEWARE=BARE_MIDDLEWARE):
        handler = WSGIHandler()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    login(request, get_user_model().objects.get(), backend=BARE_BACKEND)
    request.session.save()
    browser = Browser(handler)
    browser.cookies.update(refresh_cookies)
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return _build_request(handler, path, browser)


def _build_request(handler: WSGIHandler, path: str, browser: Browser) -> Callable[[], object]:
    if browser.get("/user/").getvalue() != get_user_model().objects.get().get_username().encode():
        raise AssertionError("the browser is not signed in")
    environ = build_environ(path, {}, browser.cookies)
    return lambda: send(handler, environ.copy())


def _count_queries(call: Callable[[], object]) -> float:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def _count_decryptions(call: Callable[[], object]) -> int:
    """How often AES-GCM is asked to decrypt, which is a function of `cryptography` that is not Python's."""
    names: list[str] = []

    def note(frame: object, event: str, function: Any) -> None:
        if event == "c_call":
            names.append(function.__name__)

    def count(watched: Callable[[], object]) -> int:
        names.clear()
        sys.setprofile(note)
        try:
            watched()
        finally:
            sys.setprofile(None)
        return names.count(AESGCM.decrypt.__name__)

    sealed = seal(b"a value", "the benchmark")
    if count(lambda: open_sealed(sealed, "the benchmark")) != 1:
        raise AssertionError("decryptions cannot be counted")
    return count(call)


if __name__ == "__main__":
    django.setup()
    serve({"prepare": prepare, "measure": measure})
