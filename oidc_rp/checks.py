"""System checks: the configuration's user interface.

`oidc_rp.settings_checks` looks at this app's own settings; here are those of the site
around it, and the registration of all of them, under the tag "oidc_rp". Docs: checks.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from inspect import isclass
from typing import Any

from django.apps import apps
from django.conf import global_settings, settings
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse

from .check_messages import report
from .conf import app_settings
from .policies import PolicyLike, find_policy
from .protocol.errors import ConfigurationError
from .providers import DEFAULT_ALIAS
from .settings_checks import (
    check_flat_settings,
    check_providers,
    check_providers_for_deployment,
    find_object,
    find_step_up_fault,
    is_provider,
)

TAG = "oidc_rp"

# By their paths: this module is imported before models can be, and several of these import models.
_BACKEND = "oidc_rp.backends.OIDCBackend"
_MIDDLEWARE = "oidc_rp.middleware.OIDCMiddleware"
_MIDDLEWARE_BEFORE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
_MOZILLA_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
_MOZILLA_MIDDLEWARE = "mozilla_django_oidc.middleware.SessionRefresh"
_SESSIONS_IN_DATABASE = ("django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db")

# Django's own measure (security.W009) is for signatures; these also say what keeps a sealed token secret.
_SECRET_KEY_LENGTH = 50
_SECRET_KEY_VARIETY = 5


def register_checks() -> None:
    """Register every check of this app. Called when the app is ready; again, it changes nothing."""
    for check in (check_providers, check_flat_settings, check_apps, check_middleware, check_backends, check_urls):
        register(check, TAG)
    for check in (check_session_cookie, check_step_up_views):
        register(check, TAG)
    for check in (check_providers_for_deployment, check_deployment):
        register(check, TAG, Tags.security, deploy=True)


def check_apps(**_: object) -> list[CheckMessage]:
    """The apps that this one stands on."""
    needed = ["django.contrib.auth"]
    if settings.SESSION_ENGINE in _SESSIONS_IN_DATABASE:
        needed.append("django.contrib.sessions")
    return [report("E121", f"oidc_rp needs {app!r}.") for app in needed if not apps.is_installed(app)]


def check_middleware(**_: object) -> list[CheckMessage]:
    """OIDCMiddleware is there, after what it needs, and mozilla-django-oidc's is gone."""
    ours = _find(_MIDDLEWARE, settings.MIDDLEWARE)
    messages = []
    if ours is None:
        messages.append(report("E122", "OIDCMiddleware is not in MIDDLEWARE: requests have no `oidc`."))
    for path in _MIDDLEWARE_BEFORE:
        position, name = _find(path, settings.MIDDLEWARE), path.rpartition(".")[2]
        if position is None:
            messages.append(report("E123", f"{name} is not in MIDDLEWARE."))
        elif ours is not None and position > ours:
            messages.append(report("E124", f"In MIDDLEWARE, {name} comes after OIDCMiddleware, which uses it."))
    if _find(_MOZILLA_MIDDLEWARE, settings.MIDDLEWARE) is not None:
        messages.append(report("W127", "mozilla-django-oidc's SessionRefresh is still in MIDDLEWARE."))
    return messages


def check_backends(**_: object) -> list[CheckMessage]:
    """OIDCBackend is there, and mozilla-django-oidc's own is gone."""
    if not apps.is_installed("django.contrib.auth"):
        return []  # reported by check_apps; without it, backends cannot be imported
    messages = []
    if _find(_BACKEND, settings.AUTHENTICATION_BACKENDS) is None:
        messages.append(report("E125", "AUTHENTICATION_BACKENDS has no OIDCBackend: nobody can sign in through an OP."))
    if _find(_MOZILLA_BACKEND, settings.AUTHENTICATION_BACKENDS, but_not=_BACKEND) is not None:
        messages.append(report("W127", "A backend of mozilla-django-oidc is still in AUTHENTICATION_BACKENDS."))
    return messages


def check_urls(**_: object) -> list[CheckMessage]:
    """This app's URLs are included, and login_required leads to a page that exists."""
    urlconf = _get("ROOT_URLCONF")
    if not isinstance(urlconf, str) or not urlconf:
        return []
    messages = []
    try:
        reverse("oidc_rp:callback", args=[DEFAULT_ALIAS])
        if settings.LOGIN_URL == global_settings.LOGIN_URL:
            resolve(settings.LOGIN_URL)
    except NoReverseMatch:
        messages.append(report("E126", "The URLs of oidc_rp are not included under their own namespace."))
    except Resolver404:
        messages.append(report("W128", f"LOGIN_URL is Django's default, {settings.LOGIN_URL}, where there is no page."))
    except (ImportError, ImproperlyConfigured):
        pass  # Django's own checks report a URLconf that cannot be loaded
    return messages


