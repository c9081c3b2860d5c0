"""Renewing tokens without Django: who calls the OP, who waits, and what becomes of the session."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from oidc_rp.flows.refresh import MAX_RETRY_SECONDS, RETRY_SECONDS, Held, SessionTokens, renew_tokens
from oidc_rp.protocol.errors import (
    OIDCError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    RenewalError,
    SessionEndedError,
)
from oidc_rp.provider import Provider
from tests.support.fake_op import FakeOP
from tests.support.site import Clock, MemoryCache, build_provider

NOW = 1_800_000_000.0
JSON = {"Content-Type": "application/json"}
CLAIMS = {"iss": "https://op.example", "sub": "subject-1", "aud": "client-1", "nonce": "n", "auth_time": 5}


@dataclass
class MemoryStore:
    """The tokens of one session. `before_save` is what others do while the OP is being asked."""

    held: Held
    lease: bool = False
    ended: str = ""
    before_save: Callable[[], None] = lambda: None
    log: list[str] = field(default_factory=list)

    def load(self) -> Held:
        self.log.append("load")
        if self.ended:
            raise SessionEndedError(self.ended)
        return self.held

    def take_lease(self, generation: int, now: float, until: float) -> bool:
        self.log.append("take")
        self.lease = generation == self.held.generation and now >= self.held.leased_until
        if self.lease:
            self.held = replace(self.held, leased_until=until)
        return self.lease

    def save(self, held: Held) -> bool:
        self.before_save()
        if not self.lease or self.ended:
            return False
        self.log.append("save")
        self.held = held
        return True

    def release(self, retry_at: float) -> None:
        self.log.append("release")
        self.held = replace(self.held, leased_until=0, retry_at=retry_at)

    def end(self, reason: str) -> bool:
        self.before_save()
        if not self.lease or self.ended:
            return False
        self.ended = reason
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def provider(op: FakeOP, clock: Clock) -> Provider:
    op.claims = {"nonce": None, "iat": int(NOW), "exp": int(NOW) + 300, "auth_time": None}
    op.token_answer = {"access_token": "access-token-2", "refresh_token": "refresh-token-2"}
    return build_provider(MemoryCache(clock))


def hold(**changes: Any) -> MemoryStore:
    tokens = SessionTokens("id-token-1", "access-token-1", CLAIMS, {"name": "Alice"})
    return MemoryStore(replace(Held(3, tokens, int(NOW), NOW - 300, "refresh-token-1"), **changes))


def is_first(held: Held) -> bool:
    return held.tokens.access_token == "access-token-1"


def renew(provider: Provider, store: MemoryStore, clock: Clock, patience: float = 0) -> Generator[float, None, Held]:
    return renew_tokens(provider, store, is_due=is_first, patience=lambda _: patience, clock=clock)


def finish(steps: Generator[float, None, Held]) -> Held:
    """Run what is expected not to wait."""
    with pytest.raises(StopIteration) as stopped:
        next(steps)
    held: Held = stopped.value.value
    return held


def fail(steps: Generator[float, None, Held], error: type[OIDCError]) -> Any:
    with pytest.raises(error) as caught:
        next(steps)
    return caught.value


def test_tokens_that_are_not_due_are_taken_as_they_are(provider: Provider, op: FakeOP, clock: Clock) -> None:
    store = hold(tokens=SessionTokens("i", "another", CLAIMS, {}))
    assert finish(renew(provider, store, clock)) is store.held
    assert (store.log, op.calls) == (["load"], [])


def test_tokens_are_renewed_by_one_call(provider: Provider, op: FakeOP, clock: Clock) -> None:
    store = hold()
    held = finish(renew(provider, store, clock))
    assert store.held is held
    assert op.forms[op.calls.index("token")] == {"grant_type": "refresh_token", "refresh_token": "refresh-token-1"}
    assert op.calls.count("token") == 1
    assert (held.generation, held.refresh_token, held.expires_at) == (4, "refresh-token-2", int(NOW) + 300)
    assert (held.renewed_at, held.leased_until, held.retry_at) == (NOW, 0, 0)
    assert (held.tokens.access_token, held.tokens.userinfo) == ("access-token-2", {"name": "Alice"})
    assert (held.tokens.id_token_claims["acr"], held.tokens.id_token_claims["auth_time"]) == ("pwd", 5)
    assert "access-token" not in repr(held)
    assert "refresh-token" not in repr(held)


def test_op_that_does_not_rotate_keeps_its_refresh_token(provider: Provider, op: FakeOP, clock: Clock) -> None:
    op.token_answer["refresh_token"] = None
    assert finish(renew(provider, hold(), clock)).refresh_token == "refresh-token-1"


def test_op_that_sends_no_id_token_leaves_the_old_one(provider: Provider, op: FakeOP, clock: Clock) -> None:
    op.token_answer.update(id_token=None, expires_in=None)
    held = finish(renew(provider, hold(), clock))
    assert (held.tokens.id_token, held.tokens.id_token_claims, held.expires_at) == ("id-token-1", CLAIMS, None)


def test_unexpected_scope_is_noticed(provider: Provider, op: FakeOP, clock: Clock) -> None:
    op.token_answer["scope"] = "openid admin"
    assert finish(renew(provider, hold(), clock)).unexpected_scopes == ("admin",)


def test_session_that_has_ended_is_said_to_have(provider: Provider, clock: Clock) -> None:
    store = hold()
    store.ended = "admin"
    assert fail(renew(provider, store, clock), SessionEndedError).reason == "admin"


def test_nothing_is_sent_without_a_refresh_token(provider: Provider, op: FakeOP, clock: Clock) -> None:
    fail(renew(provider, hold(refresh_token=None), clock), RenewalError)
    assert op.calls == []


def test_op_that_failed_a_moment_ago_is_left_alone(provider: Provider, op: FakeOP, clock: Clock) -> None:
    error = fail(renew(provider, hold(retry_at=NOW + 2.5), clock), OPUnavailableError)
    assert (error.code, error.retry_after) == ("renewal_postponed", 3)
    assert op.calls == []


def test_loser_waits_for_the_winner_and_takes_its_tokens(provider: Provider, op: FakeOP, clock: Clock) -> None:
    store = hold(leased_until=NOW + 20)
    steps = renew(provider, store, clock, patience=30)
    pauses = [next(steps), next(steps)]
    assert pauses == [0.05, pytest.approx(0.075)]
    store.held = replace(store.held, tokens=SessionTokens("i", "of the winner", CLAIMS, {}), generation=4)
    assert finish(steps).tokens.access_token == "of the winner"
    assert op.calls == []


def test_loser_of_the_lease_itself_waits_too(provider: Provider, op: FakeOP, clock: Clock) -> None:
    store = hold()
    # Between its look at the tokens and its try, another request has renewed them.
    stale, store.held = store.held, replace(store.held, generation=4)
    store.load = lambda: stale  # type: ignore[method-assign]  # what it saw
    steps = renew(provider, store, clock, patience=30)
    assert next(steps) == 0.05
    assert op.calls == []


def test_loser_does_not_wait_for_longer_than_it_wants(provider: Provider, clock: Clock) -> None:
    steps = renew(provider, hold(leased_until=NOW + 20), clock, patience=1)
    next(steps)
    clock.advance(1)
    assert fail(steps, OPUnavailableError).code == "renewal_busy"


def test_lease_of_a_process_that_died_is_taken_over(provider: Provider, op: FakeOP, clock: Clock) -> None:
    steps = renew(provider, hold(leased_until=NOW + 20), clock, patience=30)
    next(steps)
    clock.advance(20)
    assert finish(steps).tokens.access_token == "access-token-2"


def test_lease_lasts_longer_than_a_renewal_can(provider: Provider, clock: Clock) -> None:
    store = hold()
    store.before_save = lambda: store.log.append(f"leased for {store.held.leased_until - NOW:g}")
    finish(renew(provider, store, clock))
    # One secret, metadata and keys, at 5 seconds each, and a margin.
    assert "leased for 20" in store.log


@pytest.mark.parametrize(
    ("claims", "cause"),
    [({"sub": "subject-2"}, "token_sub"), ({"exp": 1}, "token_exp"), ({"nonce": "another"}, "token_nonce")],
    ids=["other_subject", "expired", "other_nonce"],
)
def test_id_token_that_is_not_for_this_login_ends_the_session(
    provider: Provider, op: FakeOP, clock: Clock, claims: dict[str, Any], cause: str
) -> None:
    op.claims.update(claims)
    store = hold()
    error = fail(renew(provider, store, clock), SessionEndedError)
    assert (error.reason, store.ended) == ("refresh_mismatch", "refresh_mismatch")
    assert error.__cause__.code == cause
    assert "save" not in store.log


def test_invalid_grant_ends_the_session(provider: Provider, op: FakeOP, clock: Clock) -> None:
    op.overrides["token"] = (400, JSON, '{"error": "invalid_grant"}')
    store = hold()
    assert fail(renew(provider, store, clock), SessionEndedError).reason == "refresh_refused"
    assert store.ended == "refresh_refused"


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        ((503, {}, ""), OPUnavailableError, RETRY_SECONDS),
        ((503, {"Retry-After": "30"}, ""), OPUnavailableError, 30),
        ((503, {"Retry-After": "3600"}, ""), OPUnavailableError, MAX_RETRY_SECONDS),
        (requests.ConnectionError(), OPUnavailableError, RETRY_SECONDS),
        (requests.Timeout(), OPUnavailableError, RETRY_SECONDS),
        ((200, JSON, "<html>"), OPResponseError, RETRY_SECONDS),
        ((400, {}, ""), OPResponseError, RETRY_SECONDS),
        ((401, JSON, '{"error": "invalid_client"}'), OPError, RETRY_SECONDS),
    ],
    ids=["503", "retry_after", "long_retry_after", "refused", "timeout", "html", "empty_400", "wrong_secret"],
)
def test_failure_that_is_not_about_the_session_leaves_it_alone(
    provider: Provider, op: FakeOP, clock: Clock, answer: Any, error: type[OIDCError], wait: float
) -> None:
    op.overrides["token"] = answer
    store = hold()
    fail(renew(provider, store, clock), error)
    assert (store.ended, store.log[-1]) == ("", "release")
    assert (store.held.refresh_token, store.held.retry_at) == ("refresh-token-1", NOW + wait)


def test_session_that_is_ended_during_its_renewal_stays_ended(provider: Provider, clock: Clock) -> None:
    store = hold()

    def end_meanwhile() -> None:
        store.ended = "backchannel_logout"

    store.before_save = end_meanwhile
    assert fail(renew(provider, store, clock), SessionEndedError).reason == "backchannel_logout"


@pytest.mark.parametrize("answer", [None, (400, JSON, '{"error": "invalid_grant"}')], ids=["renewed", "refused"])
def test_lease_that_was_lost_yields_to_what_the_other_has_stored(
    provider: Provider, op: FakeOP, clock: Clock, answer: Any
) -> None:
    if answer is not None:
        op.overrides["token"] = answer
    store = hold()

    def take_over() -> None:
        store.lease = False
        store.held = replace(store.held, generation=4, tokens=SessionTokens("i", "of the other", CLAIMS, {}))

    store.before_save = take_over
    assert finish(renew(provider, store, clock)).tokens.access_token == "of the other"
    assert store.ended == ""
