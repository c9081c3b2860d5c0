"""`providers["alias"]`: the registry of configured OPs, like `caches["alias"]`."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .cache import DjangoSharedCache
from .conf import app_settings
from .provider import Exchange, Provider
from .provider.config import read_config
from .signals import op_called

logger = logging.getLogger("oidc_rp")

DEFAULT_ALIAS = "default"
# What the column of the session table holds.
MAX_ALIAS_LENGTH = 100
Loader = Callable[[str], Mapping[str, Any] | None]


class UnknownProviderError(KeyError):
    """There is no provider under this alias."""


class ProviderRegistry:
    """Providers by alias, built at first use and kept until their settings change.

    With OIDC_RP_PROVIDER_LOADER, aliases that OIDC_PROVIDERS does not have are asked of
    the loader, at each use: it decides how long it remembers. A provider is kept as long
    as the loader returns equal settings.
    """

    def __init__(self) -> None:
        self.clear()

    def __getitem__(self, alias: str) -> Provider:
        """The provider; UnknownProviderError if there is none, ConfigurationError if its settings are wrong."""
        settings = self._find_settings(alias)
        built = self._built.get(alias)
        if built is not None and (built[0] is settings or built[0] == settings):
            return built[1]
        provider = Provider(read_config(alias, settings), cache=DjangoSharedCache(), observe=_report)
        with self._lock:
            self._built[alias] = (settings, provider)
        return provider

    def __iter__(self) -> Iterator[str]:
        """The aliases of OIDC_PROVIDERS; those of a loader cannot be listed."""
        return iter(app_settings.providers)

    def clear(self) -> None:
        """Forget every provider built so far, with its connections and its parsed keys."""
        # A new lock too: one that another thread held at a fork would never be released in the child.
        self._lock = threading.Lock()
        self._built: dict[str, tuple[Mapping[str, Any], Provider]] = {}

    @staticmethod
    def _find_settings(alias: str) -> Mapping[str, Any]:
        settings: Mapping[str, Any] | None = app_settings.providers.get(alias)
        if settings is None and app_settings.provider_loader is not None and _is_storable(alias):
            loader: Loader = import_string(app_settings.provider_loader)
            settings = loader(alias)
        if settings is None:
            raise UnknownProviderError(alias)
        return settings


providers = ProviderRegistry()


def _is_storable(alias: str) -> bool:
    # It comes from a URL: a loader that asks a database must not be handed what one refuses with an exception.
    return 0 < len(alias) <= MAX_ALIAS_LENGTH and "\0" not in alias


def _report(exchange: Exchange) -> None:
    if exchange.error is not None:
        logger.warning(
            "%s: %s %s of provider %r failed after %.3f s",
            exchange.error,
            exchange.endpoint,
            exchange.url,
            exchange.alias,
            exchange.duration,
        )
    op_called.send_robust(sender=Provider, exchange=exchange)


def _forget(*, setting: str, **_: object) -> None:
    if setting.startswith("OIDC_") or setting == "CACHES":
        providers.clear()


setting_changed.connect(_forget)
# A forked worker must not share sockets with its parent, as happens when a server loads the app first.
os.register_at_fork(after_in_child=providers.clear)