def check_session_cookie(**_: object) -> list[CheckMessage]:
    """The session cookie reaches the site when another site, the OP, sends the browser here."""
    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "strict":
        return [
            report(
                "E129",
                "SESSION_COOKIE_SAMESITE is Strict: browsers leave the cookie out when the OP brings the user back, "
                "who then seems to be signed out.",
            )
        ]
    return []


def check_step_up_views(**_: object) -> list[CheckMessage]:
    """The policies that views demand, of those that the URLconf leads to, can be used."""
    urlconf = _get("ROOT_URLCONF")
    if not isinstance(urlconf, str) or not urlconf or find_step_up_fault(app_settings.step_up) is not None:
        return []
    try:
        views = dict.fromkeys(_find_views(get_resolver().url_patterns))
    except (ImportError, ImproperlyConfigured):
        return []  # as above
    faults = {
        f"{view.__module__}.{view.__qualname__} demands what cannot be met: {fault}."
        for view in views
        for policy in getattr(view, "step_up_policies", ())
        if (fault := _find_demand_fault(policy)) is not None
    }
    return [report("E115", fault) for fault in sorted(faults)]


def check_deployment(**_: object) -> list[CheckMessage]:
    """What works on a developer's machine and not, or not safely, in production."""
    messages = [
        report("W141", f"{name} is not True.")
        for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
        if _get(name) is not True and not (name.startswith("CSRF") and _get("CSRF_USE_SESSIONS"))
    ]
    return [*messages, *_check_cache(), *_check_origin(), *_check_secret_keys()]


def _check_cache() -> Iterator[CheckMessage]:
    known, alias = _get("CACHES"), str(app_settings.cache)
    configured = known.get(alias) if isinstance(known, dict) else None
    backend = find_object(configured.get("BACKEND")) if isinstance(configured, dict) else None
    if isclass(backend) and issubclass(backend, LocMemCache | DummyCache):
        yield report(
            "W142",
            f"The cache {alias!r} is not shared between processes: each one fetches metadata and keys for itself.",
        )


def _check_origin() -> Iterator[CheckMessage]:
    base_url: object = app_settings.base_url
    if isinstance(base_url, str) and base_url.startswith("https://"):
        return
    if base_url is not None:
        yield report("W143", "OIDC_RP_BASE_URL is not https, so the redirect URIs are not either.")
    elif not settings.SECURE_PROXY_SSL_HEADER:
        yield report("W143", "Behind a proxy where TLS ends, redirect URIs will come out as http.")
    if settings.USE_X_FORWARDED_HOST and "*" in _as_list(_get("ALLOWED_HOSTS")):
        yield report("W144", "With USE_X_FORWARDED_HOST and any host allowed, a request can choose the redirect URI.")


def _check_secret_keys() -> Iterator[CheckMessage]:
    try:
        keys: dict[str, object] = {"SECRET_KEY": settings.SECRET_KEY}
    except ImproperlyConfigured:
        keys = {"SECRET_KEY": ""}
    fallbacks = _as_list(_get("SECRET_KEY_FALLBACKS"))
    keys |= {f"SECRET_KEY_FALLBACKS[{index}]": key for index, key in enumerate(fallbacks)}
    for name, key in keys.items():
        text = str(key)
        if (
            len(text) < _SECRET_KEY_LENGTH
            or len(set(text)) < _SECRET_KEY_VARIETY
            or text.startswith("django-insecure-")
        ):
            yield report("W145", f"{name} is too weak to seal tokens with: who guesses it reads them.")


def _find_views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.callback
        else:
            yield from _find_views(pattern.url_patterns)


def _find_demand_fault(policy: PolicyLike) -> str | None:
    try:
        provider = find_policy(policy).provider
    except ConfigurationError as error:
        return str(error)
    return None if provider is None or is_provider(provider) else f"OIDC_PROVIDERS has no provider {provider!r}"


def _get(name: str) -> Any:
    # Not the attribute itself: its declared type is what the value ought to be.
    return getattr(settings, name, None)


def _find(wanted: str, paths: object, *, but_not: str | None = None) -> int | None:
    """Where in a list of dotted paths `wanted` or a subclass of it stands; None if nowhere."""
    target, excluded = find_object(wanted), find_object(but_not)
    for position, path in enumerate(_as_list(paths)):
        found = find_object(path)
        if excluded is not None and isclass(found) and issubclass(found, excluded):
            continue
        if path == wanted or (isclass(found) and isclass(target) and issubclass(found, target)):
            return position
    return None


def _as_list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
