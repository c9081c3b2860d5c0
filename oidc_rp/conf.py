"""The settings of this app, read when they are first used, and again after `override_settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from django.conf import settings
from django.core.signals import setting_changed

from .mozilla_settings import read_mozilla_settings

# Every flat setting and its default. The system checks and the settings page know them from here.
DEFAULTS: Final[Mapping[str, Any]] = {
    "OIDC_RP_BASE_URL": None,
    "OIDC_RP_CACHE": "default",
    "OIDC_RP_COOKIE_NAME": "oidc_rp",
    "OIDC_RP_PROVIDER_LOADER": None,
    "OIDC_RP_REFRESH_COOKIE_AGE": None,
    "OIDC_RP_REFRESH_COOKIE_PATH": "/",
    "OIDC_RP_REFRESH_COOKIE_SAMESITE": "Lax",
    "OIDC_RP_REFRESH_GRACE": 60,
    "OIDC_RP_RENEWAL_TOLERANCE": 300,
    "OIDC_RP_SESSION_RENEWAL": "auto",
    "OIDC_RP_STEP_UP": {},
}


class AppSettings:
    """The flat settings as attributes, without their prefix and in lower case."""

    @property
    def base_url(self) -> str | None:
        """This site's own origin, such as "https://app.example"; None takes that of each request."""
        value: str | None = _get("OIDC_RP_BASE_URL")
        return value

    @property
    def cache(self) -> str:
        """The alias in CACHES where processes share what they know of the OPs, such as their keys."""
        value: str = _get("OIDC_RP_CACHE")
        return value

    @property
    def cookie_name(self) -> str:
        """What the names of this app's cookies begin with, after `__Host-`."""
        value: str = _get("OIDC_RP_COOKIE_NAME")
        return value

    @property
    def provider_loader(self) -> str | None:
        """Dotted path of a callable: alias -> the provider's dict, or None if there is no such provider."""
        value: str | None = _get("OIDC_RP_PROVIDER_LOADER")
        return value

    @property
    def refresh_cookie_age(self) -> int | None:
        """For how many seconds a refresh token's cookie is good; None for as long as the session's cookie."""
        value: int | None = _get("OIDC_RP_REFRESH_COOKIE_AGE")
        return value

    @property
    def refresh_cookie_path(self) -> str:
        """The Path of the refresh token's cookie."""
        value: str = _get("OIDC_RP_REFRESH_COOKIE_PATH")
        return value

    @property
    def refresh_cookie_samesite(self) -> Literal["Lax", "Strict", "None"]:
        """The SameSite of the refresh token's cookie."""
        value: Literal["Lax", "Strict", "None"] = _get("OIDC_RP_REFRESH_COOKIE_SAMESITE")
        return value

    @property
    def refresh_grace(self) -> float:
        """For how many seconds after a rotation a request with the refresh token before it gets the new one."""
        value: float = _get("OIDC_RP_REFRESH_GRACE")
        return value

    @property
    def renewal_tolerance(self) -> float:
        """For how many seconds a session that is due goes on while it cannot be renewed."""
        value: float = _get("OIDC_RP_RENEWAL_TOLERANCE")
        return value

    @property
    def session_renewal(self) -> Literal["auto", "expired", "off"] | int:
        """When a session is due to be renewed; a number is every so many seconds."""
        value: Literal["auto", "expired", "off"] | int = _get("OIDC_RP_SESSION_RENEWAL")
        return value

    @property
    def step_up(self) -> Mapping[str, Any]:
        """Step-up policies by name; each a dict of `acr_values`, `amr`, `max_age` and `provider`."""
        value: Mapping[str, Any] = _get("OIDC_RP_STEP_UP")
        return value

    @property
    def providers(self) -> Mapping[str, Any]:
        """OIDC_PROVIDERS; without it, mozilla-django-oidc's flat settings as the provider "default"."""
        configured = getattr(settings, "OIDC_PROVIDERS", None)
        if configured is not None:
            return configured  # type: ignore[no-any-return]  # the checks report anything but a dict
        legacy = read_mozilla_settings(settings)
        return {} if legacy is None else {"default": legacy}


# A setting that a site does not have costs more to ask for than the check of a whole session: Django's settings raise
# and catch an error for it. `override_settings` and pytest-django tell of each change by the signal.
_read: dict[str, Any] = {}


def _get(name: str) -> Any:
    try:
        return _read[name]
    except KeyError:
        value = _read[name] = getattr(settings, name, DEFAULTS[name])
        return value


def _forget(*, setting: str, **_: object) -> None:
    _read.pop(setting, None)


setting_changed.connect(_forget)


app_settings = AppSettings()
