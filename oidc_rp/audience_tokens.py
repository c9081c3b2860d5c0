"""Access tokens of the signed-in user for one API, or with less scope, beside the session's own.

By `resource` (RFC 8707), or with less `scope`, the refresh token buys one; the OP may rotate
it then, so that goes through the session's lease. By `audience` the session's access token
is exchanged for one (RFC 8693), which rotates nothing.

They are kept under seal in the cache that OIDC_RP_CACHE names, each under a key of all that
it depends on, the session first of all. The session's row is asked before the cache: of a
session that has ended nobody gets a token, wherever one may still lie.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Generator
from dataclasses import dataclass

from .cache import SealedCache
from .flows.refresh import Extra, Held
from .flows.shared_token import SharedToken, deserialize, serialize
from .models import digest
from .protocol.errors import OIDCError, RenewalError, SessionEndedError
from .protocol.tokens import Names, TokenResponse, check_resources, find_unexpected_scopes, read_names
from .providers import providers
from .renewal import Renewal
from .session_data import AuthenticationContext
from .user_tokens import MIN_INTERVAL_SECONDS, fetch_tokens

logger = logging.getLogger("oidc_rp")

# How long a token that is still good is used before another exchange is tried.
RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What an access token is to be for. The order of names, and repetitions, make no difference."""

    resource: tuple[str, ...]
    audience: tuple[str, ...]
    scope: tuple[str, ...]


def read_target(resource: Names, audience: Names, scope: Names) -> Target:
    """What was asked for. Raises ValueError if that is nothing, two ways at once, or no absolute URI as resource."""
    target = Target(*(tuple(sorted(read_names(names))) for names in (resource, audience, scope)))
    if target.resource and target.audience:
        raise ValueError("resource (RFC 8707) and audience (RFC 8693) are two ways: name one of them")
    if not any((target.resource, target.audience, target.scope)):
        raise ValueError("name a resource, an audience or a scope; without any, it is request.oidc.access_token")
    check_resources(target.resource)
    return target


def fetch_token_for(
    renewal: Renewal, context: AuthenticationContext, target: Target, *, rejected: str | None = None
) -> Generator[float, None, str]:
    """The access token for `target`, from the cache if there is a fresh one.

    `rejected` is one that an API has refused: another is got in its place, unless it is
    only seconds old. Raises as `user_tokens.fetch_tokens` does.
    """
    kept = _Kept(context, target, rejected)
    if target.audience:
        yield from _exchange(renewal, context, kept)
    else:
        extra = Extra(target.scope, target.resource, kept.save)
        yield from renewal.fetch(context, kept.is_missing, kept.will_do, extra)
    if kept.token is None or not kept.is_usable:
        raise RenewalError("there is no access token for this API, or only one that it has just refused")
    return kept.token.access_token


def _exchange(renewal: Renewal, context: AuthenticationContext, kept: _Kept) -> Generator[float, None, None]:
    """One call to the OP, maybe after one that renews the session's access token."""
    # Nothing of the session is renewed for this; but it raises if the session has ended.
    held = yield from renewal.fetch(context, lambda *_: False, lambda _: True)
    if not kept.is_missing(context, held) or kept.is_being_replaced():
        return
    try:
        held = yield from fetch_tokens(renewal, context)
        audience, scope = kept.target.audience, kept.target.scope
        answer = providers[context.provider].exchange_token(held.tokens.access_token, audience=audience, scope=scope)
    except SessionEndedError:
        raise
    except OIDCError as error:
        if not kept.is_usable:
            raise
        logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)
        return
    unexpected = find_unexpected_scopes(answer.scope, scope) if scope else ()
    if unexpected:
        logger.warning("unexpected_scope: provider %r granted %s", context.provider, unexpected)
    kept.save(answer)


class _Kept:
    """The token for one target of one session: in the cache, and as this call has found or got it."""

    def __init__(self, context: AuthenticationContext, target: Target, rejected: str | None) -> None:
        self.target = target
        self.token: SharedToken | None = None
        self._rejected = rejected
        # Before the OP is called: a token must not seem to live longer than it does.
        self._asked_at = 0.0
        self._cache = SealedCache("user token")
        # Names are lists, so none of one list can be taken for one of another.
        names = json.dumps([target.resource, target.audience, target.scope])
        self._key = f"oidc_rp:user:{digest(context.id, context.provider, context.iss, context.sub, names)}"

    def is_missing(self, context: AuthenticationContext, held: Held) -> bool:
        """Whether the OP is to be asked: looks into the cache, each time anew."""
        self._asked_at = now = time.time()
        self.token = token = deserialize(SharedToken, self._cache.load(self._key))
        if token is None:
            return True
        if token.access_token == self._rejected:
            # An API that refuses each token must not make us get one for each of its answers.
            return now - token.obtained_at >= MIN_INTERVAL_SECONDS
        return not token.is_fresh(now)

    @property
    def is_usable(self) -> bool:
        """Whether an API may still take what has been found."""
        token = self.token
        return token is not None and token.access_token != self._rejected and token.is_alive(time.time())

    def is_being_replaced(self) -> bool:
        """Whether this one will do while another request asks the OP, or has done so in vain seconds ago."""
        return self.is_usable and not self._cache.claim(f"{self._key}:renewal", RETRY_SECONDS)

    def will_do(self, held: Held) -> bool:
        """The same, for who asks of a session's tokens."""
        return self.is_usable

    def save(self, answer: TokenResponse) -> None:
        """Keep what the OP has answered."""
        self.token = SharedToken.from_answer(answer, self._asked_at)
        self._cache.save(self._key, serialize(self.token), math.ceil(self.token.lifetime))
