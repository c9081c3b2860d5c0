"""System checks of this app's own settings: OIDC_PROVIDERS and the flat OIDC_RP_*.

Nothing is fetched, no callable of the site is called, and no secret is opened, so that
hundreds of providers cost next to nothing. `oidc_doctor` does the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .check_messages import report
from .conf import DEFAULTS, app_settings
from .policies import find_policy_fault
from .protocol.urls import is_acceptable_url
from .provider import ProviderConfig
from .provider.config import inspect_config
from .provider.options import OPTIONS, find_nearest
from .provider.secrets import FILE_PREFIX, Secret
from .providers import DEFAULT_ALIAS

# What fits the column `alias` of the session table, and a path of a URL without being escaped.
_ALIAS = re.compile(r"[-a-zA-Z0-9_]{1,100}")
_COOKIE_NAME = re.compile(r"[-a-zA-Z0-9_]{1,100}")
_NOT_IN_COOKIE_PATHS = re.compile(r"[\x00-\x20\x7f-\uffff;,]")
# Those of mozilla-django-oidc that begin like ours.
_MOZILLA = frozenset(
    {
        "OIDC_RP_CLIENT_ID", "OIDC_RP_CLIENT_SECRET", "OIDC_RP_IDP_SIGN_KEY", "OIDC_RP_LINK_BY_EMAIL",
        "OIDC_RP_SCOPES", "OIDC_RP_SIGN_ALGO",
    }
)  # fmt: skip


def check_providers(**_: object) -> list[CheckMessage]:
    """OIDC_PROVIDERS, or mozilla-django-oidc's settings in its place."""
    configured = read_providers()
    if isinstance(configured, CheckMessage):
        return [configured]
    messages = []
    if DEFAULT_ALIAS not in configured and app_settings.provider_loader is None:
        messages.append(report("E004", f"OIDC_PROVIDERS has no provider {DEFAULT_ALIAS!r}, and there is no loader."))
    for alias, options in configured.items():
        messages += _check_provider(alias, options)
    return messages


def check_providers_for_deployment(**kwargs: object) -> list[CheckMessage]:
    """What is right on a developer's machine and wrong in production."""
    configured = read_providers()
    messages = []
    for alias, options in () if isinstance(configured, CheckMessage) else configured.items():
        config, _ = inspect_config(str(alias), options)
        if config is None:
            continue
        where = _name(config.alias)
        if config.issuer.startswith("http://"):
            messages.append(report("W010", f"{where}: ISSUER is http, on loopback."))
        if config.link_by_email:
            messages.append(
                report("W027", f"{where}: LINK_BY_EMAIL lets this OP open any account here, by its e-mail.")
            )
    return messages


def check_flat_settings(**_: object) -> list[CheckMessage]:
    """The flat settings: their values, and names that are not settings."""
    messages = []
    for name, (check, find_fault) in FLAT_SETTINGS.items():
        value = getattr(settings, name, DEFAULTS[name])
        fault = None if value is None is DEFAULTS[name] else find_fault(value)
        if fault is not None:
            messages.append(report(check, f"{name}{'' if fault.startswith('[') else ' '}{fault}."))
    return [*messages, *_check_names(name for name in dir(settings) if name.startswith("OIDC_RP_"))]


def read_providers() -> Mapping[Any, Any] | CheckMessage:
    """The dict of providers, or why there is none to be read."""
    fault = _find_mozilla_fault() if _are_mozilla_settings_read() else None
    if fault is not None:
        return report("E105", fault)
    configured: object = app_settings.providers
    return configured if isinstance(configured, Mapping) else report("E001", "OIDC_PROVIDERS must be a dict.")


def find_origin_fault(value: object) -> str | None:
    """What keeps `value` from being the origin of this site, None if nothing does."""
    if not isinstance(value, str) or not is_acceptable_url(value):
        return "must be an https origin (http only on loopback)"
    if urlsplit(value).path not in ("", "/") or "?" in value or "#" in value:
        return "must be an origin, without path, query or fragment"
    return None


def is_provider(alias: str) -> bool:
    """Whether there may be such a provider: a loader knows more than can be seen, and settings may be wrong."""
    configured = read_providers()
    return app_settings.provider_loader is not None or isinstance(configured, CheckMessage) or alias in configured


