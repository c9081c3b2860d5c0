"""Service to service: this client's own access tokens (RFC 6749 section 4.4), with the fewest calls to the OP.

A token has two copies, each optional for correctness: in this process, and in a store
that the processes share. Who finds none asks the OP, and so does one of those who find one
that ends soon. A claim in the store makes that one process, a lock one thread of it. Both
only coordinate: where the store loses or never keeps a claim, a process more asks the OP,
and each gets a token that is good.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from oidc_rp.protocol.errors import ConfigurationError, OIDCError, OPError, OPResponseError
from oidc_rp.protocol.tokens import build_client_credentials_grant, find_unexpected_scopes
from oidc_rp.provider import Provider

from .service_token import Refusal, Store, build_key
from .shared_token import SharedToken, deserialize, serialize

# After a renewal that failed while the token at hand was still good.
RETRY_SECONDS = 10
# How long the OP is not asked again after it has refused these credentials, or this scope or resource to them.
REFUSAL_SECONDS = 30
# An API that refuses even fresh tokens must not make us get one for each of its answers.
REJECTION_SECONDS = 10
# How often to look for the token that another process is getting. A cache cannot tell when it comes.
POLL_SECONDS = 0.1

_LASTING_ERRORS = frozenset(
    {"invalid_client", "invalid_scope", "invalid_target", "unauthorized_client", "unsupported_grant_type"}
)


class ServiceTokenKeeper:
    """The token of one provider for one scope and resource: kept, renewed, and shared by threads and processes.

    `report` gets the code of a log entry and what it is about. `clock` gives Unix seconds;
    `pause` waits for as many seconds as it is given.
    """

    def __init__(
        self,
        provider: Provider,
        store: Store,
        report: Callable[[str, object], None],
        *,
        scope: Sequence[str] = (),
        resource: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._provider = provider
        self._store = store
        self._report = report
        self._scope = scope
        self._resource = resource
        self._clock = clock
        self._pause = pause
        self._key = build_key(provider, scope, resource)
        self._limit = math.ceil(provider.config.timeout) + 1
        self._lock = threading.Lock()
        self._token: SharedToken | None = None
        self._refusal: Refusal | None = None
        self._failure: OIDCError | None = None
        self._retry_at = float("-inf")

    def peek(self) -> str | None:
        """The access token, if this process has a fresh one: never waits."""
        token = self._token
        return token.access_token if token is not None and token.is_fresh(self._clock()) else None

    def get(self) -> str:
        """An access token that is alive, as far as its `expires_in` tells.

        Waits only if there is none, for the one thread or process that is getting it; not
        for longer than TIMEOUT allows its calls to the OP. A token that ends soon is used
        while another is being got, and as long as it lives if that fails. Raises OIDCError.
        """
        token = self._find()
        if token is None:
            token = self._obtain()
        elif not token.is_fresh(self._clock()):
            token = self._renew_early(token)
        return token.access_token

    def renew(self, rejected: str) -> str | None:
        """Another access token than `rejected`, which an API has just refused.

        None if that one is as good as new and was itself got in place of a refused one: it
        is not the token's age, then, and another would not help. Raises OIDCError.
        """
        token, now = self._find(), self._clock()
        if (
            token is not None
            and token.access_token == rejected
            and token.is_replacement
            and token.is_fresh(now)
            and now - token.obtained_at < REJECTION_SECONDS
        ):
            return None
        return self._obtain(unwanted=rejected).access_token

    def _find(self, unwanted: str | None = None) -> SharedToken | None:
        """The newest token that is alive and not `unwanted`; from the store only if this process has no fresh one."""
        now, token = self._clock(), self._token
        if token is not None and token.is_fresh(now) and token.access_token != unwanted:
            return token
        usable = [
            each
            for each in (token, self._load(now))
            if each is not None and each.is_alive(now) and each.access_token != unwanted
        ]
        if not usable:
            return None
        self._token = newest = max(usable, key=lambda each: each.obtained_at)
        return newest

    def _load(self, now: float) -> SharedToken | None:
        token = deserialize(SharedToken, self._store.load(self._key))
        # A host whose clock is ahead must not make its token look younger.
        return token if token is None or token.obtained_at <= now else replace(token, obtained_at=now)

    def _obtain(self, unwanted: str | None = None) -> SharedToken:
        """A token where there is none to be used meanwhile: got by this thread, or waited for. Raises OIDCError."""
        failure = self._failure
        with self._lock:  # its holder waits for nothing but the OP, and a claim, both for a limited time
            token = self._find(unwanted)
            if token is not None:
                return token
            if self._failure is not None and self._failure is not failure:
                # Threads that have waited for one attempt must not each wait for one more.
                raise self._failure
            is_claimed = self._await_claim(unwanted)
            try:
                # Another process may have got it, or have been refused, just before it gave its claim back.
                token = self._find(unwanted)
                if token is not None:
                    return token
                self._check_refusal()
                return self._fetch(is_replacement=unwanted is not None)
            finally:
                if is_claimed:
                    self._store.release(self._claim_key)

    def _await_claim(self, unwanted: str | None) -> bool:
        """Whether this process is the one to ask the OP.

        If not, another has asked, and the answer is in the store; or it has died or is very
        slow, and this one asks too.
        """
        waited = 0.0
        while not self._store.claim(self._claim_key, self._limit):
            if waited >= self._limit or self._find(unwanted) is not None or self._load_refusal() is not None:
                return False
            self._pause(POLL_SECONDS)
            waited += POLL_SECONDS
        return True

    def _renew_early(self, token: SharedToken) -> SharedToken:
        """Another token, if nobody else is getting one; `token`, which is alive, if somebody is or if it fails."""
        if not self._lock.acquire(blocking=False):
            return token
        try:
            if self._clock() < self._retry_at or not self._store.claim(self._claim_key, self._limit):
                return token
            try:
                newest = self._find() or token
                if newest.is_fresh(self._clock()) or self._load_refusal() is not None:
                    return newest
                return self._fetch()
            except OIDCError as error:
                self._retry_at = self._clock() + RETRY_SECONDS
                self._report("service_token_stale", error)
                return token
            finally:
                self._store.release(self._claim_key)
        finally:
            self._lock.release()

    def _fetch(self, *, is_replacement: bool = False) -> SharedToken:
        if self._provider.config.client_auth_method == "none":
            # RFC 6749 section 4.4: only for clients that can prove who they are.
            raise ConfigurationError("a public client gets no tokens of its own", code="service_token_public_client")
        grant = build_client_credentials_grant(self._scope, self._resource)
        credentials = self._provider.fingerprint_credentials()
        now = self._clock()
        try:
            answer = self._provider.request_tokens(grant)
        except OIDCError as error:
            self._failure = error
            self._remember_refusal(error, credentials)
            raise
        unexpected = find_unexpected_scopes(answer.scope, self._scope) if self._scope else ()
        if unexpected:
            self._report("unexpected_scope", unexpected)
        self._failure = None
        self._token = token = SharedToken.from_answer(answer, now, is_replacement=is_replacement)
        if token.lifetime:
            self._store.save(self._key, serialize(token), math.ceil(token.lifetime))
        return token

    def _remember_refusal(self, error: OIDCError, credentials: str) -> None:
        """So that a wrong secret, or a scope that this client may not have, is not asked for again and again.

        Under the credentials that were refused, so that a corrected secret is used at once.
        """
        what: tuple[str, str, int | None]
        match error:
            case OPError() if error.error in _LASTING_ERRORS:
                what = (error.error, error.description, None)
            case OPResponseError(status=int(status)) if 400 <= status < 500:
                what = ("", "", status)  # some OPs refuse without an error code
            case _:
                return
        self._refusal = refusal = Refusal(credentials, self._clock() + REFUSAL_SECONDS, *what)
        self._store.save(self._refusal_key, serialize(refusal), REFUSAL_SECONDS)
        self._report("service_token_refused", error)

    def _check_refusal(self) -> None:
        refusal = self._load_refusal()
        if refusal is not None:
            raise refusal.build_error()

    def _load_refusal(self) -> Refusal | None:
        """What the OP has said of the present credentials, here or to another process, if that still counts."""
        shared = deserialize(Refusal, self._store.load(self._refusal_key))
        for refusal in (shared, self._refusal):
            if (
                refusal is not None
                and self._clock() < refusal.until
                and refusal.credentials == self._provider.fingerprint_credentials()
            ):
                return refusal
        return None

    @property
    def _claim_key(self) -> str:
        return f"{self._key}:renewal"

    @property
    def _refusal_key(self) -> str:
        return f"{self._key}:refusal"
