"""The signed-in user's access token, fresh whenever code asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from .bearer_auth import BearerAuth
from .flows.refresh import Held
from .protocol.errors import RenewalError
from .providers import UnknownProviderError, providers
from .renewal import Renewal
from .renewal_policy import is_expired, is_expiring
from .session_data import AuthenticationContext
from .steps import run

# Two renewals that a script asks for within so many seconds are one: several tabs may do it at once.
MIN_INTERVAL_SECONDS = 10


def fetch_tokens(
    renewal: Renewal, context: AuthenticationContext, *, rejected: str | None = None
) -> Generator[float, None, Held]:
    """The session's tokens, with an access token that will live a little longer.

    `rejected` is an access token that an API has refused: it is renewed even if it seems
    fresh, unless another request has done so. Raises SessionEndedError if the session is
    over; RenewalError, OPUnavailableError or another OIDCError if there is only an
    access token that has expired or was rejected.
    """

    def is_stale(now_held: AuthenticationContext, held: Held) -> bool:
        if rejected is not None:
            return held.tokens.access_token == rejected
        return is_expiring(now_held, time.time())

    def is_alive(held: Held) -> bool:
        return held.tokens.access_token != rejected and not is_expired(held.expires_at, time.time())

    held = yield from renewal.fetch(context, is_stale, is_alive)
    if not is_alive(held):
        raise RenewalError("the response has begun, so a rotated refresh token could not reach the browser")
    return held


def renew_now(renewal: Renewal, context: AuthenticationContext) -> Generator[float, None, Held]:
    """Renew the session, unless that was done seconds ago. Raises as `fetch_tokens` does."""

    def is_stale(now_held: AuthenticationContext, held: Held) -> bool:
        return time.time() - held.renewed_at >= MIN_INTERVAL_SECONDS

    return (yield from renewal.fetch(context, is_stale, lambda _: False))


class UserAuth(BearerAuth):
    """What `request.oidc.auth` is: `auth=` for requests, good for the user of one request only."""

    def __init__(self, alias: str | None, fetch: Callable[..., Generator[float, None, str]]) -> None:
        self._alias = alias
        self._fetch = fetch

    def get_origins(self) -> frozenset[str]:
        """The provider's API_ORIGINS; none, so that nothing is sent, if nobody is signed in or the provider is gone."""
        try:
            return frozenset() if self._alias is None else providers[self._alias].config.api_origins
        except UnknownProviderError:
            return frozenset()

    def get_token(self) -> str:
        """A fresh access token. Raises what `request.oidc.access_token` does."""
        return run(self._fetch())

    def renew_token(self, rejected: str) -> str | None:
        """Another in place of `rejected`. Raises SessionEndedError, or OPUnavailableError."""
        try:
            return run(self._fetch(rejected=rejected))
        except RenewalError:
            return None