def find_step_up_fault(value: object) -> str | None:
    """What keeps `value` from being OIDC_RP_STEP_UP, None if nothing does."""
    return find_policy_fault(value, is_provider)


def find_object(path: object) -> Any:
    """What a dotted path of the settings leads to; None if to nothing.

    Django reports what it cannot import itself when it needs it, with the traceback.
    """
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")):
        return None
    try:
        return import_string(path)
    except (ImportError, ImproperlyConfigured, RuntimeError):
        return None


def _check_provider(alias: object, options: object) -> Iterator[CheckMessage]:
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
        yield report("E005", f"OIDC_PROVIDERS: the alias {alias!r} cannot be used in a URL.")
    config, problems = inspect_config(str(alias), options)
    for problem in problems:
        hint = problem.hint
        if _are_mozilla_settings_read():
            hint += " This provider is read from mozilla-django-oidc's settings; ISSUER is OIDC_OP_ISSUER there."
        yield Error(problem.message, hint=hint, id=problem.id)
    if config is not None:
        where = _name(config.alias)
        yield from _check_secrets(where, config)
        yield from _check_key(where, config.client_key)
        yield from _check_claims_mapping(where, config)
        yield from _check_requests(where, config)


def _check_secrets(where: str, config: ProviderConfig) -> Iterator[CheckMessage]:
    if config.client_secret and not config.client_auth_method.startswith("client_secret") and not config.uses_hmac:
        yield report(
            "W013", f"{where}: with CLIENT_AUTH_METHOD {config.client_auth_method}, nothing uses CLIENT_SECRET."
        )
    for source in config.client_secret:
        if callable(source):
            continue
        if source.startswith(FILE_PREFIX):
            yield from _check_file("W012", f"{where}: CLIENT_SECRET", source)
            continue
        if source != source.strip():
            yield report("W012", f"{where}: CLIENT_SECRET begins or ends with white space.")
        if config.uses_hmac:
            longest = max(config.signing_algorithms, key=lambda alg: int(alg[2:]))
            if len(source.encode(errors="replace")) * 8 < int(longest[2:]):
                # The RP would refuse each such ID token: RFC 7518 section 3.2.
                yield _option_error("CLIENT_SECRET", f"{where}: CLIENT_SECRET is too short to be a key for {longest}.")


def _check_key(where: str, source: Secret | None) -> Iterator[CheckMessage]:
    if source is None or callable(source):
        return
    if source.startswith(FILE_PREFIX):
        yield from _check_file("W014", f"{where}: CLIENT_KEY", source)
    elif "-----BEGIN " not in source or "PRIVATE KEY-----" not in source or "ENCRYPTED" in source:
        yield _option_error("CLIENT_KEY", f"{where}: CLIENT_KEY is not an unencrypted private key in PEM.")


def _check_file(name: str, what: str, source: str) -> Iterator[CheckMessage]:
    # A warning: where images are built and tests run, secrets are often not mounted.
    path = Path(source.removeprefix(FILE_PREFIX))
    try:
        readable = path.is_file() and os.access(path, os.R_OK)
    except (OSError, ValueError):  # a name that no file can have
        readable = False
    if not readable:
        yield report(name, f"{what}: the file {str(path)!r} does not exist or may not be read.")


def _check_claims_mapping(where: str, config: ProviderConfig) -> Iterator[CheckMessage]:
    if config.claims_mapping is None or not apps.is_installed("django.contrib.auth"):
        return
    # By its path, because it imports models, and this module is imported before models can be.
    find_faults = import_string("oidc_rp.claims_mapping.find_faults")
    for fault in find_faults(config.claims_mapping, get_user_model()):
        yield _option_error("CLAIMS_MAPPING", f"{where}: CLAIMS_MAPPING: {fault}.")


def _check_requests(where: str, config: ProviderConfig) -> Iterator[CheckMessage]:
    if config.prompt == "none":
        yield report("W019", f"{where}: with PROMPT none, nobody can sign in who is not signed in at the OP already.")


