"""The Django cache as the shared cache of floor 2. It makes things fast; nothing depends on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from .conf import app_settings
from .sealing import SealError, open_sealed, seal

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

    def delete(self, key: str) -> None:
        """Forget `key`."""
        _attempt(lambda cache: cache.delete(key), None)


class SealedCache:
    """Implements `oidc_rp.flows.service.Store` on the same cache: values under seal, each for its purpose and key.

    Who can read the cache reads no token, and who can write to it can take one away and
    not put one in, or one under another's key.
    """

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self._cache = DjangoSharedCache()

    def load(self, key: str) -> bytes | None:
        """What was saved under `key`; None if there is nothing that has been sealed here for it."""
        sealed = self._cache.get(key)
        try:
            return open_sealed(sealed, self._purpose, key) if isinstance(sealed, str) else None
        except SealError:
            return None

    def save(self, key: str, value: bytes, seconds: int) -> None:
        """Keep `value`, sealed, for at most `seconds`."""
        self._cache.set(key, seal(value, self._purpose, key), seconds)

    def claim(self, key: str, seconds: int) -> bool:
        """Claim `key` for `seconds`: True for one caller only, and for every caller if the cache is broken."""
        return self._cache.add(key, seconds)

    def release(self, key: str) -> None:
        """Give a claim back."""
        self._cache.delete(key)


def _attempt(operation: Callable[[BaseCache], Any], otherwise: Any) -> Any:
    try:
        return operation(caches[app_settings.cache])
    except Exception:
        logger.warning("cache_unavailable: the cache %r failed", app_settings.cache, exc_info=True)
        return otherwise
