"""`service_tokens["alias"]`: access tokens of this site itself, for calls in which no user takes part.

Processes share them under seal in the cache that OIDC_RP_CACHE names. That one of them
renews a token relies on its `add`, which is atomic in Redis, Memcached and the database;
with a cache of its own each process gets a token for itself.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import partial

from asgiref.sync import sync_to_async

from .bearer_auth import BearerAuth
from .cache import SealedCache
from .flows.service import ServiceTokenKeeper
from .protocol.tokens import Names, check_resources, read_names
from .provider import Provider
from .providers import providers

logger = logging.getLogger("oidc_rp")

_Asked = tuple[tuple[str, ...], tuple[str, ...]]


class ServiceTokens:
    """The service tokens of one provider: one for each scope and resource that is asked for."""

    def __init__(self, registry: ServiceTokenRegistry, alias: str) -> None:
        self._registry = registry
        self._alias = alias

    def get(self, *, scope: Names = (), resource: Names = ()) -> str:
        """An access token by the client credentials grant (RFC 6749 section 4.4), from the cache if there is one.

        `scope` is as in the specification, or a list; none leaves the choice to the OP.
        `resource` is the URI of the API, or a list (RFC 8707). Raises OIDCError,
        UnknownProviderError, and ValueError for a resource that is no absolute URI.
        """
        return self._registry.find_keeper(self._alias, scope, resource).get()

    async def aget(self, *, scope: Names = (), resource: Names = ()) -> str:
        """The same for async code: a thread is used only where this process has no fresh token."""
        # Not if it comes from a loader, which may ask a database.
        is_listed = self._alias in providers
        token = self._registry.find_keeper(self._alias, scope, resource).peek() if is_listed else None
        return token or await sync_to_async(self.get)(scope=scope, resource=resource)

    def renew(self, rejected: str, *, scope: Names = (), resource: Names = ()) -> str | None:
        """Another access token than `rejected`, which an API has refused; None if another would not help.

        For HTTP clients other than requests, which has ServiceAuth. Raises as `get` does.
        """
        return self._registry.find_keeper(self._alias, scope, resource).renew(rejected)


class ServiceTokenRegistry:
    """`service_tokens`: by the alias of the provider."""

    def __init__(self) -> None:
        self.clear()

    def __getitem__(self, alias: str) -> ServiceTokens:
        """The service tokens of a provider. Looks nothing up: an unknown alias shows when a token is asked for."""
        return ServiceTokens(self, alias)

    def find_keeper(self, alias: str, scope: Names, resource: Names) -> ServiceTokenKeeper:
        """The keeper of one token, the same one for all threads. Raises as `ServiceTokens.get` does."""
        provider = providers[alias]
        asked = read_names(scope), read_names(resource)
        with self._lock:
            kept = self._kept.get(alias)
            if kept is None or kept[0] is not provider:
                # Its settings have changed, and what was got under the old ones is not for the new ones.
                kept = self._kept[alias] = (provider, {})
            keeper = kept[1].get(asked)
            if keeper is None:
                check_resources(asked[1])
                keeper = kept[1][asked] = ServiceTokenKeeper(
                    provider, SealedCache("service_token"), partial(_report, alias), scope=asked[0], resource=asked[1]
                )
        return keeper

    def clear(self) -> None:
        """Forget what this process has; the shared cache stays."""
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Provider, dict[_Asked, ServiceTokenKeeper]]] = {}


service_tokens = ServiceTokenRegistry()
# A lock that another thread held at the fork would never be released in the child.
os.register_at_fork(after_in_child=service_tokens.clear)


class ServiceAuth(BearerAuth):
    """`auth=` of requests for a call of this site itself: `requests.get(url, auth=ServiceAuth("alias", scope="read"))`.

    A token goes only to the provider's API_ORIGINS: DestinationError otherwise. What else
    it does is described at BearerAuth, what it raises at `ServiceTokens.get`. Building one
    looks nothing up, so a module may keep one for all its calls.
    """

    def __init__(self, alias: str, *, scope: Names = (), resource: Names = ()) -> None:
        self._alias = alias
        self._scope = scope
        self._resource = resource

    def get_origins(self) -> frozenset[str]:
        """The provider's API_ORIGINS."""
        return providers[self._alias].config.api_origins

    def get_token(self) -> str:
        """A service token."""
        return service_tokens[self._alias].get(scope=self._scope, resource=self._resource)

    def renew_token(self, rejected: str) -> str | None:
        """Another one; None if another would not help."""
        return service_tokens[self._alias].renew(rejected, scope=self._scope, resource=self._resource)


def _report(alias: str, code: str, what: object) -> None:
    logger.warning("%s: service token of provider %r: %r", code, alias, what)
