"""Refresh: a new access token for an old session, by one call to the OP however many ask (RFC 6749 section 6).

An OP that rotates refresh tokens takes the second use of one for theft and revokes the
whole family (RFC 9700 section 4.14.2), so two requests of one session must never send
the same refresh token. The one that gets the lease on the stored tokens calls the OP;
the others wait for what it stores, or go on without.

What waits is written as a generator that yields the seconds to wait, so that one
implementation serves threads and event loops.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from oidc_rp.protocol.errors import (
    OIDCError,
    OPError,
    OPUnavailableError,
    RenewalError,
    TokenError,
)
from oidc_rp.protocol.refreshed_id_token import merge_claims
from oidc_rp.protocol.tokens import TokenResponse, find_unexpected_scopes
from oidc_rp.provider import Provider

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.5
# How long an OP that could not be reached is left alone, by the requests of one session.
RETRY_SECONDS = 5
MAX_RETRY_SECONDS = 60
LEASE_MARGIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """The tokens of one login, as they are stored under seal."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    id_token_claims: Mapping[str, Any] = field(repr=False)
    userinfo: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The tokens that are stored at this moment, and what stands in the way of renewing them.

    Times are Unix seconds. `generation` grows by one with each renewal. `refresh_token` is
    None if there is none that may still be used. Until `leased_until` another request is
    renewing; until `retry_at` nobody is to try again. `unexpected_scopes` are those that a
    renewal has brought and nobody has asked for.
    """

    generation: int
    tokens: SessionTokens
    expires_at: int | None
    renewed_at: float
    refresh_token: str | None = field(repr=False)
    leased_until: float = 0
    retry_at: float = 0
    unexpected_scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extra:
    """A further access token, got by the refresh token in place of a new one for the session itself.

    It is for the APIs in `resource` only (RFC 8707 section 2.2), or may do no more than
    `scope` says (RFC 6749 section 6). `keep` is given the answer before the lease is given
    back, so that those who wait for it find what it has kept.
    """

    scope: tuple[str, ...]
    resource: tuple[str, ...]
    keep: Callable[[TokenResponse], None] = field(repr=False)


class RefreshStore(Protocol):
    """Where the tokens of one session are, for all processes of the site."""

    def load(self) -> Held:
        """What is stored now. Raises SessionEndedError, or GrantEndedError for a grant that no session is behind."""

    def take_lease(self, generation: int, now: float, until: float) -> bool:
        """Take the lease, if these are still the stored tokens and nobody has it: True for one caller only."""

    def save(self, held: Held) -> bool:
        """Store the renewed tokens and give the lease back; False if the lease or the session was lost meanwhile."""

    def release(self, retry_at: float) -> None:
        """Give the lease back; nothing has changed."""

    def end(self, reason: str) -> bool:
        """End the session; False if it has ended, or the lease was lost to a request that may have had more luck."""


def renew_tokens(
    provider: Provider,
    store: RefreshStore,
    *,
    is_due: Callable[[Held], bool],
    patience: Callable[[Held], float],
    clock: Callable[[], float],
    extra: Extra | None = None,
) -> Generator[float, None, Held]:
    """The stored tokens, renewed first if `is_due` says so of them. Yields seconds to wait before going on.

    `patience` says of them how many seconds to wait for another request that is renewing them. With
    `extra`, the OP is asked for that access token, and the session keeps its own; a rotated
    refresh token and an ID token are taken over all the same.
    Raises what `store.load` does if the tokens are over, also by what the OP answered;
    RenewalError if there is no refresh token to use; OPUnavailableError if the OP, or the
    other request, does not come to an end; and OIDCError for other failures of the OP.
    """
    started, pause = clock(), FIRST_PAUSE
    while True:
        held = store.load()
        if not is_due(held):
            return held
        if held.refresh_token is None:
            raise RenewalError("there is no refresh token that may be used")
        now = clock()
        if now < held.retry_at:
            raise OPUnavailableError(
                "the OP did not answer a moment ago",
                endpoint="token",
                code="renewal_postponed",
                retry_after=int(held.retry_at - now) + 1,
            )
        if now >= held.leased_until and store.take_lease(held.generation, now, now + _lease_seconds(provider)):
            return _redeem(provider, store, held, held.refresh_token, clock=clock, extra=extra)
        if now - started >= patience(held):
            raise OPUnavailableError("another request is still renewing", endpoint="token", code="renewal_busy")
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _lease_seconds(provider: Provider) -> float:
    """Longer than a renewal can take: otherwise a second request would send the same refresh token.

    That is one call with each client secret, and at most two for metadata and keys.
    """
    config = provider.config
    return (max(len(config.client_secret), 1) + 2) * config.timeout + LEASE_MARGIN_SECONDS


def _redeem(
    provider: Provider,
    store: RefreshStore,
    held: Held,
    refresh_token: str,
    *,
    clock: Callable[[], float],
    extra: Extra | None,
) -> Held:
    """The part that only the holder of the lease comes to."""
    try:
        if extra is None:
            answer = provider.refresh(refresh_token)
        else:
            answer = provider.refresh(refresh_token, scope=extra.scope, resource=extra.resource)
        renewed = _build(provider, held, answer, clock(), extra)
    except OIDCError as error:
        reason = _find_end_reason(error)
        if reason is not None:
            return _end(store, reason, error)
        # What the OP says of a resource or a scope is no reason to leave the session unrenewed.
        wait = 0 if extra is not None and isinstance(error, OPError) else _find_wait(error)
        store.release(clock() + wait)
        raise
    if extra is not None:
        extra.keep(answer)
    if not store.save(renewed):
        # The session was ended, or another request took the lease over. What is stored now is what counts.
        return store.load()
    return renewed


def _end(store: RefreshStore, reason: str, error: OIDCError) -> Held:
    store.end(reason)
    try:
        # If they have not ended, the lease was lost to a request that may have had more luck.
        return store.load()
    except OIDCError as over:
        raise over from error


def _find_wait(error: OIDCError) -> float:
    return min(getattr(error, "retry_after", None) or RETRY_SECONDS, MAX_RETRY_SECONDS)


def _find_end_reason(error: OIDCError) -> str | None:
    """Why a failed renewal ends the session, None if it may go on."""
    if isinstance(error, TokenError):
        # The refresh token is spent, and what came for it is not for this login: there is nothing to go on with.
        return "refresh_mismatch"
    return "refresh_refused" if isinstance(error, OPError) and error.error == "invalid_grant" else None


def _build(provider: Provider, held: Held, answer: TokenResponse, now: float, extra: Extra | None) -> Held:
    tokens, expires_at, asked = held.tokens, held.expires_at, provider.config.scopes
    if extra is None:
        tokens = replace(tokens, access_token=answer.access_token)
        expires_at = None if answer.expires_in is None else int(now) + answer.expires_in
    elif extra.scope:
        asked = extra.scope
    if answer.id_token is not None:
        original = tokens.id_token_claims
        id_token = provider.validate_refreshed_id_token(
            answer.id_token, original=original, access_token=answer.access_token
        )
        tokens = replace(tokens, id_token=id_token.raw, id_token_claims=merge_claims(original, id_token.claims))
    return Held(
        generation=held.generation + 1,
        tokens=tokens,
        expires_at=expires_at,
        renewed_at=now,
        # An OP that does not rotate leaves it out of its answer (RFC 6749 section 6).
        refresh_token=answer.refresh_token or held.refresh_token,
        unexpected_scopes=find_unexpected_scopes(answer.scope, asked),
    )
