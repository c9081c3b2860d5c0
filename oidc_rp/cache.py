"""The Django cache as the shared cache of floor 2. It makes things fast; nothing depends on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from .conf import app_settings

logger = logging.getLogger("oidc_rp")


class DjangoSharedCache:
    """Implements `oidc_rp.provider.documents.SharedCache` on the cache named by OIDC_RP_CACHE.

    A cache server that is down must not take logins down with it, so every failure
    counts as a miss. Cache backends are plug-ins without a common base for their
    errors; the cause goes to the log with its traceback.
    """

    def get(self, key: str) -> Any:
        """The value, or None."""
        return _attempt(lambda cache: cache.get(key), None)

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keep `value` for at most `seconds`."""
        _attempt(lambda cache: cache.set(key, value, seconds), None)

    def add(self, key: str, seconds: int) -> bool:
        """Claim `key` for `seconds`: True for one caller only, and for every caller if the cache is broken."""
        return bool(_attempt(lambda cache: cache.add(key, 1, seconds), True))


def _attempt(operation: Callable[[BaseCache], Any], otherwise: Any) -> Any:
    try:
        return operation(caches[app_settings.cache])
    except Exception:
        logger.warning("cache_unavailable: the cache %r failed", app_settings.cache, exc_info=True)
        return otherwise