def _check_names(names: Iterable[str]) -> Iterator[CheckMessage]:
    for name in names:
        if name in DEFAULTS:
            continue
        if name not in _MOZILLA:
            nearest = find_nearest(name, DEFAULTS)
            yield report("W106", f"There is no setting {name}.{f' Did you mean {nearest}?' if nearest else ''}")
        elif not _are_mozilla_settings_read() and not apps.is_installed("mozilla_django_oidc"):
            yield report("W107", f"{name} of mozilla-django-oidc is not read, because OIDC_PROVIDERS is set.")


def _find_mozilla_fault() -> str | None:
    """What keeps mozilla-django-oidc's settings from being read as a provider, whose own faults are another matter."""
    if not isinstance(getattr(settings, "OIDC_RP_SCOPES", ""), str):
        return "OIDC_RP_SCOPES must be a string."
    params = getattr(settings, "OIDC_AUTH_REQUEST_EXTRA_PARAMS", None) or {}
    if not isinstance(params, Mapping):
        return "OIDC_AUTH_REQUEST_EXTRA_PARAMS must be a dict."
    max_age = params.get("max_age")
    if max_age is not None and not (str(max_age).isascii() and str(max_age).isdigit()):
        return "OIDC_AUTH_REQUEST_EXTRA_PARAMS: max_age must be a number of seconds."
    return None


def _are_mozilla_settings_read() -> bool:
    return getattr(settings, "OIDC_PROVIDERS", None) is None and hasattr(settings, "OIDC_RP_CLIENT_ID")


def _find_cache_fault(value: object) -> str | None:
    known: object = settings.CACHES
    if isinstance(value, str) and isinstance(known, Mapping) and value in known:
        return None
    return "is not in CACHES"


def _find_cookie_name_fault(value: object) -> str | None:
    if isinstance(value, str) and _COOKIE_NAME.fullmatch(value):
        return None
    return "cannot be used as the name of a cookie"


def _find_loader_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a dotted path"
    if not callable(find_object(value)):
        return f"leads to no callable: {value!r}"
    return None


def _find_age_fault(value: object) -> str | None:
    return None if _is_number(value, 1) and isinstance(value, int) else "must be a whole number of seconds from 1"


def _find_seconds_fault(value: object) -> str | None:
    return None if _is_number(value, 0) else "must be a number of seconds from 0"


def _find_renewal_fault(value: object) -> str | None:
    if value in ("auto", "expired", "off") or (_is_number(value, 1) and isinstance(value, int)):
        return None
    return "must be 'auto', 'expired', 'off' or a whole number of seconds from 1"


def _find_path_fault(value: object) -> str | None:
    if isinstance(value, str) and value.startswith("/") and not _NOT_IN_COOKIE_PATHS.search(value):
        return None
    return "cannot be used as the path of a cookie"


def _find_samesite_fault(value: object) -> str | None:
    return None if value in ("Lax", "Strict", "None") else "must be 'Lax', 'Strict' or 'None'"


def _is_number(value: object, low: float) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and low <= value < 1e10


# In step with conf.DEFAULTS; a test compares the two.
FLAT_SETTINGS: Mapping[str, tuple[str, Callable[[object], str | None]]] = {
    "OIDC_RP_BASE_URL": ("E101", find_origin_fault),
    "OIDC_RP_CACHE": ("E102", _find_cache_fault),
    "OIDC_RP_COOKIE_NAME": ("E103", _find_cookie_name_fault),
    "OIDC_RP_PROVIDER_LOADER": ("E104", _find_loader_fault),
    "OIDC_RP_REFRESH_COOKIE_AGE": ("E108", _find_age_fault),
    "OIDC_RP_REFRESH_COOKIE_PATH": ("E109", _find_path_fault),
    "OIDC_RP_REFRESH_COOKIE_SAMESITE": ("E110", _find_samesite_fault),
    "OIDC_RP_REFRESH_GRACE": ("E111", _find_seconds_fault),
    "OIDC_RP_RENEWAL_TOLERANCE": ("E112", _find_seconds_fault),
    "OIDC_RP_SESSION_RENEWAL": ("E113", _find_renewal_fault),
    "OIDC_RP_STEP_UP": ("E114", find_step_up_fault),
}


def _name(alias: str) -> str:
    return f"OIDC_PROVIDERS[{alias!r}]"


def _option_error(option: str, message: str) -> Error:
    return Error(message, hint=OPTIONS[option].hint, id=f"oidc_rp.E{OPTIONS[option].number:03}")
