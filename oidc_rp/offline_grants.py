"""`offline_grants`: access tokens of users who are away, for jobs (Core 1.0 section 11).

A grant begins with `shortcuts.request_offline_access`, and never otherwise.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet

from .bearer_auth import BearerAuth
from .flows.refresh import Held, renew_tokens
from .flows.shared_token import ASSUMED_LIFETIME_SECONDS, SharedToken
from .models import OfflineGrant
from .offline_rows import GrantStore, find_provider, mark_used, revoke_grants
from .protocol.errors import GrantEndedError, OIDCError, RenewalError, UserRefusedError
from .providers import DEFAULT_ALIAS
from .steps import arun, run
from .user_tokens import MIN_INTERVAL_SECONDS

logger = logging.getLogger("oidc_rp")

# How long a job waits for another that is renewing the same grant.
PATIENCE_SECONDS = 60


class Grant:
    """One user's grant. It may be kept for a long job: its row is read anew at each use."""

    def __init__(self, row: OfflineGrant) -> None:
        self.row = row

    def get_access_token(self) -> str:
        """An access token that will live a little longer: a query, and a call to the OP if there is none.

        Raises GrantEndedError if the grant is over, also by what the OP answered;
        UserRefusedError if the user's account is not active; OPUnavailableError or another
        OIDCError if the OP gives none now, and later it may; UnknownProviderError if the
        provider is not configured any more.
        """
        return run(self._fetch())

    async def aget_access_token(self) -> str:
        """`get_access_token`, for async code."""
        return await arun(self._fetch())

    @property
    def auth(self) -> GrantAuth:
        """`auth=` for requests: sends the access token to the provider's API_ORIGINS, and renews it once on a 401."""
        return GrantAuth(self)

    def revoke(self) -> bool:
        """End the grant, here at once and at the OP as soon as it can be asked; False if it has ended already."""
        return revoke_grants(Q(pk=self.row.pk), "revoked") > 0

    async def arevoke(self) -> bool:
        """`revoke`, for async code."""
        return await sync_to_async(self.revoke)()

    def renew_access_token(self, rejected: str) -> str:
        """Another in place of `rejected`, which an API has refused. Raises as `get_access_token`, or RenewalError."""
        return run(self._fetch(rejected))

    def _fetch(self, rejected: str | None = None) -> Generator[float, None, str]:
        store = GrantStore(self.row)
        seen: list[Held] = []

        def is_due(held: Held) -> bool:
            seen[:] = [held]
            now = time.time()
            if held.tokens.access_token == rejected:
                # An API that refuses each token must not make us get one for each of its answers.
                return now - held.renewed_at >= MIN_INTERVAL_SECONDS
            return not _read_token(held).is_fresh(now)

        def will_do(held: Held) -> bool:
            return held.tokens.access_token != rejected and _read_token(held).is_alive(time.time())

        try:
            held = yield from renew_tokens(
                find_provider(self.row),
                store,
                is_due=is_due,
                patience=lambda held: 0 if will_do(held) else PATIENCE_SECONDS,
                clock=time.time,
            )
        except (GrantEndedError, UserRefusedError):
            raise
        except OIDCError as error:
            if not (seen and will_do(seen[0])):
                raise
            logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)
            held = seen[0]
        unexpected = [scope for scope in held.unexpected_scopes if scope not in store.row.scopes]
        if unexpected:
            logger.warning("unexpected_scope: provider %r granted %s", self.row.alias, unexpected)
        if held.tokens.access_token == rejected:
            raise RenewalError("an access token that is only seconds old was refused")
        mark_used(store.row)
        return held.tokens.access_token


def _read_token(held: Held) -> SharedToken:
    """The access token with its times. One of which the OP has not said when it ends is taken to live a few minutes."""
    lifetime = ASSUMED_LIFETIME_SECONDS if held.expires_at is None else held.expires_at - held.renewed_at
    return SharedToken(held.tokens.access_token, held.renewed_at, lifetime)


class GrantAuth(BearerAuth):
    """`auth=` of requests for a job that works for one user. Raises what `Grant.get_access_token` does."""

    def __init__(self, grant: Grant) -> None:
        self._grant = grant

    def get_origins(self) -> frozenset[str]:
        """The provider's API_ORIGINS."""
        return find_provider(self._grant.row).config.api_origins

    def get_token(self) -> str:
        """A fresh access token."""
        return self._grant.get_access_token()

    def renew_token(self, rejected: str) -> str | None:
        """Another in place of `rejected`; None if that one is only seconds old."""
        try:
            return self._grant.renew_access_token(rejected)
        except RenewalError:
            return None


class OfflineGrants:
    """`offline_grants`: the grants that are alive. `user` is a user, or its primary key."""

    def get(self, user: Any, provider: str = DEFAULT_ALIAS) -> Grant | None:
        """The grant of `user` at a provider; None if there is none, or it has ended."""
        row = self._select(user).filter(alias=provider).first()
        return None if row is None else Grant(row)

    async def aget(self, user: Any, provider: str = DEFAULT_ALIAS) -> Grant | None:
        """`get`, for async code."""
        return await sync_to_async(self.get)(user, provider)

    def list(self, user: Any) -> Sequence[Grant]:
        """All grants of `user`, the newest first."""
        return [Grant(row) for row in self._select(user)]

    @staticmethod
    def _select(user: Any) -> QuerySet[OfflineGrant]:
        return OfflineGrant.objects.filter(user=user, ended_at=None).order_by("-pk")


offline_grants = OfflineGrants()
